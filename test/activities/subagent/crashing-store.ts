import type { ArtifactStore } from '../../../activities/artifacts/store.ts';

/** As if the process had died there: nothing that comes later is written. */
export class Killed extends Error {
  override name = 'Killed';
}

/** A store whose process dies once its `at`-th write is durable; of 0 it lives, and `writes` counts. */
export function dyingStore(store: ArtifactStore, at: number): { store: ArtifactStore; writes: () => number } {
  let writes = 0;
  let isDead = false;
  const write = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) throw new Killed('dead');
    const result = await work();
    isDead = ++writes === at;
    if (isDead) throw new Killed(`after write ${at.toString()}`);
    return result;
  };
  const dying = Object.create(store, {
    put: { value: (bytes: Uint8Array) => write(() => store.put(bytes)) },
    writeRecord: {
      value: (key: string, value: unknown, expected: number) => write(() => store.writeRecord(key, value, expected)),
    },
  }) as ArtifactStore;
  // Private fields are the store's own.
  for (const name of ['get', 'has', 'putFile', 'getFile', 'readRecord', 'listRecords', 'listFolders', 'probe'] as const)
    Object.defineProperty(dying, name, { value: (store[name] as () => unknown).bind(store) });
  return { store: dying, writes: () => writes };
}
