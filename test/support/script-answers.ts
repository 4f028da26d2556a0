import { inTurns, REFUSED, scriptedAnswers, write, type Rule, type Said } from './scripted-answers.ts';

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

  [
    /^Raise the Node version of this service to (\d+)/,
    (major) => inTurns([write('.node-version', `${major}\n`)], 'done'),
  ],
  [/^Name a service that is better left alone/, () => REFUSED],
];

/** Answers the agents of test/fixtures/scripts. */
export const scriptAnswers = scriptedAnswers('script answers', RULES);

function bugs(...places: [file: string, line: number][]): Said {
  return { bugs: places.map(([file, line]) => ({ file, line, claim: `wrong in ${file}` })) };
}
