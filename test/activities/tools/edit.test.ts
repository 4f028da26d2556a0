import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ToolWorld } from './tool-world.ts';

const edit = (world: ToolWorld, old_string: string, new_string: string, more: Record<string, unknown> = {}) =>
  world.run('Edit', { file_path: 'f', old_string, new_string, ...more });

test.each<[string, string, string, string, Record<string, unknown>, string]>([
  ['one place', 'a b c', 'b', 'X', {}, 'a X c'],
  ['every place', 'a b a', 'a', 'X', { replace_all: true }, 'X b X'],
  ['a removal', 'a\nb\n', 'a\n', '', {}, 'b\n'],
  ['dollar signs as they are', 'a', 'a', "$& $1 $$ $'", {}, "$& $1 $$ $'"],
  ['CRLF from lines copied without it', 'a\r\nb\r\nc\r\n', 'a\nb', 'x\ny\nz', {}, 'x\r\ny\r\nz\r\nc\r\n'],
  ['CRLF, one line made two', 'a\r\nb\r\n', 'a', 'x\ny', {}, 'x\r\ny\r\nb\r\n'],
  ['CRLF given as CRLF', 'a\r\nb\r\n', 'a\r\nb', 'x\r\ny', {}, 'x\r\ny\r\n'],
  ['mixed ends left alone', 'a\r\nb\nc\n', 'b\nc', 'x\ny', {}, 'a\r\nx\ny\n'],
  ['a byte order mark kept', '\ufeffa', 'a', 'b', {}, '\ufeffb'],
  ['no line feed at the end kept', 'a\nb', 'b', 'c', {}, 'a\nc'],
])('edits %s', async (_, before, from, to, more, after) => {
  using world = new ToolWorld({ f: before });
  expect(await edit(world, from, to, more)).toMatchObject({ isError: false, hasWritten: true });
  expect(world.read('f')).toBe(after);
});

test.each<[string, string | Buffer, string, string, string]>([
  ['a text that is not there', 'a', 'x', 'y', 'old_string does not stand in f. Read the file again'],
  ['other indentation', 'if x\n\tfoo()\n', '  foo()', 'y', 'Line 2 is like its first line: check indentation'],
  ['two places', 'a a', 'a', 'b', 'stands in f 2 times; add lines around it until it is unique, or set replace_all'],
  ['nothing to look for', 'a', '', 'b', 'old_string is empty; use Write'],
  ['no change', 'a', 'a', 'a', 'are the same'],
  ['a binary file', Buffer.from('a\0b'), 'a', 'b', 'is a binary file'],
  ['another encoding', Buffer.from([0x61, 0xe9, 0x62]), 'a', 'b', 'is not UTF-8'],
])('refuses %s and leaves the file alone', async (_, before, from, to, message) => {
  using world = new ToolWorld({ f: before });
  const answer = await edit(world, from, to);
  expect(answer).toMatchObject({ isError: true, hasWritten: false });
  expect(answer.content).toContain(message);
  expect(answer.denial).toBeUndefined();
  expect(Buffer.from(before).equals(Buffer.from(execFileSync('cat', [join(world.root, 'f')])))).toBe(true);
});

test('a missing file is no reason to create one', async () => {
  using world = new ToolWorld({ 'file.ts': 'a' });
  expect((await world.run('Edit', { file_path: 'fil.ts', old_string: 'a', new_string: 'b' })).content).toContain(
    'Did you mean file.ts?',
  );
  expect(readdirSync(world.root)).toEqual(['file.ts']);
});

test('Write creates directories, replaces whole files and says which it did', async () => {
  using world = new ToolWorld({ f: 'old' });
  const write = (file_path: string, content: string) => world.run('Write', { file_path, content });
  expect(await write('a/b/c.ts', 'one\ntwo\n')).toEqual({
    content: 'Created a/b/c.ts (2 lines).',
    isError: false,
    hasWritten: true,
  });
  expect((await write('f', 'new')).content).toBe('Replaced f (1 line).');
  expect([world.read('a/b/c.ts'), world.read('f')]).toEqual(['one\ntwo\n', 'new']);
  expect(statSync(join(world.root, 'a/b/c.ts')).mode & 0o111).toBe(0);
  expect((await write('dir/', 'x')).content).toContain('names a directory');
  expect((await write('f/x', 'x')).content).toContain('f is no directory');
  expect(readdirSync(world.root).sort()).toEqual(['a', 'f']);
});

test('writes from a working directory below the root land there', async () => {
  using world = new ToolWorld({ 'services/a/x': '' });
  const answer = await world.run('Write', { file_path: 'new.ts', content: 'x' }, { directory: 'services/a' });
  expect(answer.content).toBe('Created new.ts (1 line).');
  expect(world.read('services/a/new.ts')).toBe('x');
  const outside = { directory: 'services/a', grant: { allow: ['Read', 'Edit(**)'] } };
  expect((await world.run('Write', { file_path: '../b', content: 'x' }, outside)).denial?.reason).toBe('NOT_GRANTED');
});

const BWRAP = ['--unshare-user', '--dev-bind', '/', '/', '--size', '262144', '--tmpfs', '/mnt'];
const canConfine = spawnSync('bwrap', [...BWRAP, 'true']).status === 0;

test.skipIf(!canConfine)('a full disk is thrown as it is, the old content stays and no half of the new', () => {
  const script = `
    import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
    import { createToolDispatcher } from './activities/tools/dispatcher.ts';
    import { createLog } from './activities/observe/log.ts';
    mkdirSync('/mnt/ws'); writeFileSync('/mnt/ws/f', 'old');
    const context = { workspace: { root: '/mnt/ws', directory: '/mnt/ws', mayWrite: true },
      grant: { allow: ['Edit'], deny: [], mode: 'dontAsk' }, signal: new AbortController().signal };
    const call = { name: 'Write', input: { file_path: 'f', content: 'x'.repeat(1_000_000) } };
    const code = await createToolDispatcher({ log: createLog('silent') }).run(call, context).catch((error) => error.code);
    console.log(JSON.stringify({ code, content: readFileSync('/mnt/ws/f', 'utf8'), names: readdirSync('/mnt/ws') }));`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const result = spawnSync('bwrap', [...BWRAP, ...node], { encoding: 'utf8' });
  expect([JSON.parse(result.stdout || 'null'), result.stderr]).toEqual([
    { code: 'ENOSPC', content: 'old', names: ['f'] },
    '',
  ]);
});
