import { linkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runProgram } from '../../../activities/tools/program.ts';
import { ToolWorld } from './tool-world.ts';

const numbered = (count: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`d${i % 7}/f${i.toString().padStart(4, '0')}.ts`, `x${i}\n`]),
  );

test('more files than are opened at once are all searched, and come sorted', async () => {
  using world = new ToolWorld(numbered(1_100));
  const [own, shared] = [
    await world.run('Grep', { pattern: 'x\\d*9$' }),
    await world.run('Grep', { pattern: 'x\\d*9$' }, { mayWrite: false }),
  ];
  expect(own.content.split('\n')).toHaveLength(110);
  expect(own).toEqual(shared);
});

test.each(['files_with_matches', 'count', 'content'])(
  'binary files, links and second names are left out, by %s',
  async (mode) => {
    using world = new ToolWorld({
      'a.txt': 'inside\n',
      'utf16.txt': Buffer.from('\ufeffinside\n', 'utf16le'),
      'b.bin': Buffer.from('inside\0\n'),
    });
    symlinkSync('a.txt', join(world.root, 'link'));
    world.put('first', 'inside\n');
    linkSync(join(world.root, 'first'), join(world.root, 'second'));
    const { content } = await world.run('Grep', { pattern: 'inside', output_mode: mode });
    expect(content).toContain('a.txt');
    expect(content).not.toMatch(/b\.bin|link|first|second/);
  },
);

test('a pattern that is none is an error the model can mend, also where there is no file', async () => {
  using world = new ToolWorld({});
  expect(await world.run('Grep', { pattern: '(' })).toMatchObject({
    isError: true,
    content: expect.stringContaining('regex') as string,
  });
  expect(await world.run('Grep', { pattern: 'x' })).toMatchObject({ isError: false });
});

test('a program is ended by its signal, its time and its output', async () => {
  const call = {
    cwd: '/',
    descriptors: [],
    timeoutMs: 10_000,
    maxOutputBytes: 1_000,
    signal: new AbortController().signal,
  };
  const endless = await runProgram('/usr/bin/yes', [], call);
  expect(endless).toMatchObject({ endedBy: 'output', exitCode: null });
  expect(endless.output).toHaveLength(1_000);
  expect(await runProgram('/bin/sleep', ['30'], { ...call, timeoutMs: 20 })).toMatchObject({ endedBy: 'timeout' });
  await expect(runProgram('/bin/sleep', ['30'], { ...call, signal: AbortSignal.timeout(20) })).rejects.toThrow(
    /timeout/,
  );
});
