import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { recordKeys } from '../../workflows/contract/ids.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Repository } from './repository.ts';
import { WorkspaceFull } from './workspace.ts';

/** The commit every machine makes of a tree: fixed author, date and message. */
async function commitOf(repository: Repository, tree: string): Promise<string> {
  return (await repository.run(['commit-tree', tree, '-m', 'workspace'])).stdout.toString().trim();
}

/**
 * Stores a git bundle of one commit with this tree, once per tree: a record remembers it. A blob that has gone missing
 * is stored again.
 */
export async function saveBundle(repository: Repository, tree: string, store: ArtifactStore): Promise<ArtifactRef> {
  const key = recordKeys.bundle(tree);
  const known = await store.readRecord(key);
  if (isRef(known?.value) && (await store.has(known.value))) return known.value;
  const commit = await commitOf(repository, tree);
  const name = `refs/bundles/${tree}`;
  const file = `${repository.directory}/${randomUUID()}.bundle`;
  try {
    await repository.run(['update-ref', name, commit]);
    await repository.run(['bundle', 'create', '-q', '-', name], { outputFile: file });
    const ref = await store.putFile(file);
    // Lost to another who stored the same tree: theirs is as good.
    await store.writeRecord(key, ref, known?.version ?? 0).catch(ignoreConflict);
    return ref;
  } finally {
    await rm(file, { force: true });
  }
}

/** Brings a bundle's objects into a repository. `file` lies where the bundle may be kept for a moment. */
export async function loadBundle(
  repository: Repository,
  ref: ArtifactRef,
  store: ArtifactStore,
  file: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await fetchFile(store, ref, file);
    await repository.run(['bundle', 'unbundle', file], signal === undefined ? {} : { signal });
  } finally {
    await rm(file, { force: true });
  }
}

/** A blob as a new file on the workspaces' disk; when that is full, it is the workspace's trouble, not the store's. */
export async function fetchFile(store: ArtifactStore, ref: ArtifactRef, file: string): Promise<void> {
  await store.getFile(ref, file).catch((cause: unknown) => {
    if (!(cause instanceof Error && cause.name === 'StoreFull')) throw cause;
    throw new WorkspaceFull('the disk of the workspaces has no space left', { cause });
  });
}

const isRef = (value: unknown): value is ArtifactRef => typeof value === 'string' && value.startsWith('sha256:');

function ignoreConflict(error: unknown): void {
  if (!(error instanceof Error && error.name === 'RecordConflict')) throw error;
}
