import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CANARY, ToolWorld } from '../activities/tools/tool-world.ts';

const SWAPS = 10_000;

/**
 * `d` is a directory and a link to the outside by turns, until its input ends; says so when `SWAPS` are done. Two names
 * are changed in three steps, and what a write has made in between is put aside.
 */
const SWAPPER = `
const { renameSync, lstatSync } = require('node:fs');
const [d, l] = [process.argv[1], process.argv[1] + '.link'];
let stop = false, swaps = 0, spare = 0;
const has = (path) => lstatSync(path, { throwIfNoEntry: false });
const mend = () => {
  if (!has(d + '.real')) return;
  const there = has(d);
  if (there) renameSync(d, there.isSymbolicLink() ? l : d + '.spare' + spare++);
  try { renameSync(d + '.real', d); } catch { mend(); }
};
process.stdin.on('end', () => { stop = true; }).resume();
const round = () => {
  for (let i = 0; i < 50; i++) {
    try {
      renameSync(d, d + '.real'); renameSync(l, d);
      renameSync(d, l); renameSync(d + '.real', d);
      swaps += 2;
    } catch { mend(); }
  }
  if (swaps >= ${SWAPS}) process.stdout.write('enough\\n');
  if (stop) process.exit(0); else setImmediate(round);
};
process.stdout.write('go\\n'); round();
`;

interface Call {
  tool: string;
  input: Record<string, unknown>;
  /** What an answer shows only if it comes from outside, besides the canary itself. */
  leaks?: RegExp;
}

/** Each asks for something that is inside and outside under the same names. */
const CALLS: ((round: number) => Call)[] = [
  (round) => ({ tool: 'Read', input: { file_path: round % 2 ? 'd/file.ts' : 'd/deep/file.ts' } }),
  (round) => ({ tool: 'Write', input: { file_path: `d/new-${round % 50}/deep/x.ts`, content: 'written' } }),
  (round) => ({ tool: 'Write', input: { file_path: 'd/file.ts', content: `inside ${round}\n` } }),
  () => ({ tool: 'Edit', input: { file_path: 'd/deep/file.ts', old_string: 'inside', new_string: 'inside' + ' ' } }),
  () => ({ tool: 'Glob', input: { pattern: '**/*', path: 'd' }, leaks: /secret/ }),
  () => ({ tool: 'Grep', input: { pattern: 'inside|canary', path: 'd', output_mode: 'content' } }),
  () => ({ tool: 'Grep', input: { pattern: 'canary-', path: 'd' }, leaks: /file/ }),
  () => ({ tool: 'Grep', input: { pattern: 'canary-', output_mode: 'count' }, leaks: /file/ }),
  () => ({ tool: 'Grep', input: { pattern: 'canary-', output_mode: 'content' }, leaks: /file/ }),
];

async function start(directory: string): Promise<{ child: ChildProcess; isEnough: () => boolean }> {
  const child = spawn(process.execPath, ['-e', SWAPPER, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said = `${said}${text.toString()}`.slice(-20)));
  await once(child.stdout, 'data');
  return { child, isEnough: () => said.includes('enough') };
}

test('ten thousand swaps of a directory for a link lead no tool outside', { timeout: 60_000 }, async () => {
  using world = new ToolWorld({ 'd/file.ts': 'inside\n', 'd/deep/file.ts': 'inside deep\n', 'other.ts': 'inside\n' });
  symlinkSync(world.outside, join(world.root, 'd.link'));
  const before = world.outsideState();
  const { child, isEnough } = await start(join(world.root, 'd'));
  const fine = new Map(CALLS.map((_, i) => [i, 0]));
  const leaked: string[] = [];
  try {
    for (let round = 0; round < 60 || (round < 2_000 && (!isEnough() || [...fine.values()].includes(0))); round++) {
      await Promise.all(
        CALLS.map(async (call, i) => {
          const { tool, input, leaks } = call(round);
          const answer = await world.run(tool, input);
          if (!answer.isError) fine.set(i, (fine.get(i) ?? 0) + 1);
          if (answer.content.includes(CANARY) || (leaks && !answer.isError && leaks.test(answer.content)))
            leaked.push(`${tool} ${JSON.stringify(input)}: ${answer.content}`);
        }),
      );
    }
  } finally {
    const ended = once(child, 'close');
    child.stdin?.end();
    await ended;
  }
  expect(leaked).toEqual([]);
  expect(world.outsideState()).toBe(before);
  // Each has come through now and then, or nothing was tried.
  expect([...fine.values()].filter((count) => count === 0)).toEqual([]);
});
