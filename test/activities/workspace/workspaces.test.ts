import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_TREE } from '../../../activities/workspace/repository.ts';
import { WorkspaceFull, WorkspaceUnavailable } from '../../../activities/workspace/workspace.ts';

import { bench, FILES, snapshot, workspacesOf } from './workspace-fixture.ts';

describe('a shared checkout', () => {
  it('is built once though fifty ask at once, and nobody can write through it', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    const readers = await Promise.all(Array.from({ length: 50 }, () => workspaces.open(source, { mayWrite: false })));
    expect(new Set(readers.map(({ root }) => root)).size).toBe(1);
    expect(readdirSync(join(bench.home, 'trees'))).toEqual([source.tree]);
    const root = readers[0]?.root ?? '';
    const path = join(root, 'a.txt');
    expect(readFileSync(path, 'utf8')).toBe(FILES['a.txt']);
    if (root !== join(bench.home, 'trees', source.tree, 'files') || process.getuid?.() !== 0)
      expect(() => writeFileSync(path, 'x')).toThrow(/EROFS|EACCES/);
    else expect(statSync(path).mode & 0o222).toBe(0);
    expect(await readers[0]?.save()).toBeNull();
    await Promise.all(readers.slice(1).map((reader) => reader.close()));
    expect(readFileSync(path, 'utf8')).toBe(FILES['a.txt']);
  });

  it('is there for whoever opens while the last reader leaves', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    let previous = await workspaces.open(source, { mayWrite: false });
    for (let round = 0; round < 5; round++) {
      const [next] = await Promise.all([workspaces.open(source, { mayWrite: false }), previous.close()]);
      expect(existsSync(join(next.root, 'a.txt'))).toBe(true);
      previous = next;
    }
  });

  it('has files that are read-only by mode where nothing can be mounted', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf('git');
    const { root } = await workspaces.open(source, { mayWrite: false });
    expect(statSync(join(root, 'a.txt')).mode & 0o777).toBe(0o444);
    expect(statSync(join(root, 'src/run.sh')).mode & 0o777).toBe(0o555);
    expect(lstatSync(join(root, 'link')).isSymbolicLink()).toBe(true);
    const own = await workspaces.open(source);
    expect(statSync(join(own.root, 'a.txt')).mode & 0o200).toBe(0o200);
  });

  it('of an empty directory is empty, and takes changes', async () => {
    const source = { bundle: null, tree: EMPTY_TREE, subdirectory: '', origin: '/x' };
    const workspace = await workspacesOf().open(source);
    expect(readdirSync(workspace.root)).toEqual([]);
    writeFileSync(join(workspace.root, 'first'), 'x\n');
    expect((await workspace.changes())?.files).toEqual(['first']);
  });

  it('fails clearly when its bundle is missing, damaged, or holds another tree', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    const tree = '1'.repeat(40);
    await expect(workspaces.open({ ...source, tree })).rejects.toThrow(WorkspaceUnavailable);
    await expect(workspaces.open({ ...source, bundle: null })).rejects.toThrow(WorkspaceUnavailable);
    await expect(workspaces.open({ ...source, tree: '../../etc' })).rejects.toThrow(WorkspaceUnavailable);
    const hex = (source.bundle ?? '').slice(7);
    writeFileSync(bench.path('store/blobs', hex.slice(0, 2), hex.slice(2)), 'damaged');
    await expect(workspaces.open(source)).rejects.toMatchObject({ name: 'ArtifactDamaged' });
    const bundle = await bench.store.put(Buffer.from('no bundle'));
    await expect(workspaces.open({ ...source, bundle })).rejects.toThrow(WorkspaceUnavailable);
    expect(await workspaces.open({ bundle: null, tree: EMPTY_TREE, subdirectory: '', origin: '' })).toBeDefined();
  });

  it('refuses a working directory that is a symlink, a file, or outside', async () => {
    const source = await snapshot(bench.repository('repo', { ...FILES, out: '-> /etc' }));
    const workspaces = workspacesOf();
    for (const subdirectory of ['out', 'a.txt', '../x', 'src/../..', '/etc', 'src//deep']) {
      await expect(workspaces.open({ ...source, subdirectory }), subdirectory).rejects.toThrow(WorkspaceUnavailable);
    }
    const made = await workspaces.open({ ...source, subdirectory: 'src/empty' }, { mayWrite: false });
    expect(statSync(made.directory).isDirectory()).toBe(true);
  });

  it('is given up with the reason when it is no longer wanted', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const abort = new AbortController();
    const opening = workspacesOf().open(source, { signal: abort.signal });
    abort.abort(new Error('no longer wanted'));
    await expect(opening).rejects.toThrow('no longer wanted');
  });
});

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!isRoot)('a full disk (needs root for a small tmpfs)', () => {
  it('is WorkspaceFull, leaves nothing, and passes once there is space', async () => {
    const large = await snapshot(
      bench.repository('large', { 'a.txt': 'x'.repeat(100), big: randomBytes(600_000).toString('hex') }),
    );
    const small = await snapshot(bench.repository('small', FILES));
    mkdirSync(bench.home);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', bench.home]);
    try {
      const workspaces = workspacesOf();
      await expect(workspaces.open(large)).rejects.toThrow(WorkspaceFull);
      const workspace = await workspaces.open(small);
      writeFileSync(join(workspace.root, 'a.txt'), 'kept\n');
      const free = Number(execFileSync('stat', ['-f', '-c', '%f', bench.home]).toString()) * 4096;
      writeFileSync(join(bench.home, 'ballast'), Buffer.alloc(free));
      await expect(workspace.save()).rejects.toThrow(WorkspaceFull);
      await expect(workspaces.open(small)).rejects.toThrow(WorkspaceFull);
      rmSync(join(bench.home, 'ballast'));
      expect((await workspace.changes())?.files).toEqual(['a.txt']);
      await workspace.close();
    } finally {
      execFileSync('umount', [bench.home]);
    }
  });
});
