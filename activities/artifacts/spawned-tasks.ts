import { recordKeys } from '../../workflows/contract/ids.ts';
import { SPAWNED_PAGE } from '../../workflows/contract/limits.ts';
import { SpawnedPage } from '../../workflows/contract/spawn.schema.ts';
import { parsed } from './manifest-pages.ts';
import type { ArtifactStore } from './store.ts';

/** Where one spawned task stands: its page of tasks, the offset in it, the index its `dependsOn` count from. */
export type SpawnedEntry = SpawnedPage['tasks'][number];

/**
 * Entries `from` to `end` of a fleet's spawned tasks, counted from the first index after the manifest's; they end early
 * where nothing more was admitted. Read anew each time: these records grow while the fleet runs.
 */
export async function* spawnedEntries(
  store: ArtifactStore,
  fleetId: string,
  from: number,
  end: number,
): AsyncIterable<SpawnedEntry> {
  for (let at = from; at < end;) {
    const page = Math.floor(at / SPAWNED_PAGE);
    const key = recordKeys.spawned(fleetId, page);
    const found = await store.readRecord(key);
    if (!found) return;
    const { tasks } = parsed(SpawnedPage, found.value, key);
    yield* tasks.slice(at % SPAWNED_PAGE, end - page * SPAWNED_PAGE);
    if (tasks.length < SPAWNED_PAGE) return;
    at = (page + 1) * SPAWNED_PAGE;
  }
}
