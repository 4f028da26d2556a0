import { existsSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { expandBraces, readGlob } from '../../../activities/tools/glob-pattern.ts';
import { type Overrides, ToolWorld } from './tool-world.ts';

const FILES = {
  '.gitignore': 'node_modules/\n*.log\n/src/gen/*\n!/src/gen/keep.ts\n# comment\n',
  'README.md': 'hello readme\n',
  '.github/ci.yml': 'hello: ci\n',
  'node_modules/x/index.js': 'hello dependency\n',
  'src/a.ts': 'first\nhello a\nthird\nhello again\n',
  'src/b.tsx': 'Hello B\n',
  'src/debug.log': 'hello log\n',
  'src/gen/keep.ts': 'hello keep\n',
  'src/gen/made.ts': 'hello made\n',
  'src/deep/.gitignore': 'local.ts\n',
  'src/deep/local.ts': 'hello local\n',
  'src/deep/c.ts': 'hello c\n',
  'src/bin.dat': Buffer.from('hello\0binary\n'),
};

const lines = async (world: ToolWorld, tool: string, input: Record<string, unknown>, overrides?: Overrides) => {
  const answer = await world.run(tool, input, overrides);
  expect([answer.isError, answer.content]).toEqual([false, answer.content]);
  return answer.content.split('\n');
};

test.each<[Record<string, unknown>, string, string[]]>([
  [{ pattern: '**/*.ts' }, '', ['src/a.ts', 'src/deep/c.ts', 'src/gen/keep.ts']],
  [{ pattern: '*.ts' }, '', ['src/a.ts', 'src/deep/c.ts', 'src/gen/keep.ts']],
  [{ pattern: 'src/*.{ts,tsx}' }, '', ['src/a.ts', 'src/b.tsx']],
  [{ pattern: '*.ts', path: 'src/deep' }, '', ['src/deep/c.ts']],
  [{ pattern: '*.ts', path: 'src/gen' }, '', ['src/gen/keep.ts']],
  [{ pattern: '*.log', path: 'src' }, '', ['No file in src matches *.log']],
  [{ pattern: '*.js' }, '', ['No file in . matches *.js']],
  [{ pattern: '*.js', path: 'node_modules/x' }, '', ['node_modules/x/index.js']],
  [{ pattern: '*.y?l' }, '', ['.github/ci.yml']],
  [{ pattern: '*.ts' }, 'src/deep', ['c.ts']],
  [{ pattern: '*.md', path: '../..' }, 'src/deep', ['../../README.md']],
])('Glob %j in %s', async (input, directory, expected) => {
  using world = new ToolWorld(FILES);
  expect(await lines(world, 'Glob', input, { directory })).toEqual(expected);
});

test.each<[Record<string, unknown>, string, string[]]>([
  [{ pattern: 'hello' }, '', ['.github/ci.yml', 'README.md', 'src/a.ts', 'src/deep/c.ts', 'src/gen/keep.ts']],
  [
    { pattern: 'hello', output_mode: 'content', path: 'src/a.ts' },
    '',
    ['src/a.ts:2:hello a', 'src/a.ts:4:hello again'],
  ],
  [{ pattern: '(?i)^hello', output_mode: 'content', glob: '*.tsx' }, '', ['src/b.tsx:1:Hello B']],
  [{ pattern: 'hello', output_mode: 'count' }, 'src', ['a.ts:2', 'deep/c.ts:1', 'gen/keep.ts:1']],
  [{ pattern: 'hello', glob: '*.{md,yml}' }, '', ['.github/ci.yml', 'README.md']],
  [{ pattern: 'hello', glob: '!*.ts' }, '', ['.github/ci.yml', 'README.md']],
  [{ pattern: 'hello', glob: 'src/**/c.ts' }, '', ['src/deep/c.ts']],
  [{ pattern: 'hello', glob: 'deep/*', path: 'src' }, '', ['src/deep/c.ts']],
  [{ pattern: 'hello', glob: '*.log' }, '', ['Nothing in . matches']],
  [{ pattern: 'hello', path: 'src/debug.log' }, '', ['src/debug.log']],
  [{ pattern: '--files' }, '', ['Nothing in . matches']],
  [{ pattern: '-e' }, '', ['Nothing in . matches']],
])('Grep %j in %s', async (input, directory, expected) => {
  using world = new ToolWorld(FILES);
  expect(await lines(world, 'Grep', input, { directory })).toEqual(expected);
});

test('what ignore files above the workspace say counts for nothing', async () => {
  using world = new ToolWorld(FILES);
  writeFileSync(join(world.base, '.gitignore'), '*\n');
  writeFileSync(join(world.base, '.ignore'), '*\n');
  expect(await lines(world, 'Glob', { pattern: '*.md' })).toEqual(['README.md']);
  expect(await lines(world, 'Glob', { pattern: 'a.ts' }, { directory: 'src' })).toEqual(['a.ts']);
});

test('denied files are found by no search, and the others still are', async () => {
  using world = new ToolWorld(FILES);
  const grant = { deny: ['Read(src/deep/**)', 'Read(*.MD)'] };
  expect(await lines(world, 'Glob', { pattern: '**' }, { grant })).toEqual([
    ...['.github/ci.yml', '.gitignore', 'src/a.ts', 'src/b.tsx', 'src/bin.dat', 'src/gen/keep.ts'],
  ]);
  for (const output_mode of ['content', 'count', 'files_with_matches']) {
    const found = await lines(world, 'Grep', { pattern: 'hello', output_mode }, { grant });
    expect(found.join()).not.toMatch(/deep|README/);
    expect(found.join()).toContain('src/a.ts');
  }
  const narrow = { grant: { allow: ['Read(src/gen/**)'] } };
  expect(await lines(world, 'Grep', { pattern: 'hello' }, narrow)).toEqual(['src/gen/keep.ts']);
});

test.each<[string, Record<string, unknown>, string]>([
  ['Grep', { pattern: '(' }, 'unclosed group'],
  ['Grep', { pattern: 'a\nb' }, 'not allowed in a regex'],
  ['Grep', { pattern: '((a{1000}){1000}){1000}' }, 'size limit'],
  ['Grep', { pattern: 'x\0y' }, 'holds a NUL'],
  ['Grep', { pattern: '' }, 'pattern: '],
  ['Grep', { pattern: 'x', output_mode: 'json' }, 'output_mode: '],
  ['Grep', { pattern: 'x', '-i': true }, 'Grep takes pattern, path, glob, output_mode'],
  ['Grep', { pattern: 'x', glob: '[' }, 'is malformed'],
  ['Grep', { pattern: 'x', path: 'sr' }, 'Did you mean src?'],
  ['Glob', { pattern: '{a,b}'.repeat(9) }, 'more than 256 alternatives'],
  ['Glob', { pattern: '*', path: 'README.md' }, 'is no directory'],
  ['Glob', { pattern: '*', path: 'sr' }, 'Did you mean src?'],
])('%s %j is an error the model can mend: %s', async (tool, input, message) => {
  using world = new ToolWorld(FILES);
  const answer = await world.run(tool, input);
  expect(answer.isError).toBe(true);
  expect(answer.content).toContain(message);
});

test('file names with line feeds, spaces and dashes are names', async () => {
  using world = new ToolWorld({ '-rf.ts': 'hello\n', 'a b.ts': 'hello\n', 'sub/-x': 'hello\n' });
  expect(await lines(world, 'Grep', { pattern: 'hello' })).toEqual(['-rf.ts', 'a b.ts', 'sub/-x']);
  expect(await lines(world, 'Grep', { pattern: 'hello', path: '-rf.ts' })).toEqual(['-rf.ts']);
});

test('long lists and long lines are cut, and say so', async () => {
  const many = Object.fromEntries(Array.from({ length: 1_010 }, (_, n) => [`d/${1_000 + n}.txt`, 'hit\nhit\n']));
  using world = new ToolWorld({ ...many, 'long.md': `hit ${'é'.repeat(2_000)}\n` });
  const glob = await lines(world, 'Glob', { pattern: '*.txt' });
  expect([glob.length, glob[999], glob[1_001]]).toEqual([
    ...[1_002, 'd/1999.txt', '(Not all: these are the first 1,000 files. Narrow pattern or path.)'],
  ]);
  const content = await lines(world, 'Grep', { pattern: 'hit', output_mode: 'content', glob: '*.txt' });
  expect([content.length, content[499]]).toEqual([502, 'd/1249.txt:2:hit']);
  const [line] = await lines(world, 'Grep', { pattern: 'hit', output_mode: 'content', glob: '*.md' });
  expect(line).toBe(`long.md:1:hit ${'é'.repeat(496)}… [line cut]`);
});

/** In place of ripgrep: says where it runs and never ends. */
const HANGS = '#!/bin/sh\necho $$ > "$(dirname "$0")/pid"\nprintf "./src/a.ts\\0"\nexec sleep 600\n';

function hanging(world: ToolWorld): string {
  const file = join(world.base, 'hangs');
  writeFileSync(file, HANGS, { mode: 0o755 });
  return file;
}

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
const pidOf = (world: ToolWorld): number => Number(readFileSync(join(world.base, 'pid'), 'utf8'));

test('the search’s process dies with the signal, whose reason is thrown', async () => {
  using files = new ToolWorld(FILES);
  using world = new ToolWorld(FILES, { ripgrep: hanging(files) });
  const temporary = mkdtempSync(join(files.base, 'tmp-'));
  vi.stubEnv('TMPDIR', temporary);
  const abort = new AbortController();
  const call = world
    .run('Grep', { pattern: 'hello', path: 'src' }, { signal: abort.signal })
    .catch((error: unknown) => error);
  while (!existsSync(join(files.base, 'pid'))) await new Promise(setImmediate);
  expect(readdirSync(temporary)).toHaveLength(1);
  const reason = new Error('cancelled');
  abort.abort(reason);
  expect(await call).toBe(reason);
  expect(isAlive(pidOf(files))).toBe(false);
  expect(readdirSync(temporary)).toEqual([]);
  vi.unstubAllEnvs();
});

test('a search that takes too long ends with what it has, and says so', async () => {
  using files = new ToolWorld(FILES);
  using world = new ToolWorld(FILES, { ripgrep: hanging(files), searchTimeoutMs: 300 });
  const answer = await world.run('Grep', { pattern: 'hello' });
  expect(answer.content).toBe(
    'src/a.ts\n\n(Not all: the search was stopped after 0.3 s. Narrow pattern, path or glob.)',
  );
  expect(isAlive(pidOf(files))).toBe(false);
});

test('what ripgrep claims is shown only when it is there, without links', async () => {
  using files = new ToolWorld();
  const liar = join(files.base, 'lies');
  const claims = String.raw`printf './out/secret\0001:0:x\n./gone\0001:0:x\n./../outside/secret\0001:0:x\n./src/a.ts\0002:6:x\n./src/a.ts\0001:3:x\n'`;
  writeFileSync(liar, `#!/bin/sh\n${claims}\n`, { mode: 0o755 });
  using world = new ToolWorld(FILES, { ripgrep: liar });
  symlinkSync(world.outside, join(world.root, 'out'));
  const answer = await world.run('Grep', { pattern: 'hello', output_mode: 'content' });
  expect(answer.content).toBe('src/a.ts:2:hello a');
});

test('a ripgrep that is missing is an error, logged, and no crash', async () => {
  using world = new ToolWorld(FILES, { ripgrep: '/nowhere/rg' });
  expect(await world.run('Grep', { pattern: 'x' })).toMatchObject({
    isError: true,
    content: 'Grep failed. Try another way.',
  });
  expect(world.lines.at(-1)).toMatchObject({ level: 50, msg: 'tool failed' });
});

test('braces multiply, nest, and may be escaped', () => {
  expect(expandBraces('a{b,c{d,e}}f')).toEqual(['abf', 'acdf', 'acef']);
  expect(expandBraces('{a,b}/{c,}')).toEqual(['a/c', 'a/', 'b/c', 'b/']);
  expect(expandBraces('{a}\\{b,c\\}{')).toEqual(['{a}\\{b,c\\}{']);
  expect(readGlob('**/*.{js,ts}')('a/b.ts')).toBe(true);
});
