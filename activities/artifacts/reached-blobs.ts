import { recordKeys } from '../../workflows/contract/ids.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';

const REF = /sha256:[0-9a-f]{64}/g;
const REF_LENGTH = 71;
/** Records and blobs read at once: a store behind a network answers each after milliseconds. */
const READERS = 16;

/** What the mark phase of `ArtifactStore.collect` reads of a store. */
export interface Reachable {
  /** Keys of records changed at `sinceMs` (epoch ms, of the store's own clock) or later. */
  changedRecords(sinceMs: number): AsyncIterable<string>;
  /** A record as stored; undefined: gone meanwhile. */
  recordText(key: string): Promise<string | undefined>;
  /** A blob as latin1 text, in chunks; nothing where it is gone. */
  blobText(ref: ArtifactRef): AsyncIterable<string>;
}

/** All blobs that a record (but those of bundles) names, directly or through other blobs. `startedAtMs`: now. */
export async function reachedBlobs(store: Reachable, startedAtMs: number): Promise<Set<ArtifactRef>> {
  const reached = new Set<ArtifactRef>();
  await markRecords(store, reached, 0);
  // A record written while we walked may name an old blob whose other record we never saw.
  await markRecords(store, reached, startedAtMs - 1000);
  return reached;
}

/** The first blob that a record names. */
export const refIn = (text: string): ArtifactRef | undefined => text.match(REF)?.[0];

async function markRecords(store: Reachable, reached: Set<ArtifactRef>, sinceMs: number): Promise<void> {
  await forEach(store.changedRecords(sinceMs), async (key) => {
    if (key.startsWith(recordKeys.bundles)) return;
    const text = await store.recordText(key);
    if (text !== undefined) await markAll(text.match(REF) ?? [], store, reached);
  });
}

/** Runs `work` on each item, at most `READERS` at once. */
async function forEach<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const shared = items[Symbol.asyncIterator]();
  const reader = async (): Promise<void> => {
    for (let next = await shared.next(); !next.done; next = await shared.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
}

/** Everything named by `refs`, and by what they name. */
async function markAll(refs: readonly ArtifactRef[], store: Reachable, reached: Set<ArtifactRef>): Promise<void> {
  const pending = [...refs];
  for (let ref = pending.pop(); ref !== undefined; ref = pending.pop()) {
    if (reached.has(ref)) continue;
    reached.add(ref);
    for await (const named of refsInside(store.blobText(ref))) pending.push(named);
  }
}

/** References in a blob that looks like JSON text, whatever its size; none where the blob is something else. */
async function* refsInside(chunks: AsyncIterable<string>): AsyncIterable<ArtifactRef> {
  let kept = '';
  let isFirst = true;
  for await (const chunk of chunks) {
    if (isFirst && !/^\s*[[{"]/.test(chunk)) return;
    isFirst = false;
    const text = kept + chunk;
    yield* text.match(REF) ?? [];
    kept = text.slice(1 - REF_LENGTH); // one that straddles two chunks; never a whole one
  }
}
