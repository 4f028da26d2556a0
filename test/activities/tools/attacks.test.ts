import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ATTACKS, FILES } from './attack-table.ts';
import { CANARY, ToolWorld } from './tool-world.ts';

for (const { name, build, attacks, reason, twin } of ATTACKS) {
  test(`class ${name}: ${reason}, nothing happens outside, and the nearest honest call succeeds`, async () => {
    using world = new ToolWorld(FILES);
    build?.(world);
    const before = world.outsideState();
    const inside = world.names();
    for (const { tool, input, with: overrides } of attacks(world)) {
      const answer = await world.run(tool, input, overrides);
      expect([input, answer.isError, answer.denial?.reason]).toEqual([input, true, reason]);
      expect(JSON.stringify(answer)).not.toContain(CANARY);
      expect(answer.hasWritten).toBe(false);
      expect(world.lines.at(-1)).toMatchObject({ msg: 'tool call denied', reason, tool });
    }
    expect(world.outsideState()).toBe(before);
    expect(world.names()).toEqual(inside);
    const legitimate = twin(world);
    expect(await world.run(legitimate.tool, legitimate.input, legitimate.with)).toMatchObject({ isError: false });
  });
}

test.each(['%2e%2e/x.ts', '~/x.ts', '$HOME/x.ts'])('classes 5 and 7: %s is taken literally', async (path) => {
  using world = new ToolWorld(FILES);
  expect((await world.run('Read', { file_path: path })).content).toContain('inside');
  expect(await world.run('Read', { file_path: path.replace('x.ts', 'secret') })).toMatchObject({ isError: true });
});

test('class 12: a link planted between two calls is refused at the second', async () => {
  using world = new ToolWorld(FILES);
  expect((await world.run('Read', { file_path: 'src/deep/c.ts' })).isError).toBe(false);
  execFileSync('rm', ['-r', join(world.root, 'src/deep')]);
  symlinkSync(world.outside, join(world.root, 'src/deep'));
  expect((await world.run('Read', { file_path: 'src/deep/file.ts' })).denial?.reason).toBe('SYMLINK_ESCAPE');
});

test('class 13: files of a shared checkout may have several names, for only muster wrote it', async () => {
  using world = new ToolWorld(FILES);
  linkSync(join(world.root, 'a.ts'), join(world.root, 'twin.ts'));
  expect((await world.run('Read', { file_path: 'twin.ts' }, { mayWrite: false })).content).toContain('inside a');
  expect((await world.run('Read', { file_path: 'twin.ts' })).denial?.reason).toBe('HARDLINK');
  expect((await world.run('Grep', { pattern: 'inside a' })).content).not.toContain('twin.ts');
});

test('class 17: sockets and devices are no files either', async () => {
  using world = new ToolWorld(FILES);
  const server = createServer().listen(join(world.root, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    expect((await world.run('Read', { file_path: 'socket' })).denial?.reason).toBe('NOT_REGULAR');
  } finally {
    server.close();
  }
});

test('class 19: searches list nothing behind a symbolic link', async () => {
  using world = new ToolWorld(FILES);
  symlinkSync(world.outside, join(world.root, 'src/out'));
  symlinkSync(join(world.outside, 'secret'), join(world.root, 'src/leak.ts'));
  symlinkSync('src', join(world.root, 'again'));
  const glob = await world.run('Glob', { pattern: '**' });
  expect(glob.content.split('\n').sort()).toEqual(Object.keys(FILES).sort());
  for (const output_mode of ['files_with_matches', 'content', 'count']) {
    const { content } = await world.run('Grep', { pattern: 'inside|canary', output_mode });
    expect(content).not.toMatch(new RegExp(`${CANARY}|leak|out/|again`));
    expect(content).toContain('src/b.ts');
  }
});

test('class 23: an existing temporary name is never written through, and none stays behind', async () => {
  using world = new ToolWorld(FILES);
  chmodSync(join(world.root, 'a.ts'), 0o755);
  expect((await world.run('Write', { file_path: 'a.ts', content: 'new' })).isError).toBe(false);
  expect(statSync(join(world.root, 'a.ts')).mode & 0o777).toBe(0o755);
  expect(readdirSync(world.root).filter((name) => name.includes('.tmp'))).toEqual([]);
});

test('links inside the workspace are followed when both ends are allowed', async () => {
  using world = new ToolWorld(FILES);
  symlinkSync('src/deep', join(world.root, 'short'));
  symlinkSync(join(world.root, 'a.ts'), join(world.root, 'src/absolute'));
  expect((await world.run('Read', { file_path: 'short/c.ts' })).content).toContain('inside c');
  expect((await world.run('Read', { file_path: 'short/../b.ts' })).content).toContain('inside b');
  expect((await world.run('Read', { file_path: 'src/absolute' })).content).toContain('inside a');
  expect((await world.run('Glob', { pattern: '*', path: 'short' })).content).toBe('src/deep/c.ts');
  const narrow = { grant: { allow: ['Read(short/**)'] } };
  expect((await world.run('Read', { file_path: 'short/c.ts' }, narrow)).denial?.reason).toBe('NOT_GRANTED');
  expect((await world.run('Edit', { file_path: 'short/c.ts', old_string: 'inside', new_string: 'new' })).isError).toBe(
    false,
  );
  expect(world.read('src/deep/c.ts')).toBe('new c\n');
});

test('class 20: a denied link to an allowed file is denied, the file under its own name is not', async () => {
  using world = new ToolWorld(FILES);
  symlinkSync('src', join(world.root, 'alias'));
  const grant = { deny: ['Read(alias/**)'] };
  expect((await world.run('Read', { file_path: 'alias/b.ts' }, { grant })).denial?.reason).toBe('DENIED_BY_RULE');
  expect((await world.run('Read', { file_path: 'src/b.ts' }, { grant })).isError).toBe(false);
});

test('links in circles and a directory for a file end in words', async () => {
  using world = new ToolWorld(FILES);
  symlinkSync('loop', join(world.root, 'loop'));
  mkdirSync(join(world.root, 'empty'));
  expect((await world.run('Read', { file_path: 'loop/x' })).denial?.reason).toBe('BAD_PATH');
  expect((await world.run('Read', { file_path: 'empty' })).content).toContain('is a directory; list it with Glob');
  expect((await world.run('Write', { file_path: 'empty', content: '' })).content).toContain('is a directory');
  expect((await world.run('Read', { file_path: 'a.ts/x' })).content).toBe('a.ts is no directory.');
  const below = await world.run('Read', { file_path: 'none/../b.ts' }, { directory: 'src' });
  expect(below.content).toBe('There is no directory none.');
});
