import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ToolWorld } from './tool-world.ts';

const NOBODY = 65_534;

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`).join('\n');

async function read(world: ToolWorld, input: Record<string, unknown>): Promise<string> {
  return (await world.run('Read', input)).content;
}

test('lines come with numbers as cat -n prints them, without carriage returns or a byte order mark', async () => {
  using world = new ToolWorld({ f: '\ufeffone\r\n\ttwo\n\nfour', g: 'x\n' });
  expect(await read(world, { file_path: 'f' })).toBe('     1\tone\n     2\t\ttwo\n     3\t\n     4\tfour');
  expect(await read(world, { file_path: 'g' })).toBe('     1\tx');
});

test('a long file is read in pieces, and each says how to go on', async () => {
  using world = new ToolWorld({ f: `${lines(1, 2_500)}\n` });
  const first = await read(world, { file_path: 'f' });
  expect(first).toContain('  2000\tline 2000\n\n(Lines 1 to 2000 of 2500. Go on with offset 2001.)');
  const rest = await read(world, { file_path: 'f', offset: 2_001 });
  expect(rest.startsWith('  2001\tline 2001')).toBe(true);
  expect(rest.endsWith('  2500\tline 2500')).toBe(true);
  expect(await read(world, { file_path: 'f', offset: 10, limit: 2 })).toBe(
    '    10\tline 10\n    11\tline 11\n\n(Lines 10 to 11 of 2500. Go on with offset 12.)',
  );
});

test('an answer stays below 100,000 characters, long lines are cut and whole characters kept', async () => {
  using world = new ToolWorld({ long: `${'é'.repeat(1_999)}😀tail\nnext`, wide: `${'x'.repeat(1_900)}\n`.repeat(200) });
  expect(await read(world, { file_path: 'long' })).toBe(
    `     1\t${'é'.repeat(1_999)}… [6 more characters]\n     2\tnext`,
  );
  const wide = await read(world, { file_path: 'wide' });
  expect(wide.length).toBeLessThan(100_200);
  expect(wide).toMatch(/\(Lines 1 to 52 of 200\. Go on with offset 53\.\)$/);
});

test.each<[string, string | Buffer, Record<string, unknown>, string]>([
  ['an empty file', '', {}, '(The file is empty.)'],
  ['an offset behind the end', 'a\nb\n', { offset: 3 }, 'The file has 2 lines; there is no line 3.'],
  ['a binary file', Buffer.from([1, 0, 2]), {}, 'is a binary file (3 bytes); only text can be read'],
  ['offset 0', 'a', { offset: 0 }, 'offset: '],
  ['a text for a number', 'a', { limit: '5' }, 'limit: Invalid input: expected number'],
  ['a fraction', 'a', { limit: 1.5 }, 'limit: '],
  ['an unknown key', 'a', { encoding: 'utf8' }, 'unknown: encoding. Read takes file_path, offset, limit.'],
])('%s', async (_, content, input, message) => {
  using world = new ToolWorld({ f: content });
  expect(await read(world, { file_path: 'f', ...input })).toContain(message);
});

test('an image is named as one', async () => {
  using world = new ToolWorld({ 'logo.PNG': Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1]) });
  expect(await read(world, { file_path: 'logo.PNG' })).toContain('logo.PNG is an image (6 bytes)');
});

test('a file beyond 10 MiB is for Grep', async () => {
  using world = new ToolWorld({ big: Buffer.alloc(10 * 1_048_576 + 1, 'a'), fits: Buffer.alloc(10 * 1_048_576, 'a') });
  expect(await read(world, { file_path: 'big' })).toContain(
    'is larger than 10 MiB or still growing; search it with Grep',
  );
  expect(await read(world, { file_path: 'fits' })).toContain('more characters');
});

test('a missing file names its nearest neighbours, but none the subagent may not read', async () => {
  using world = new ToolWorld({ 'src/index.ts': '', 'src/indent.ts': '', 'src/index.js': '', 'README.md': '' });
  const grant = { deny: ['Read(index.js)'] };
  const answer = await world.run('Read', { file_path: 'src/indx.ts' }, { grant });
  expect(answer).toMatchObject({
    isError: true,
    content: 'There is no src/indx.ts. Did you mean src/index.ts or src/indent.ts?',
  });
  expect(answer.denial).toBeUndefined();
  expect(await read(world, { file_path: 'readme.md' })).toContain('Did you mean README.md?');
  expect(await read(world, { file_path: 'scr/index.ts' })).toContain('Did you mean src?');
  expect(await read(world, { file_path: 'zzzzzzzz' })).toContain('List . with Glob first.');
});

test('control sequences of a file do not reach the answer, tabs and text do', async () => {
  const hostile = 'a\x1b[31mred\x1b[0m\x1b]0;title\x07b\x1b]52;c;ZXZpbA==\x1b\\c\x9b2Jd\x1b]open\nnext\x00'.slice(
    0,
    -1,
  );
  using world = new ToolWorld({ f: `${hostile}\x08\tz\x1bc\u0085end` });
  expect(await read(world, { file_path: 'f' })).toBe('     1\taredbcdopen\n     2\tnext\tzend');
});

test('a file the worker may not open is an error with its code, not a throw', async () => {
  using world = new ToolWorld({ f: 'x' });
  chmodSync(join(world.root, 'f'), 0);
  expect(await asNobody(world.base, () => world.run('Read', { file_path: 'f' }))).toMatchObject({
    isError: true,
    content: 'Read failed (EACCES). Try another way.',
  });
});

/** Root may open everything: for the time of the call it is somebody else, and the directory is theirs. */
async function asNobody<T>(directory: string, call: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return call();
  chownSync(directory, NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    return await call();
  } finally {
    process.seteuid?.(0);
  }
}
