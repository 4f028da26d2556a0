import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runGit } from '../../../activities/workspace/git.ts';
import { prepareRepositories, repositoryPath } from '../../../client/demo/repositories.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { install, source, type FakePackage } from './installed.ts';

const packages = (): Record<string, FakePackage> => ({
  a: { version: '1.0.0', files: { 'index.js': source('s.substr(1)'), 'lib/b.js': source() } },
  '@s/b': { version: '1.2.3', files: { 'index.mjs': source(), '.gitignore': 'index.mjs\n' } },
});

async function git(directory: string, ...args: string[]): Promise<string> {
  return (await runGit(args, { cwd: directory })).stdout.toString().trim();
}

describe('prepareRepositories', () => {
  it('makes a repository of each package, whose one commit is the same wherever it is made', async () => {
    await using root = await temporaryDirectory();
    const modules = await install(root.path, packages());
    const made = async (name: string) => {
      const directory = join(root.path, name);
      await mkdir(directory);
      return prepareRepositories({ modules, directory, count: 2 });
    };
    const [one, two] = [await made('one'), await made('two')];
    expect(one.built).toBe(2);
    expect(two.repositories).toEqual(one.repositories);
    const [a, b] = one.repositories;
    expect([a?.label, b?.label]).toEqual(['a', 's-b']);
    const place = repositoryPath(join(root.path, 'one'), 'a');
    expect(await git(place, 'log', '--format=%H %s')).toBe(`${a?.commit} a 1.0.0`);
    expect(await git(place, 'ls-tree', '-r', '--name-only', 'HEAD')).toBe('index.js\nlib/b.js\npackage.json');
    expect(await git(place, 'status', '--porcelain')).toBe('');
    expect((await readdir(join(root.path, 'one'))).sort()).toEqual(['a', 'repositories.json', 's-b']);
  });

  it('makes nothing again while the same is installed, and only what changed once it is not', async () => {
    await using root = await temporaryDirectory();
    const directory = join(root.path, 'demo');
    await mkdir(directory);
    const modules = await install(root.path, packages());
    await prepareRepositories({ modules, directory, count: 2 });
    const head = join(repositoryPath(directory, 'a'), '.git', 'HEAD');
    const before = (await stat(head)).ino;
    expect((await prepareRepositories({ modules, directory, count: 2 })).built).toBe(0);
    const newer = packages();
    newer['@s/b'] = { version: '2.0.0', files: { 'index.mjs': source('x') } };
    await install(root.path, newer);
    const { built, repositories } = await prepareRepositories({ modules, directory, count: 2 });
    expect(built).toBe(1);
    expect(repositories[1]?.version).toBe('2.0.0');
    expect(await git(repositoryPath(directory, 's-b'), 'log', '--format=%s')).toBe('@s/b 2.0.0');
    expect((await stat(head)).ino).toBe(before);
    expect((await prepareRepositories({ modules, directory, count: 1 })).built).toBe(0);
    expect((await prepareRepositories({ modules, directory, count: 2 })).built).toBe(0);
    expect((await prepareRepositories({ modules, directory, count: 2, isFresh: true })).built).toBe(2);
  });

  it('can be ended between two repositories, and a later call makes them all', async () => {
    await using root = await temporaryDirectory();
    const directory = join(root.path, 'demo');
    const modules = await install(root.path, packages());
    const options = { modules, directory, count: 2 };
    await expect(prepareRepositories({ ...options, signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    expect((await prepareRepositories(options)).built).toBe(2);
  });

  it('mends what an interrupted or foreign hand left: drafts, half a repository, a damaged list', async () => {
    await using root = await temporaryDirectory();
    const directory = join(root.path, 'demo');
    await mkdir(directory);
    const modules = await install(root.path, packages());
    const first = await prepareRepositories({ modules, directory, count: 2 });
    await mkdir(join(directory, '.a.4711', 'lib'), { recursive: true });
    await rm(join(repositoryPath(directory, 'a'), '.git'), { recursive: true });
    const second = await prepareRepositories({ modules, directory, count: 2 });
    expect(second).toEqual({ repositories: first.repositories, built: 1 });
    expect(existsSync(join(directory, '.a.4711'))).toBe(false);
    await writeFile(join(directory, 'repositories.json'), '{"recipe":1,');
    expect(await prepareRepositories({ modules, directory, count: 2 })).toEqual({ ...first, built: 2 });
  });
});
