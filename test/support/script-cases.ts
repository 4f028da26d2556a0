import { readdirSync, readFileSync } from 'node:fs';

/** A script of test/fixtures/scripts, and what it returns when `scriptAnswers` answers its agents. */
export interface ScriptCase {
  script: string;
  args?: unknown;
  budgetUsd?: number;
  returns: unknown;
  /** Ends of its subagents, as in the census. */
  census: Partial<Record<string, number>>;
}

const DIRECTORY = new URL('../fixtures/scripts/', import.meta.url);

export const scriptNames = (): string[] => readdirSync(DIRECTORY).toSorted();
export const scriptText = (name: string): string => readFileSync(new URL(name, DIRECTORY), 'utf8');

/** Beside the scripts in the repository they run in: what they name. */
export const SCRIPT_WORLD: Readonly<Record<string, string>> = {
  '.claude/workflows/audit-package.js': scriptText('claude-code-nested.audit-package.js'),
  '.claude/workflows/check-licences.js': scriptText('claude-code-nested.check-licences.js'),
  '.claude/agents/reviewer.md': '---\nname: reviewer\ndescription: reviews\ntools: Read, Grep\n---\nYou review.\n',
  'services/api/.node-version': '20\n',
  'services/web/.node-version': '20\n',
  'services/jobs/.node-version': '20\n',
  'src/a.ts': 'export const a = 1;\n',
};

/** Workflow scripts of Claude Code, unchanged. */
export const CLAUDE_CODE_CASES: readonly ScriptCase[] = [
  {
    script: 'claude-code-map.js',
    args: { files: ['src/router.ts', 'src/cache.ts', 'src/store.ts'] },
    returns: {
      summaries: { 'src/router.ts': 'It is the router.', 'src/store.ts': 'It is the store.' },
      missing: ['src/cache.ts'],
    },
    census: { completed: 2, failed: 1 },
  },
  {
    script: 'claude-code-pipeline.js',
    args: { handlers: ['handlers/users.ts', 'handlers/legacy.ts', 'handlers/orders.ts'] },
    returns: {
      pages: [
        { endpoint: 'GET /users', page: '# 1: GET /users (404)', verdict: 'accurate' },
        { endpoint: 'GET /orders', page: '# 3: GET /orders (none)', verdict: 'the path' },
      ],
      lost: ['handlers/legacy.ts'],
    },
    census: { completed: 6, failed: 1 },
  },
  {
    script: 'claude-code-verify-and-vote.js',
    returns: {
      confirmed: ['a.ts:3', 'b.ts:7'].map((at) => {
        const [file, line] = `src/${at}`.split(':') as [string, string];
        return { file, line: Number(line), claim: `wrong in ${file}`, verdict: 'confirmed', votes: 3 };
      }),
      unverified: ['src/d.ts:9'],
      refuted: 1,
      blind: ['boundary conditions'],
    },
    census: { completed: 12, failed: 3 },
  },
  {
    script: 'claude-code-loop-until-dry.js',
    returns: { symbols: ['a.ts#one', 'b.ts#two', 'c.ts#three', 'd.ts#four'], rounds: [3, 0, 1, 0, 0] },
    census: { completed: 10 },
  },
  {
    script: 'claude-code-judge-panel.js',
    args: { problem: 'jobs are lost when a worker dies' },
    returns: {
      winner: 'fewest moving parts at scale',
      ranking: [
        ['fewest moving parts at scale', 9],
        ['simplest thing that works', 5.3],
        ['easiest to roll back', 5.3],
      ],
      final:
        'Design (fewest moving parts at scale) with operations of simplest; security of simplest; cost of simplest; ' +
        'operations of easiest; security of easiest; cost of easiest',
    },
    census: { completed: 13 },
  },
  {
    script: 'claude-code-nested.js',
    args: { packages: ['core', 'web'], checks: ['secrets', 'licences'] },
    returns: {
      reports: [
        { name: 'core', open: 2, checked: 2 },
        { name: 'web', open: 4, checked: 2 },
      ],
      licences: ['core', 'web'],
      advice: 'web: the first of 4',
      unknownFails: true,
    },
    census: { completed: 6 },
  },
  {
    script: 'claude-code-budget-scaled.js',
    returns: {
      width: 3,
      unlimited: true,
      hasSpent: true,
      reviews: ['api is fine', 'storage is fine', 'auth is fine'],
      deeper: [],
    },
    census: { completed: 3 },
  },
  {
    script: 'claude-code-budget-scaled.js',
    budgetUsd: 1.1,
    returns: {
      width: 5,
      unlimited: false,
      hasSpent: true,
      reviews: ['api', 'storage', 'auth', 'scheduler', 'cli'].map((area) => `${area} is fine`),
      deeper: [1, 2, 3].map((pass) => `pass ${pass}: nothing`),
    },
    census: { completed: 8 },
  },
  {
    script: 'claude-code-phases.js',
    args: { flag: 'beta', value: true },
    returns: {
      checks: [
        { title: 'a', isClean: true },
        { title: 'c', isClean: false },
      ],
      notes: 'Flag removed (1 of 3).',
      failed: ['b'],
    },
    census: { completed: 6, failed: 1 },
  },
  {
    script: 'claude-code-tournament.js',
    args: { candidates: ['Aspen', 'Birch', 'Cedar', 'Dogwood', 'Elm'] },
    returns: {
      winner: 'Elm',
      rounds: [['Aspen', 'Birch', 'Cedar', 'Dogwood', 'Elm'], ['Birch', 'Cedar', 'Elm'], ['Cedar', 'Elm'], ['Elm']],
    },
    census: { completed: 3, failed: 1 },
  },
];

/** With what muster adds; it asks for an approval after its first two. */
export const EXTRAS_CASE: ScriptCase = {
  script: 'muster-extras.js',
  args: { services: ['api', 'web', 'jobs'], major: 24 },
  returns: {
    results: ['api', 'web', 'jobs'].map((label) => ({
      label,
      status: 'completed',
      files: [`services/${label}/.node-version`],
      verified: ['version true'],
      error: null,
    })),
    doubt: 'failed',
  },
  census: { completed: 3, failed: 1 },
};
