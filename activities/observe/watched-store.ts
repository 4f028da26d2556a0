import type { ArtifactStore } from '../artifacts/store.ts';
import type { Metrics, StoreOutcome } from './metrics.ts';

const OUTCOMES: ReadonlyMap<string, StoreOutcome> = new Map([
  ['RecordConflict', 'conflict'],
  ['StoreFull', 'full'],
  ['ArtifactMissing', 'missing'],
]);

/** The same store; its operations are timed. Listings are not: they last as long as whoever reads them. */
export function watchedStore(store: ArtifactStore, metrics: Metrics): ArtifactStore {
  const timed = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    let outcome: StoreOutcome = 'ok';
    try {
      return await work();
    } catch (error) {
      // By name: the store's room is no room to import from here.
      outcome = (error instanceof Error && OUTCOMES.get(error.name)) || 'error';
      throw error;
    } finally {
      metrics.store({ operation, outcome, durationMs: performance.now() - startedAt });
    }
  };
  return {
    put: (bytes) => timed('put', () => store.put(bytes)),
    get: (ref) => timed('get', () => store.get(ref)),
    has: (ref) => timed('has', () => store.has(ref)),
    putFile: (path) => timed('put_file', () => store.putFile(path)),
    getFile: (ref, path) => timed('get_file', () => store.getFile(ref, path)),
    readRecord: (key) => timed('read_record', () => store.readRecord(key)),
    writeRecord: (key, value, expected) => timed('write_record', () => store.writeRecord(key, value, expected)),
    listRecords: (prefix) => store.listRecords(prefix),
    listFolders: (prefix) => store.listFolders(prefix),
    deleteRecords: (prefix) => timed('delete_records', () => store.deleteRecords(prefix)),
    probe: () => timed('probe', () => store.probe()),
    collect: (olderThanMs) => timed('collect', () => store.collect(olderThanMs)),
  };
}
