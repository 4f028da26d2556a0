import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runGit } from '../../../activities/workspace/git.ts';
import { isSound, verifyPatch, type Verification } from '../../../client/demo/verification.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

type Files = Record<string, string | undefined>;

async function put(directory: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    if (text === undefined) await rm(join(directory, path));
    else await writeFile(join(directory, path), text);
  }
}

/** Verifies the patch that turns the repository of `before` into `after`. */
async function verify(before: Files, after: Files, base: Files = before): Promise<Verification> {
  await using root = await temporaryDirectory();
  const repository = join(root.path, 'repository');
  const git = async (...args: string[]): Promise<Buffer> => (await runGit(args, { cwd: repository })).stdout;
  await put(repository, base);
  await git('init', '--quiet');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'base');
  await put(repository, after);
  await git('add', '--all');
  const patch = await git('diff', '--cached', '--binary', 'HEAD');
  await git('reset', '--quiet', '--hard', 'HEAD');
  if (before !== base) {
    await put(repository, before);
    await git('commit', '--quiet', '--all', '--message', 'moved on');
  }
  const scratch = join(root.path, 'scratch');
  const verification = await verifyPatch({ repository, patch, scratch });
  expect(await readdir(scratch)).toEqual([]);
  expect((await git('status', '--porcelain')).toString()).toBe('');
  return verification;
}

describe('verifyPatch', () => {
  it('finds every changed file in order', async () => {
    const before = { 'package.json': '{}', 'a.js': 'f(s.substr(1));\n', 'b.js': '1;\n', 'c.md': 'x\n' };
    const verification = await verify(before, { 'a.js': 'f(s.slice(1));\n', 'c.md': 'y\n', 'new.cjs': '2;\n' });
    expect(verification).toEqual({ files: ['a.js', 'c.md', 'new.cjs'].map((path) => ({ path, ok: true })) });
    expect(isSound(verification)).toBe(true);
  });

  it('catches a patch that breaks a file, and says where', async () => {
    const before = { 'package.json': '{}', 'a.js': 'x = 1;\nf(s.substr(1));\n', 'b.js': 's.substr(1);\n' };
    const verification = await verify(before, { 'a.js': 'x = 1;\nf(s.slice(1);\n', 'b.js': 's.slice(1);\n' });
    expect(verification.files).toEqual([
      { path: 'a.js', ok: false, error: 'line 2: SyntaxError: missing ) after argument list' },
      { path: 'b.js', ok: true },
    ]);
    expect(isSound(verification)).toBe(false);
  });

  it('parses as the kind of module the nearest package.json says', async () => {
    const base = {
      'package.json': '{}',
      'esm/package.json': '{"type":"module"}',
      'a.js': '',
      'esm/a.js': '',
      'b.mjs': '',
    };
    const sloppy = 'with (a) { b; }\n';
    const { files } = await verify(base, { 'a.js': sloppy, 'esm/a.js': sloppy, 'b.mjs': sloppy });
    expect(files.map(({ path, ok }) => [path, ok])).toEqual([
      ['a.js', true],
      ['b.mjs', false],
      ['esm/a.js', false],
    ]);
    expect(files[2]?.error).toContain('Strict mode');
  });

  it('runs nothing of what it parses', async () => {
    const { files } = await verify({ 'package.json': '{}', 'a.js': '1;\n' }, { 'a.js': 'process.exit(9);\n' });
    expect(files).toEqual([{ path: 'a.js', ok: true }]);
  });

  it('catches broken JSON, and takes a deleted file as gone', async () => {
    const base = { 'package.json': '{}', 'a.js': '1;\n', 'd.json': '[]' };
    const { files } = await verify(base, { 'd.json': '[', 'a.js': undefined });
    expect(files).toMatchObject([{ path: 'd.json', ok: false }]);
  });

  it('says so when the repository has moved on and the patch does not apply', async () => {
    const base = { 'package.json': '{}', 'a.js': 'x = 1;\n' };
    const verification = await verify({ ...base, 'a.js': 'x = 2;\n' }, { 'a.js': 'x = 3;\n' }, base);
    expect(verification.files).toEqual([]);
    expect(verification.error).toMatch(/^the patch does not apply: .*a\.js/);
    expect(isSound(verification)).toBe(false);
  });
});
