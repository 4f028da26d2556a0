/*
 * Runs inside the sandbox, by itself: nothing of muster but this file is there. `node verify-changes.mts ORIGINAL` compares
 * the working directory with the original it was made from, has every changed file parsed, and runs those of the package's
 * own test files that pass on the original: what held before must hold after. Exit code 1: it does not. The last line is
 * `verified ` and JSON.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

/** What was looked at, paths relative to the repository. */
interface Verified {
  parsed: string[];
  /** Test files that passed before, and so were run after. */
  tests: string[];
  /** Of both, those that do not hold any more. */
  broken: string[];
}

interface Run {
  ok: boolean;
  output: string;
}

/** A test file of the original that takes longer, or comes after so many, is none. */
const TEST_MS = 20_000;
const BASELINE_MS = 60_000;
const MAX_TESTS = 40;
const AT_ONCE = 2;
const TEST_FILE = /(^|\/)(tests?|spec|__tests__)(\/[^/]+)*\.[cm]?js$|(^|[./-])(test|spec)\.[cm]?js$/;
/** A file that asserts nothing would pass whatever the code does. */
const ASSERTS = /\bassert\b|\bnode:test\b/;

function list(directory: string, below = ''): string[] {
  return readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) return ['.git', 'node_modules'].includes(entry.name) ? [] : list(directory, path);
    return entry.isFile() ? [path] : [];
  });
}

function changedFiles(before: string, after: string): string[] {
  const isSame = (path: string): boolean =>
    existsSync(join(before, path)) && readFileSync(join(before, path)).equals(readFileSync(join(after, path)));
  return list(after)
    .filter((path) => !isSame(path))
    .sort();
}

const node = (args: readonly string[], cwd: string): Promise<Run> =>
  new Promise((resolve) => {
    const options = { cwd, timeout: TEST_MS, killSignal: 'SIGKILL', maxBuffer: 16 * 1_048_576 } as const;
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve({ ok: error === null, output: `${stdout}${stderr}` }),
    );
  });

async function parse(directory: string, path: string): Promise<Run> {
  if (extname(path) !== '.json') return node(['--check', path], directory);
  try {
    JSON.parse(readFileSync(join(directory, path), 'utf8'));
    return { ok: true, output: '' };
  } catch (error) {
    return { ok: false, output: String(error) };
  }
}

/** Runs each; answers by path. Stops to begin with new ones after `patienceMs`. */
async function runAll(paths: readonly string[], cwd: string, patienceMs: number): Promise<Map<string, Run>> {
  const runs = new Map<string, Run>();
  const queue = paths.values();
  const end = performance.now() + patienceMs;
  const work = async (): Promise<void> => {
    for (const path of queue) if (performance.now() < end) runs.set(path, await node([path], cwd));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return runs;
}

/** In copies: tests may write where they stand. */
async function runTests(before: string, after: string): Promise<{ tests: string[]; failed: [string, Run][] }> {
  const candidates = list(before).filter(
    (path) =>
      TEST_FILE.test(path) && existsSync(join(after, path)) && ASSERTS.test(readFileSync(join(before, path), 'utf8')),
  );
  const [old, fresh] = [before, after].map((from) => {
    const copy = mkdtempSync(join(tmpdir(), 'tests-'));
    cpSync(from, copy, { recursive: true });
    return copy;
  }) as [string, string];
  const passing = [...(await runAll(candidates.sort().slice(0, MAX_TESTS), old, BASELINE_MS))].filter(
    ([, run]) => run.ok,
  );
  const tests = passing.map(([path]) => path);
  const failed = [...(await runAll(tests, fresh, Infinity))].filter(([, run]) => !run.ok);
  return { tests, failed };
}

async function verify(before: string, after: string): Promise<Verified> {
  const parsed = changedFiles(before, after).filter((path) => /\.([cm]?js|json)$/.test(path));
  const broken: [string, Run][] = [];
  for (const path of parsed) {
    const run = await parse(after, path);
    const wasBroken = !run.ok && existsSync(join(before, path)) && !(await parse(before, path)).ok;
    if (!run.ok && !wasBroken) broken.push([path, run]);
  }
  const { tests, failed } = parsed.length === 0 ? { tests: [], failed: [] } : await runTests(before, after);
  for (const [path, { output }] of [...broken, ...failed]) console.log(`${path} does not hold any more:\n${output}`);
  return { parsed, tests, broken: [...broken, ...failed].map(([path]) => path) };
}

const verified = await verify(process.argv[2]!, process.cwd());
console.log(`verified ${JSON.stringify(verified)}`);
process.exitCode = verified.broken.length === 0 ? 0 : 1;
