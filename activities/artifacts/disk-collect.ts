import { createReadStream } from 'node:fs';
import { link, opendir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { recordKeys } from '../../workflows/contract/ids.ts';
import type { DiskBlobs } from './disk-blobs.ts';
import { codeOf, unlinkQuietly, type TemporaryFiles } from './disk-files.ts';
import { newestToken, valuePath, type DiskRecords } from './disk-records.ts';
import { reachedBlobs, refIn, type Reachable } from './reached-blobs.ts';

/** Temporary files live for seconds; one this old belongs to a process that died. */
const STALE_MS = 3_600_000;

interface Parts {
  blobs: DiskBlobs;
  records: DiskRecords;
  temporary: TemporaryFiles;
}

/** Mark and sweep beside readers and writers (`ArtifactStore.collect`). */
export async function collectGarbage(
  { blobs, records, temporary }: Parts,
  olderThanMs: number,
): Promise<{ blobs: number; bytes: number }> {
  const startedAtMs = Date.now();
  const reached = await reachedBlobs(reachable(records, blobs), startedAtMs);
  const freed = await sweepBlobs(blobs, temporary, reached, startedAtMs - olderThanMs);
  await forgetBundles(records, blobs);
  await sweepStale(records, temporary, startedAtMs - Math.max(olderThanMs, STALE_MS));
  return freed;
}

function reachable(records: DiskRecords, blobs: DiskBlobs): Reachable {
  return {
    async *changedRecords(sinceMs) {
      for await (const key of records.list('')) {
        const changedAtMs = await modifiedAtMs(records.pathOf(key));
        if (changedAtMs !== undefined && changedAtMs >= sinceMs) yield key;
      }
    },
    recordText: async (key) => (await records.readText(key))?.text,
    async *blobText(ref) {
      try {
        yield* createReadStream(blobs.pathOf(ref), { encoding: 'latin1' }) as AsyncIterable<string>;
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    },
  };
}

async function sweepBlobs(blobs: DiskBlobs, temporary: TemporaryFiles, reached: Set<string>, olderThanMs: number) {
  const freed = { blobs: 0, bytes: 0 };
  for (const folder of await readdir(blobs.directory)) {
    for await (const entry of await opendir(join(blobs.directory, folder))) {
      if (reached.has(`sha256:${folder}${entry.name}`)) continue;
      const bytes = await removeOld(join(blobs.directory, folder, entry.name), temporary, olderThanMs);
      if (bytes === undefined) continue;
      freed.blobs++;
      freed.bytes += bytes;
    }
  }
  return freed;
}

/**
 * Removes a blob unless it is young. A `put` of the same bytes makes it young: the blob is taken aside, looked at
 * again, and given back if that has just happened.
 */
async function removeOld(path: string, temporary: TemporaryFiles, olderThanMs: number): Promise<number | undefined> {
  const atMs = await modifiedAtMs(path);
  if (atMs === undefined || atMs > olderThanMs) return undefined;
  const aside = temporary.path();
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const { mtimeMs, size } = await stat(aside);
  const isOld = mtimeMs <= olderThanMs;
  if (!isOld) await link(aside, path).catch(ignoreExisting);
  await unlinkQuietly(aside);
  return isOld ? size : undefined;
}

/** Records of bundles that are gone. One stored again meanwhile is only forgotten, and stored once more. */
async function forgetBundles(records: DiskRecords, blobs: DiskBlobs): Promise<void> {
  for await (const key of records.list(recordKeys.bundles)) {
    const ref = refIn((await records.readText(key))?.text ?? '');
    if (ref === undefined || !(await blobs.has(ref))) await records.deleteOne(key);
  }
}

async function sweepStale(records: DiskRecords, temporary: TemporaryFiles, olderThanMs: number): Promise<void> {
  const isStale = async (path: string) => ((await modifiedAtMs(path)) ?? Infinity) < olderThanMs;
  for (const name of await readdir(temporary.directory)) {
    const path = join(temporary.directory, name);
    if (await isStale(path)) await rm(path, { recursive: true, force: true });
  }
  for await (const key of records.list('')) {
    const directory = records.pathOf(key);
    const names = await readdir(directory).catch(() => []);
    if (names.length <= 2) continue;
    for (const name of names.filter((other) => other.startsWith('~'))) {
      const path = join(directory, name);
      // The token is read after the value was seen old: a value that old is either the token's or nobody's.
      if (!(await isStale(path))) continue;
      const token = await newestToken(directory);
      if (token !== undefined && valuePath(directory, token) !== path) await unlinkQuietly(path);
    }
  }
}

async function modifiedAtMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function ignoreExisting(error: unknown): void {
  if (codeOf(error) !== 'EEXIST') throw error;
}
