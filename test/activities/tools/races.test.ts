import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CANARY, ToolWorld } from './tool-world.ts';

/** Swaps a directory and a link to the outside as fast as it can, until its input ends; prints how often. */
const SWAPPER = `
const { renameSync, lstatSync } = require('node:fs');
const [d, l] = [process.argv[1], process.argv[1] + '.link'];
let stop = false, swaps = 0, spare = 0;
const has = (path) => lstatSync(path, { throwIfNoEntry: false });
// A write may have made a directory of the same name in between.
const mend = () => {
  if (!has(d + '.real')) return;
  const there = has(d);
  if (there) renameSync(d, there.isSymbolicLink() ? l : d + '.spare' + spare++);
  try { renameSync(d + '.real', d); } catch { mend(); }
};
process.stdin.on('end', () => { stop = true; }).resume();
const round = () => {
  for (let i = 0; i < 200; i++) {
    try {
      renameSync(d, d + '.real'); renameSync(l, d);
      renameSync(d, l); renameSync(d + '.real', d);
      swaps += 2;
    } catch { mend(); }
  }
  if (stop) process.stdout.write(String(swaps), () => process.exit(0)); else setImmediate(round);
};
process.stdout.write('go'); round();
`;

async function start(directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', SWAPPER, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function stop(child: ChildProcess): Promise<number> {
  const said = once(child.stdout!, 'data');
  child.stdin!.end();
  const [swaps] = (await said) as [Buffer];
  await once(child, 'exit');
  return Number(swaps.toString());
}

/** Calls for about a second while `d` is swapped; counts what came of it. */
async function race(call: (world: ToolWorld, round: number) => Promise<{ content: string; isError: boolean }>) {
  using world = new ToolWorld({ 'd/file.ts': 'inside\n', 'd/deep/file.ts': 'inside deep\n', 'other.ts': 'inside\n' });
  symlinkSync(world.outside, join(world.root, 'd.link'));
  const before = world.outsideState();
  const child = await start(join(world.root, 'd'));
  const seen = { ok: 0, failed: 0, leaked: 0 };
  const end = performance.now() + 1_000;
  for (let round = 0; performance.now() < end; round++) {
    const answer = await call(world, round);
    seen[answer.isError ? 'failed' : 'ok']++;
    if (answer.content.includes(CANARY)) seen.leaked++;
  }
  const swaps = await stop(child);
  expect(world.outsideState()).toBe(before);
  expect(seen.leaked).toBe(0);
  expect(swaps).toBeGreaterThan(1_000);
  return seen;
}

test('class 14: a directory swapped for a link during reads leaks nothing', async () => {
  const seen = await race((world, round) =>
    world.run('Read', { file_path: round % 2 === 0 ? 'd/file.ts' : 'd/deep/file.ts' }),
  );
  expect(Math.min(seen.ok, seen.failed)).toBeGreaterThan(0);
});

test('classes 14 and 15: a directory swapped for a link during writes changes nothing outside', async () => {
  const seen = await race((world, round) =>
    round % 2 === 0
      ? world.run('Write', { file_path: `d/new-${round}/deep/x.ts`, content: 'written' })
      : world.run('Write', { file_path: 'd/file.ts', content: `inside ${round}\n` }),
  );
  expect(Math.min(seen.ok, seen.failed)).toBeGreaterThan(0);
});

test('class 14: a directory swapped for a link during searches shows no line from outside', async () => {
  const seen = await race((world, round) =>
    round % 2 === 0
      ? world.run('Grep', { pattern: 'inside|canary', path: 'd', output_mode: 'content' })
      : world.run('Grep', { pattern: 'inside|canary', output_mode: 'content' }),
  );
  expect(seen.ok).toBeGreaterThan(0);
});

test('twenty edits of one file at once all hold', async () => {
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  using world = new ToolWorld({ 'd/f.txt': numbers.map((n) => `<${n}>\n`).join('') });
  symlinkSync('d', join(world.root, 'alias'));
  mkdirSync(join(world.root, 'x'));
  const answers = await Promise.all(
    numbers.map((n) => {
      const file_path = ['d/f.txt', 'alias/f.txt', 'x/../d/f.txt'][n % 3];
      return world.run('Edit', { file_path, old_string: `<${n}>`, new_string: `[${n}]` });
    }),
  );
  expect(answers.filter(({ isError }) => isError)).toEqual([]);
  expect(world.read('d/f.txt')).toBe(numbers.map((n) => `[${n}]\n`).join(''));
});

test('one failing edit holds up none of the others', async () => {
  using world = new ToolWorld({ f: 'one two' });
  const edit = (old_string: string, new_string: string) =>
    world.run('Edit', { file_path: 'f', old_string, new_string });
  const answers = await Promise.all([edit('absent', 'x'), edit('one', '1'), edit('absent', 'y'), edit('two', '2')]);
  expect(answers.map(({ isError }) => isError)).toEqual([true, false, true, false]);
  expect(world.read('f')).toBe('1 2');
});
