import type { Grant } from '../../../workflows/contract/task.schema.ts';
import type { Attack } from '../attack.ts';
import {
  grantOf,
  FILES,
  SHELL,
  read,
  write,
  edit,
  glob,
  grep,
  bash,
  variants,
  link,
  all,
  canary,
  type Prepare,
} from '../attack-parts.ts';

/** Classes 20 to 23: rules, protected files, read-only scopes and temporary names. */

const NO_DOCS: Grant = { ...FILES, deny: ['Read(docs/**)'] };
const SCOPED = grantOf('Read', 'Edit(src/**)');
const aliases = all(
  link('alias', () => 'docs'),
  link('src/key', () => '../docs/guide.md'),
);

export const scopes: Attack[] = [
  ...variants({
    number: 20,
    grant: NO_DOCS,
    prepare: aliases,
    expect: { reasons: ['DENIED_BY_RULE'] },
    tries: {
      'reads what a rule denies': read('docs/guide.md'),
      'spells it with dots': read('src/.././docs//guide.md'),
      'spells it in full': read('${WORKSPACE}/docs/guide.md'),
      'goes by a link to the directory': read('alias/guide.md'),
      'goes by a link to the file': edit('src/key', 'Guide'),
      'writes beside it in capitals': write('DOCS/new'),
      'searches it by name': grep('Guide', 'docs/guide.md'),
    },
    twin: { title: 'reads what no rule denies', calls: [read('src/a.ts')], answers: /export/ },
  }),
  ...variants({
    number: 20,
    grant: NO_DOCS,
    prepare: aliases,
    expect: { answers: /^No(thing| file)/ },
    tries: {
      'searches everything': grep('Guide'),
      'lists it among others': glob('**/guide.md'),
      'counts it among others': grep('Guide', '.', 'count'),
    },
    twin: { title: 'searches', calls: [grep('export')], answers: /a\.ts/ },
  }),
  ...variants({
    number: 21,
    expect: { reasons: ['PROTECTED_PATH'] },
    tries: {
      'makes settings of an agent': write('.claude/settings.json'),
      'makes tasks of an editor': write('.vscode/tasks.json'),
      'makes a list of servers': write('.mcp.json'),
      'makes settings of a package manager': write('src/.npmrc'),
      'makes a git file': write('.git'),
      'makes a hook': write('.husky/pre-commit'),
    },
    twin: { title: 'makes settings of its own', calls: [write('docs/settings.json')] },
  }),
  ...variants({
    number: 21,
    grant: SHELL,
    expect: { reasons: ['PROTECTED_PATH'] },
    tries: {
      'makes them by a command and edits them': [
        bash('mkdir -p .claude && echo inside > .claude/settings.json; true'),
        edit('.claude/settings.json'),
      ],
      'links them to a name of its own': [bash('ln -s .mcp.json plain.json'), write('plain.json')],
    },
    twin: {
      title: 'edits what a command made',
      calls: [bash('echo inside > made.json'), read('made.json'), edit('made.json')],
    },
  }),
  ...variants({
    number: 22,
    grant: SCOPED,
    prepare: link('src/up', () => '../inside.txt'),
    expect: { reasons: ['NOT_GRANTED'] },
    tries: {
      'writes a file it may only read': write('inside.txt'),
      'edits one': edit('docs/guide.md', 'Guide'),
      'writes to it by a link': write('src/up'),
      'goes by dots out of its scope': write('src/../docs/new.md'),
      'makes a directory beside its scope': write('src2/new.ts'),
    },
    twin: { title: 'writes where it may', calls: [write('src/new.ts')] },
  }),
];

const PLANTED = ['.a.ts.tmp', 'a.ts.tmp', 'a.ts~', '.a.ts.swp', '#a.ts#', '.muster-0.tmp'];
const traps: Prepare = (field) => {
  for (const name of PLANTED) link(`src/${name}`, canary)(field);
};
const whatIsThere = glob('*', 'src');

/** They succeed, and go by none of the links that lie in wait: the canary is untouched, and nothing new stays behind. */
export const temporaryNames: Attack[] = variants({
  number: 23,
  prepare: traps,
  expect: { answers: /^src\/a\.ts(\nsrc\/new\.ts)?$/ },
  tries: {
    'replaces a file where links wait for its temporary name': [read('src/a.ts'), write('src/a.ts'), whatIsThere],
    'edits one there': [read('src/a.ts'), edit('src/a.ts', 'export'), whatIsThere],
    'makes one there': [write('src/new.ts'), whatIsThere],
  },
  twin: {
    title: 'replaces a file, and reads it back',
    calls: [read('src/a.ts'), write('src/a.ts'), read('src/a.ts')],
    answers: /written/,
  },
});
