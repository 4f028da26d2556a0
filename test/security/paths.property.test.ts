import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withFile } from '../../activities/tools/confined-file.ts';
import { resolvePath, type ResolvedPath } from '../../activities/tools/resolved-path.ts';
import { FUZZ_TIMEOUT_MS, runsOf } from './fuzz-cases.ts';

const O_PATH = 0o10000000;
const BATCH = 500;

const base = realpathSync(mkdtempSync(join(tmpdir(), 'muster-paths-')));
const root = join(base, 'ws');
const outside = join(base, 'outside');

const FILES = [
  'a.ts',
  'src/b.ts',
  'src/deep/er/c.ts',
  '...',
  '..a/x',
  'a b',
  '~/x',
  '%2e%2e/x',
  'new\nline',
  'caf\u00e9',
  'back\\slash',
  '.git/config',
];
const LINKS: Record<string, string> = {
  in: 'src',
  'in-file': 'src/b.ts',
  'in-far': join(root, 'src/deep'),
  self: '.',
  'src/top': '..',
  'src/deep/roundabout': '../../in/deep/er',
  chain: 'src/top/in',
  out: outside,
  'out-file': '../outside/secret',
  up: '..',
  'src/up-up': '../..',
  slash: '/',
  proc: '/proc/self/root',
  descriptors: '/proc/self/fd',
  loop: 'loop-back',
  'loop-back': 'loop',
  nowhere: 'not/there',
  'nowhere-outside': join(outside, 'not-there'),
  'out-and-in': '../ws/src',
  'src/deep/out-late': '../../out/deep',
  trailing: 'src/',
};

beforeAll(() => {
  for (const path of [
    ...FILES.map((name) => join(root, name)),
    join(outside, 'secret'),
    join(outside, 'deep/secret'),
    join(base, 'ws-sibling/secret'),
  ]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'x');
  }
  for (const [name, target] of Object.entries(LINKS)) symlinkSync(target, join(root, name));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** What the kernel makes of a path; undefined where there is nothing, or a way there is closed. */
function kernel(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch {
    return undefined;
  }
  try {
    return readlinkSync(`/proc/self/fd/${fd.toString()}`);
  } finally {
    closeSync(fd);
  }
}

const names = [...FILES, ...Object.keys(LINKS)].flatMap((path) => path.split('/'));
const segment = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...new Set(names)) },
  { weight: 4, arbitrary: fc.constantFrom('..', '.') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'secret',
      'outside',
      'ws',
      'ws-sibling',
      'missing',
      '',
      ' ',
      '.. ',
      '%2e%2e',
      '\uff0e\uff0e',
      'a\0b',
      '\ud800',
      'x'.repeat(300),
    ),
  },
);
const start = fc.oneof(
  { weight: 8, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: fc.constantFrom(`${root}/`, `${root}//./`, './') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '/',
      '../',
      `${root}-sibling/`,
      `${outside}/`,
      `${base}/`,
      '/proc/self/cwd/',
      '~/',
      `//${root}/`,
    ),
  },
);
const path = fc
  .tuple(
    start,
    fc.array(segment, { minLength: 1, maxLength: 7 }),
    fc.constantFrom('/', '/', '/', '//', '/./'),
    fc.constantFrom('', '', '', '/', '/.', '/..'),
  )
  .map(([first, parts, slash, end]) => first + parts.join(slash) + end);

interface Seen {
  allowed: number;
  refused: number;
  opened: number;
}

async function judge(directory: string, input: string, seen: Seen): Promise<void> {
  const workspace = { root, directory, mayWrite: true };
  let resolved: ResolvedPath;
  try {
    resolved = await resolvePath(input, workspace);
  } catch {
    seen.refused++;
    return;
  }
  seen.allowed++;
  const real = kernel(input.startsWith('/') ? input : `${directory}/${input}`);
  const named = resolved.path === '' ? root : `${root}/${resolved.path}`;
  if (resolved.type === 'missing') {
    // A trailing slash or dot makes the kernel ask more of what is there; it never finds what resolves to nothing.
    if (real !== undefined) throw new Error(`${JSON.stringify(input)} is ${real}, and was taken for missing`);
    const there = resolved.path.split('/').slice(0, resolved.existing);
    if (kernel([root, ...there].join('/')) !== [root, ...there].join('/'))
      throw new Error(`${JSON.stringify(input)} would be made elsewhere`);
    return;
  }
  // The kernel wants a directory before a slash; what the resolver names is that file all the same.
  if (real !== named && !(real === undefined && kernel(named) === named))
    throw new Error(`${JSON.stringify(input)} was taken for ${named}, and is ${String(real)}`);
  if (resolved.type !== 'file' || ++seen.opened % 20 !== 0) return;
  const opened = await withFile(workspace, resolved.path, (file) =>
    Promise.resolve(readlinkSync(`/proc/self/fd/${file.fd.toString()}`)),
  );
  if (opened !== named) throw new Error(`${JSON.stringify(input)} opened ${opened}`);
}

test.skipIf(process.platform !== 'linux')(
  'whatever path a model writes, what is allowed is what the kernel finds, and lies inside (needs Linux: /proc)',
  { timeout: FUZZ_TIMEOUT_MS },
  async () => {
    const seen: Seen = { allowed: 0, refused: 0, opened: 0 };
    const directories = [root, join(root, 'src'), join(root, 'src/deep/er')];
    await fc.assert(
      fc.asyncProperty(
        fc.array(path, { minLength: BATCH, maxLength: BATCH }),
        fc.constantFrom(...directories),
        async (paths, directory) => {
          await Promise.all(paths.map((input) => judge(directory, input, seen)));
        },
      ),
      { ...runsOf(BATCH), endOnFailure: true },
    );
    // It is neither all refused nor all allowed, or nothing was proved.
    expect(seen.allowed / (seen.allowed + seen.refused)).toBeGreaterThan(0.1);
    expect(seen.refused / (seen.allowed + seen.refused)).toBeGreaterThan(0.1);
    expect(seen.opened).toBeGreaterThan(100);
  },
);
