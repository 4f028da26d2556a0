import type { AgentScript, Reply, ReplyBlock, Turn } from '../../client/simulated/script.ts';
import { toolResults } from '../../client/simulated/transcript.ts';

/** What an agent of a script answers: a text, an object for its schema, calls of its first turn, or a refusal. */
type Said = string | Record<string, unknown> | { calls: ReplyBlock[] } | typeof REFUSED;
type Rule = [asked: RegExp, answer: (...groups: string[]) => Said];

const REFUSED = Symbol('refused');

/** Rounds of the loop until dry: what either finder finds. */
const DEAD: Readonly<Record<string, string[]>> = {
  '1 exports': ['a.ts#one', 'b.ts#two'],
  '1 branches': ['b.ts#two', 'c.ts#three'],
  '2 exports': ['a.ts#one'],
  '2 branches': [],
  '3 exports': [],
  '3 branches': ['d.ts#four'],
};

/** The first that fits answers; by script, in the order of the fixtures. */
const RULES: Rule[] = [
  [/^Read src\/(\w+)\.ts\. In one sentence/, (name) => (name === 'cache' ? REFUSED : `It is the ${name}.`)],

  [/^Open handlers\/legacy\.ts/, () => REFUSED],
  [/^Open handlers\/(\w+)\.ts/, (name) => ({ method: 'GET', path: `/${name}`, errors: name === 'users' ? [404] : [] })],
  [
    /^Write reference page (\d+) for (\S+ \S+)\. Document these errors: (\S+)\./,
    (n, at, errors) => `# ${n}: ${at} (${errors})`,
  ],
  [
    /^Here is a reference page:[^]*Compare it with (\S+)\./,
    (file) => (file === 'handlers/users.ts' ? 'accurate' : 'the path'),
  ],

  [/^Hunt for real bugs in src\/, looking at error handling/, () => bugs(['src/a.ts', 3], ['src/b.ts', 7])],
  [
    /^Hunt for real bugs in src\/, looking at concurrency/,
    () => bugs(['src/b.ts', 7], ['src/c.ts', 1], ['src/d.ts', 9]),
  ],
  [/^Hunt for real bugs in src\//, () => REFUSED],
  [/^You are sceptic [23] of 3\. Somebody claims about src\/d\.ts:9/, () => REFUSED],
  [
    /^You are sceptic (\d) of 3\. Somebody claims about src\/(\w)\.ts/,
    (voter, file) => ({ refuted: file === 'c' || voter === '3', reason: 'I read it twice.' }),
  ],

  [/^Round (\d+)\. Find dead code: (\w+)/, (round, what) => ({ symbols: DEAD[`${round} ${what}`] ?? [] })],

  [/^Design a solution for: [^]*\nOptimise for: ([^.]+)\./, (approach) => `Design (${approach})`],
  [
    /^Score this design from the viewpoint of (\w+)[^]*Design \((\w+)/,
    (lens, approach) => ({
      score: approach === 'fewest' ? 9 : lens === 'cost' ? 8 : 4,
      bestIdea: `${lens} of ${approach}`,
    }),
  ],
  [
    /^Take this design as the base:\n\n(Design \([^)]+\))[^]*others: (.*)\. Return/,
    (base, ideas) => `${base} with ${ideas}`,
  ],

  [
    /^Audit packages\/(\w+) for (\w+)/,
    (name, check) => ({ findings: name === 'web' ? [`${check} 1`, `${check} 2`] : [check] }),
  ],
  [/^Which of these packages lack a LICENSE file: (\w+)/, (first) => `${first}, web`],
  [/^The package (\w+) has (\d+) open findings/, (name, open) => `${name}: the first of ${open}`],

  [/^Review the (\w+) code\./, (area) => `${area} is fine`],
  [/^Look deeper, pass (\d+)\./, (pass) => `pass ${pass}: nothing`],

  [
    /^Find every use of the feature flag "(\S+)"/,
    (flag) => ({ packages: ['a', 'b', 'c'].map((title) => ({ title, files: [`src/${title}/${flag}.ts`] })) }),
  ],
  [/^Remove the flag "\S+" as if it were always true in: src\/b\//, () => REFUSED],
  [/^Remove the flag/, () => 'removed'],
  [/Is there any trace of "\S+" left in src\/(\w)\//, (title) => (title === 'c' ? 'const x = flags.beta' : 'clean')],
  [/^Write a changelog entry: .*, (\d of \d) packages are clean/, (clean) => `Flag removed (${clean}).`],

  [/^Which is the better name for a release, A: Cedar or B: Dogwood/, () => REFUSED],
  [/^Which is the better name for a release, A: (\w+) or B: (\w+)/, (a, b) => ({ winner: a < b ? 'B' : 'A' })],

  [/^Raise the Node version of this service to (\d+)/, (major) => written(`${major}\n`)],
  [/^Name a service that is better left alone/, () => REFUSED],
];

/** Answers the agents of test/fixtures/scripts by their prompts alone, so that their order changes nothing. */
export const scriptAnswers: AgentScript = {
  name: 'script answers',
  matches: ({ prompt }) => RULES.some(([asked]) => asked.test(prompt)),
  reply: (turn) => {
    for (const [asked, answer] of RULES) {
      const found = asked.exec(turn.request.prompt);
      if (found) return replyOf(answer(...found.slice(1)), turn);
    }
    throw new Error('it matched');
  },
};

function replyOf(said: Said, { request }: Turn): Reply {
  if (said === REFUSED) return { blocks: [], stopReason: 'refusal' };
  if (typeof said === 'string') return { blocks: [{ type: 'text', text: said }] };
  if (!('calls' in said)) return { blocks: [{ type: 'tool_use', name: 'StructuredOutput', input: said }] };
  const isDone = toolResults(request.body).length > 0;
  return { blocks: isDone ? [{ type: 'text', text: 'done' }] : (said.calls as ReplyBlock[]) };
}

function bugs(...places: [file: string, line: number][]): Said {
  return { bugs: places.map(([file, line]) => ({ file, line, claim: `wrong in ${file}` })) };
}

function written(content: string): Said {
  return { calls: [{ type: 'tool_use', name: 'Write', input: { file_path: '.node-version', content } }] };
}
