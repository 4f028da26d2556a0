import { recordKeys } from '../../workflows/contract/ids.ts';
import { refOfName } from './names.ts';
import { reachedBlobs, refIn, type Reachable } from './reached-blobs.ts';
import { BLOBS, MARKS, type S3Blobs } from './s3-blobs.ts';
import type { S3Bucket, S3Object } from './s3-bucket.ts';
import type { S3Records } from './s3-records.ts';
import type { Sweep, SweepNotice } from './s3-sweep-notice.ts';

/** What is written for a moment and an upload under way are this young, or their process has died. */
const STALE_MS = 24 * 3_600_000;
/** Times a removal is announced that came too late. */
const ATTEMPTS = 5;
/** Written and removed again by `probe` and by the proof of conditional writes. */
export const MOMENTARY = 'tmp/';

export interface Parts {
  bucket: S3Bucket;
  blobs: S3Blobs;
  records: S3Records;
  notice: SweepNotice;
}

/** Mark and sweep beside readers and writers (`ArtifactStore.collect`). Ages go by the server's clock. */
export async function collectGarbage(parts: Parts, olderThanMs: number): Promise<{ blobs: number; bytes: number }> {
  const { bucket, notice } = parts;
  await using sweep = await notice.begin();
  const startedAtMs = bucket.nowMs;
  const reached = await reachedBlobs(reachable(parts), startedAtMs);
  const freed = await sweepBlobs(bucket, sweep, reached, startedAtMs - olderThanMs);
  await forgetBundles(parts);
  const staleMs = startedAtMs - Math.max(olderThanMs, STALE_MS);
  for (const folder of [MARKS, MOMENTARY]) await sweepOld(bucket, folder, staleMs);
  await bucket.abandonUploads(BLOBS, staleMs);
  return freed;
}

function reachable({ records, blobs }: Parts): Reachable {
  return {
    async *changedRecords(sinceMs) {
      for await (const { key, changedAtMs } of records.list('')) if (changedAtMs >= sinceMs - 1000) yield key;
    },
    recordText: (key) => records.readText(key),
    blobText: (ref) => blobs.text(ref),
  };
}

/** A listing at a time: who is old in it is announced, looked at again, and goes. */
async function sweepBlobs(bucket: S3Bucket, sweep: Sweep, reached: ReadonlySet<string>, olderThanMs: number) {
  const freed = { blobs: 0, bytes: 0 };
  let after: string | undefined;
  for await (const page of bucket.pages(BLOBS)) {
    const unreached = page.filter(({ key }) => !reached.has(refOfName(key.slice(BLOBS.length))));
    const last = page.at(-1)!.key;
    for (const gone of await removeOld(bucket, sweep, unreached, { after, last }, olderThanMs)) {
      freed.blobs++;
      freed.bytes += gone.sizeBytes;
    }
    after = last;
  }
  return freed;
}

interface Range {
  /** Key before the first; undefined: the first of all. */
  after: string | undefined;
  last: string;
}

async function removeOld(bucket: S3Bucket, sweep: Sweep, some: S3Object[], range: Range, olderThanMs: number) {
  const isOld = ({ changedAtMs }: S3Object): boolean => changedAtMs <= olderThanMs;
  const old = some.filter(isOld);
  if (old.length === 0) return [];
  const names = new Set(old.map(({ key }) => key.slice(BLOBS.length)));
  for (let attempt = 1; ; attempt++) {
    const announced = await sweep.announce([...names]);
    const young = new Set<string>();
    for await (const mark of inRange(bucket, MARKS, range)) if (!isOld(mark)) young.add(mark.key.slice(MARKS.length));
    const still: S3Object[] = [];
    for await (const blob of inRange(bucket, BLOBS, range)) {
      const name = blob.key.slice(BLOBS.length);
      if (names.has(name) && isOld(blob) && !young.has(name)) still.push(blob);
    }
    if (!announced.isSwift()) {
      if (attempt === ATTEMPTS) throw new Error(`${bucket.name}: its listings are too slow to remove anything safely`);
      continue;
    }
    await bucket.remove(still.map(({ key }) => key));
    return still;
  }
}

/** Objects of a folder whose names lie in a range of `BLOBS`. */
async function* inRange(bucket: S3Bucket, folder: string, { after, last }: Range): AsyncGenerator<S3Object> {
  const end = folder + last.slice(BLOBS.length);
  for await (const page of bucket.pages(folder, after && folder + after.slice(BLOBS.length))) {
    for (const object of page) {
      if (object.key > end) return;
      yield object;
    }
  }
}

/** Records of bundles that are gone. One stored again meanwhile is only forgotten, and stored once more. */
async function forgetBundles({ records, blobs }: Parts): Promise<void> {
  for await (const { key } of records.list(recordKeys.bundles)) {
    const ref = refIn((await records.readText(key)) ?? '');
    if (ref === undefined || !(await blobs.isKept(ref))) await records.deleteOne(key);
  }
}

async function sweepOld(bucket: S3Bucket, folder: string, olderThanMs: number): Promise<void> {
  for await (const page of bucket.pages(folder))
    await bucket.remove(page.filter(({ changedAtMs }) => changedAtMs <= olderThanMs).map(({ key }) => key));
}
