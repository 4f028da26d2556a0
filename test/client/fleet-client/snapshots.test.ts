import { execFileSync } from 'node:child_process';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import { takeSnapshots, type Snapshot } from '../../../client/fleet-client/snapshots.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

interface Ground extends AsyncDisposable {
  path: string;
  taken: string[];
  snapshot: Snapshot;
}

/** A directory with files and a real store; `taken` says which directories were really snapshotted. */
async function ground(files: string[]): Promise<Ground> {
  const { path: base, [Symbol.asyncDispose]: dispose } = await temporaryDirectory();
  const path = await realpath(base);
  for (const file of files) {
    await mkdir(join(path, 'files', file, '..'), { recursive: true });
    await writeFile(join(path, 'files', file), file);
  }
  const store = await DiskStore.open(join(path, 'artifacts'));
  const taken: string[] = [];
  const snapshot: Snapshot = (directory) => {
    taken.push(directory);
    return snapshotDirectory(directory, { store, cacheDirectory: join(path, 'cache') });
  };
  return { path: join(path, 'files'), taken, snapshot, [Symbol.asyncDispose]: () => dispose() };
}

const at = (directory: string, isEligible = true) => ({ workspace: { directory }, isEligible });

describe('takeSnapshots', () => {
  it('takes a repository once, however many of its directories are worked in', async () => {
    await using ours = await ground(['a/x', 'b/x', 'c/x']);
    execFileSync('git', ['init', '-q', ours.path]);
    const tasks = ['a', 'b', 'c', ''].map((name) => at(join(ours.path, name)));
    const { sources } = await takeSnapshots(tasks, ours.snapshot);
    expect(ours.taken).toEqual([ours.path]);
    expect(sources.map(({ subdirectory }) => subdirectory)).toEqual(['a', 'b', 'c', '']);
    expect(new Set(sources.map(({ tree }) => tree)).size).toBe(1);
    expect(sources[1]!.origin).toBe(join(ours.path, 'b'));
  });

  it('takes a directory its repository ignores by itself', async () => {
    await using ours = await ground(['a/x', 'out/x']);
    execFileSync('git', ['init', '-q', ours.path]);
    await writeFile(join(ours.path, '.gitignore'), 'out\n');
    const { sources } = await takeSnapshots([at(join(ours.path, 'a')), at(join(ours.path, 'out'))], ours.snapshot);
    expect(sources.map(({ subdirectory }) => subdirectory)).toEqual(['a', '']);
    expect(sources[0]!.tree).not.toBe(sources[1]!.tree);
  });

  it('takes plain directories one by one, each once, and tells how far it is', async () => {
    await using ours = await ground(['a/x', 'b/y']);
    const [a, b] = [join(ours.path, 'a'), join(ours.path, 'b')];
    const progress: string[] = [];
    const onProgress = (done: number, total: number): void => void progress.push(`${done}/${total}`);
    const { sources } = await takeSnapshots([at(a), at(b), at(a)], ours.snapshot, { onProgress });
    expect(ours.taken.sort()).toEqual([a, b]);
    expect(sources[0]).toEqual(sources[2]);
    expect(progress).toEqual(['1/2', '2/2']);
  });

  it('takes nothing of targets that are not eligible, nor of URLs', async () => {
    await using ours = await ground(['a/x']);
    const url = { workspace: { url: 'https://host.test/r.git', ref: 'main' }, isEligible: true };
    const { sources } = await takeSnapshots([at(join(ours.path, 'a'), false), url], ours.snapshot);
    expect(ours.taken).toEqual([]);
    expect(sources[0]).toMatchObject({ bundle: null, origin: join(ours.path, 'a') });
    expect(sources[1]).toMatchObject({ repo: { url: 'https://host.test/r.git', ref: 'main' } });
  });

  it('fails as a whole when one directory cannot be taken', async () => {
    await using ours = await ground(['a/x']);
    await expect(takeSnapshots([at(join(ours.path, 'gone'))], ours.snapshot)).rejects.toThrow(/gone/);
  });
});
