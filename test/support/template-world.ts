import type { Result } from '../../workflows/contract/task.schema.ts';
import { call, inTurns, REFUSED, scriptedAnswers, write, type Rule } from './scripted-answers.ts';

/** A small repository in which the templates of `muster init` are run. */
export const TEMPLATE_WORLD: Readonly<Record<string, string>> = {
  'README.md': '# A project\n',
  'src/parser/read.ts': 'export const read = (text: string) => text.split(",");\n',
  'src/parser/write.ts': 'export const write = (cells: string[]) => cells.join(",");\n',
  'src/store/memory.ts': 'export const store = new Map<string, string>();\n',
  'docs/guide.md': '# Guide\n',
  'docs/CHANGELOG.md': '# Changes\n',
  'scripts/build.sh': 'echo build\n',
};

const finding = (file: string, line: number, what: string) => ({ file, line, what });
const places = (...files: string[]) => ({ places: files.map((file) => ({ file, what: `it is in ${file}` })) });

const SEARCH: Rule[] = [
  [/^Which directories of this project/, () => ({ areas: ['src', 'docs', 'scripts'].map(because) })],
  [
    /^Search src: /,
    () => ({
      findings: [finding('src/store/memory.ts', 1, 'never cleared'), finding('src/parser/read.ts', 1, 'quotes')],
    }),
  ],
  [/^Search docs: /, () => ({ findings: [] })],
  [/^Search scripts: /, () => REFUSED],
  [/^"never cleared" is said of/, () => ({ holds: true, why: 'nothing ever deletes from it' })],
  [/^"quotes" is said of/, () => ({ holds: false, why: 'the caller has removed them' })],
];

const IMPACT: Rule[] = [
  [/Look at code that calls it alone\.$/, () => places('src/a.ts', 'src/b.ts')],
  [/Look at tests alone\.$/, () => places('src/a.ts')],
  [/Look at documentation and examples alone\.$/, () => places('docs/guide.md', 'README.md')],
  [/Look at build and deployment alone\.$/, () => REFUSED],
  [
    /\nWould that break (\S+), and how much work/,
    (file) => ({ breaks: file.startsWith('src/'), effort: 'small', why: 'it reads the file by itself' }),
  ],
  [/In which order are the places in the context changed/, () => 'first a, then b'],
];

const GENERATE: Rule[] = [
  [/^Draft .*Your way: by question/, () => REFUSED],
  [/^Draft .*Your way: by (\w+)/, (way) => `a draft by ${way}`],
  [/^Judge the drafts in the context as an editor/, () => REFUSED],
  [/^Judge the drafts in the context as its/, () => ({ scores: [5, 8], keep: ['the example'] })],
  [/^Judge the drafts in the context/, () => ({ scores: [3, 9], keep: [] })],
  [/write it to `GETTING-STARTED\.md`\.$/, () => inTurns([write('GETTING-STARTED.md', '# Getting started\n')], 'done')],
];

const REFACTOR: Rule[] = [
  [
    /\nWork in src alone/,
    () =>
      inTurns([write('parser/read.ts', '<<<<<<< mine\n')], 'done', [write('parser/read.ts', 'export {};\n')], 'mended'),
  ],
  [/\nWork in \w+ alone/, () => 'nothing to change'],
];

const TESTS: Rule[] = [
  [
    /^Write tests for the file named in the context/,
    () => inTurns([write('unit.test.ts', 'test\n'), write('fixed.ts', 'no\n')], { tests: 1, faults: [] }),
  ],
];

const DOCS: Rule[] = [
  [
    /^Read the code of docs /,
    () =>
      inTurns([write('guide.md', '# A better guide\n'), write('CHANGELOG.md', 'no\n')], {
        mended: ['the title'],
        questions: [],
      }),
  ],
  [
    /^Read the code of \w+ and/,
    () => inTurns([call('Glob', { pattern: '*' })], { mended: [], questions: ['what is it for?'] }),
  ],
];

const CROSS_REPO: Rule[] = [
  [/This is scripts, one of many/, () => REFUSED],
  [
    /This is (\w+), one of many/,
    (name) => inTurns([write('setting', `${name}\n`)], { changed: true, summary: `${name} has it` }),
  ],
];

/** The work that each template asks for, done. */
export const templateAnswers = scriptedAnswers('template answers', [
  ...[SEARCH, IMPACT, GENERATE, REFACTOR, TESTS, DOCS, CROSS_REPO].flat(),
]);

/** A row of what a fleet came to: how each subagent ended, what it changed, what it was denied, what was verified. */
export type Row = [label: string, status: string, files: string[], denied: number, verified: boolean[]];

export const rowOf = ({ label, status, changes, permission_denials: denials, verify = [] }: Result): Row => [
  label,
  status,
  changes?.files ?? [],
  denials.length,
  verify.map(({ ok }) => ok),
];

/** What the scripts return. */
export const TEMPLATE_RETURNS: Readonly<Record<'search' | 'impact' | 'generate', unknown>> = {
  search: {
    question: 'Where is an error caught and then ignored?',
    findings: [{ ...finding('src/store/memory.ts', 1, 'never cleared'), verdict: 'confirmed' }],
    unsearched: ['scripts'],
  },
  impact: {
    change: 'The configuration file changes from JSON to YAML.',
    decision: 'go',
    breaking: ['src/a.ts', 'src/b.ts'].map((file) => ({
      ...{ file, breaks: true, effort: 'small', why: 'it reads the file by itself' },
    })),
    unjudged: [],
    blind: ['build and deployment'],
    plan: 'first a, then b',
  },
  generate: {
    file: 'GETTING-STARTED.md',
    best: 'by part: what each part is for, and where to begin to read',
    sums: [8, 17],
    judges: 2,
  },
};

/** What the fleet files come to. */
export const TEMPLATE_ROWS: Readonly<Record<'refactor' | 'tests' | 'docs', Row[]>> = {
  refactor: [
    ['docs', 'completed', [], 0, [true]],
    ['scripts', 'completed', [], 0, [true]],
    ['src', 'completed', ['src/parser/read.ts'], 0, [true]],
  ],
  tests: [
    ['src/parser/read.ts', 'completed', ['src/parser/unit.test.ts'], 1, []],
    ['src/parser/write.ts', 'completed', ['src/parser/unit.test.ts'], 1, []],
    ['src/store/memory.ts', 'completed', ['src/store/unit.test.ts'], 1, []],
  ],
  docs: [
    ['docs', 'completed', ['docs/guide.md'], 1, [true]],
    ['scripts', 'completed', [], 0, [true]],
    ['src', 'completed', [], 0, [true]],
  ],
};

function because(directory: string): { directory: string; why: string } {
  return { directory, why: 'it may be there' };
}
