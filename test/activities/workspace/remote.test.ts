import { appendFileSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import { git } from './git-fixture.ts';
import { bench, FILES, workspacesOf } from './workspace-fixture.ts';

describe('a repository fetched by the worker', () => {
  it('is the tree of its ref, fetched once', async () => {
    const remote = bench.repository('remote', FILES);
    git(remote, 'tag', '-a', 'v1', '-m', 'v1');
    writeFileSync(`${remote}/a.txt`, 'newer\n');
    git(remote, 'commit', '-qam', 'second');
    const workspaces = workspacesOf();
    const source = (ref?: string) => ({
      bundle: null,
      tree: '',
      subdirectory: '',
      origin: remote,
      repo: { url: `file://${remote}`, ...(ref && { ref }) },
    });
    const readers = await Promise.all(Array.from({ length: 10 }, () => workspaces.open(source(), { mayWrite: false })));
    expect(new Set(readers.map(({ tree }) => tree))).toEqual(new Set([git(remote, 'rev-parse', 'HEAD^{tree}')]));
    for (const ref of ['v1', 'refs/tags/v1', git(remote, 'rev-parse', 'HEAD~1')]) {
      expect((await workspaces.open(source(ref))).tree, ref).toBe(git(remote, 'rev-parse', 'v1^{tree}'));
    }
    renameSync(remote, `${remote}-gone`);
    expect((await workspaces.open(source())).tree).toBe(readers[0]?.tree);
    await expect(workspacesOf().open(source())).rejects.toThrow();
  });

  it('keeps its base when the branch moves on', async () => {
    const remote = bench.repository('remote', FILES);
    const source = {
      bundle: null,
      tree: '',
      subdirectory: '',
      origin: remote,
      repo: { url: `file://${remote}`, ref: 'main' },
    };
    const first = await workspacesOf().open(source);
    appendFileSync(join(first.root, 'a.txt'), 'mine\n');
    const changes = await first.changes();
    expect(changes).toMatchObject({ files: ['a.txt'], insertions: 1, deletions: 0 });
    writeFileSync(`${remote}/a.txt`, 'moved\n');
    git(remote, 'commit', '-qam', 'moved');
    const later = await workspacesOf().open(source, { patch: changes?.patch ?? null, owner: 'later' });
    expect(later.tree).toBe(first.tree);
    expect(await later.save()).toBe(changes?.patch);
    expect((await workspacesOf().open(source, { owner: 'fresh' })).tree).not.toBe(first.tree);
  });

  it('is denied where the remote says no, and never an option or a program', async () => {
    const remote = bench.repository('remote', FILES);
    const workspaces = workspacesOf();
    const open = (url: string, ref?: string) =>
      workspaces.open({ bundle: null, tree: '', subdirectory: '', origin: url, repo: { url, ...(ref && { ref }) } });
    const canary = bench.path('canary');
    for (const url of [
      `file://${bench.path('none')}`,
      `--upload-pack=touch ${canary}`,
      `ext::sh -c touch% ${canary}`,
      `fd::17`,
      'https://',
      ' ',
      `-oProxyCommand=touch ${canary}:x`,
    ]) {
      await expect(open(url), url).rejects.toMatchObject({
        name: expect.stringMatching(/CloneDenied|WorkspaceUnavailable/) as string,
      });
    }
    for (const ref of [
      'none',
      '--upload-pack=x',
      '+main:refs/heads/x',
      'a..b',
      'main@{1}',
      'a b',
      '*',
      '0'.repeat(40),
    ]) {
      await expect(open(`file://${remote}`, ref), ref).rejects.toMatchObject({ name: 'CloneDenied' });
    }
    const narrow = createWorkspaces({ directory: bench.home, store: bench.store, protocols: ['https'] });
    const source = { bundle: null, tree: '', subdirectory: '', origin: '', repo: { url: `file://${remote}` } };
    const { signal } = new AbortController();
    await expect(narrow.open(source, { mayWrite: false, owner: 'n', patch: null, signal })).rejects.toMatchObject({
      name: 'CloneDenied',
    });
    expect(existsSync(canary)).toBe(false);
  });
});
