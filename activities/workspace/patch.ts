import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Changes } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { fetchFile } from './bundle.ts';
import { records, shown } from './file-list.ts';
import { runGit } from './git.ts';

/** What a stored patch changes, counted by git; binary files count no lines. */
export async function patchChanges(store: ArtifactStore, patch: ArtifactRef): Promise<Changes> {
  return withFile(store, patch, async (file, directory) => {
    const args = ['apply', '--numstat', '-z', file];
    const { stdout } = await runGit(args, {
      cwd: directory,
      environment: { GIT_CEILING_DIRECTORIES: dirname(directory) },
    });
    const changes: Changes = { files: [], insertions: 0, deletions: 0, patch };
    for (const line of records(stdout)) {
      const [added = '', removed = '', ...path] = line.split('\t');
      changes.files.push(shown(path.join('\t')));
      changes.insertions += Number(added) || 0;
      changes.deletions += Number(removed) || 0;
    }
    return changes;
  });
}

/** A patch in a private file, for as long as `work` takes. */
export async function withFile<T>(
  store: ArtifactStore,
  patch: ArtifactRef,
  work: (file: string, directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-patch-'));
  try {
    const file = join(directory, randomUUID());
    await fetchFile(store, patch, file);
    return await work(file, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
