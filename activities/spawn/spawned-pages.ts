import { recordKeys } from '../../workflows/contract/ids.ts';
import { SPAWNED_PAGE } from '../../workflows/contract/limits.ts';
import { SpawnedPage } from '../../workflows/contract/spawn.schema.ts';
import type { ArtifactStore } from '../artifacts/store.ts';

type Entry = SpawnedPage['tasks'][number];

/**
 * Writes down where spawned tasks stand; `first` counts from the first index after the manifest's. What stands there
 * already is replaced, what stands behind stays: calling it twice, also late, changes nothing. Throws where tasks before
 * `first` are missing.
 */
export async function writeSpawned(
  store: ArtifactStore,
  fleetId: string,
  first: number,
  entries: readonly Entry[],
): Promise<void> {
  for (let at = first; at < first + entries.length;) {
    const page = Math.floor(at / SPAWNED_PAGE);
    const end = Math.min(first + entries.length, (page + 1) * SPAWNED_PAGE);
    const some = entries.slice(at - first, end - first);
    await putInto(store, recordKeys.spawned(fleetId, page), at % SPAWNED_PAGE, some);
    at = end;
  }
}

async function putInto(store: ArtifactStore, key: string, offset: number, entries: readonly Entry[]): Promise<void> {
  for (;;) {
    const found = await store.readRecord(key);
    const { tasks: before } = found ? SpawnedPage.parse(found.value) : { tasks: [] };
    if (before.length < offset) throw new Error(`${key} lacks what was spawned before`);
    const tasks = [...before.slice(0, offset), ...entries, ...before.slice(offset + entries.length)];
    if (JSON.stringify(tasks) === JSON.stringify(before)) return;
    if (await isWritten(store, key, { v: 1, tasks } satisfies SpawnedPage, found?.version ?? 0)) return;
  }
}

/** Writes a record unless it has moved; false: look again. */
export async function isWritten(store: ArtifactStore, key: string, value: unknown, expected: number): Promise<boolean> {
  try {
    await store.writeRecord(key, value, expected);
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === 'RecordConflict') return false;
    throw error;
  }
}
