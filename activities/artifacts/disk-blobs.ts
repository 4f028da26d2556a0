import { createHash } from 'node:crypto';
import { open, readFile, rename, utimes, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { codeOf, makeDirectory, syncDirectory, unlinkQuietly, writeSynced } from './disk-files.ts';
import type { TemporaryFiles } from './disk-files.ts';
import { blobName, damaged, missing, refOf, uniqueName } from './names.ts';

/** Immutable files named by what they hold: `blobs/<2 hex>/<62 hex>`. */
export class DiskBlobs {
  readonly directory: string;
  readonly #temporary: TemporaryFiles;

  constructor(root: string, temporary: TemporaryFiles) {
    this.directory = join(root, 'blobs');
    this.#temporary = temporary;
  }

  async put(bytes: Uint8Array): Promise<ArtifactRef> {
    const ref = refOf(createHash('sha256').update(bytes));
    const path = this.pathOf(ref);
    if (await isKept(path, async () => (await readFile(path)).equals(bytes))) return ref;
    await this.#temporary.with(async (temporary) => {
      await writeSynced(temporary, bytes);
      await this.#publish(temporary, path);
    });
    return ref;
  }

  /** Copies while hashing, so the bytes stored are the bytes hashed even when the file changes under us. */
  async putFile(source: string): Promise<ArtifactRef> {
    return this.#temporary.with(async (temporary) => {
      const ref = await copyHashed(source, temporary);
      const path = this.pathOf(ref);
      if (await isKept(path, async () => (await hashFile(path)) === ref)) await unlinkQuietly(temporary);
      else await this.#publish(temporary, path);
      return ref;
    });
  }

  async get(ref: ArtifactRef): Promise<Uint8Array> {
    const bytes = await readFile(this.pathOf(ref)).catch((error: unknown) => {
      throw asMissing(error, ref);
    });
    if (refOf(createHash('sha256').update(bytes)) !== ref) throw damaged(ref);
    return bytes;
  }

  async getFile(ref: ArtifactRef, path: string): Promise<void> {
    const part = `${path}.${uniqueName()}.part`;
    try {
      const copied = await copyHashed(this.pathOf(ref), part).catch((error: unknown) => {
        throw asMissing(error, ref);
      });
      if (copied !== ref) throw damaged(ref);
      await rename(part, path);
    } catch (error) {
      await unlinkQuietly(part);
      throw error;
    }
  }

  /** Makes it young: who asks is about to name it, and `collect` must not take it before. */
  has(ref: ArtifactRef): Promise<boolean> {
    return isKept(this.pathOf(ref), () => Promise.resolve(true));
  }

  pathOf(ref: ArtifactRef): string {
    return join(this.directory, blobName(ref));
  }

  async #publish(temporary: string, path: string): Promise<void> {
    await rename(temporary, path).catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      await makeDirectory(dirname(path));
      await rename(temporary, path);
    });
    await syncDirectory(dirname(path));
  }
}

/**
 * Whether a blob is there and whole. Its time is set first: `collect` looks at the time again after it has taken a blob
 * away, so either it gives the blob back or we find it gone and write it anew. A damaged one is written over.
 */
async function isKept(path: string, isWhole: () => Promise<boolean>): Promise<boolean> {
  try {
    const now = new Date();
    await utimes(path, now, now);
    return await isWhole();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Copies a file to a new one, synced, and returns the reference of what was copied. A failure leaves no file. */
async function copyHashed(source: string, target: string): Promise<ArtifactRef> {
  const hash = createHash('sha256');
  await using from = await open(source, 'r');
  await using to = await open(target, 'wx', 0o600);
  try {
    for await (const chunk of chunksOf(from)) {
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += (await to.write(chunk, at)).bytesWritten;
    }
    await to.datasync();
  } catch (error) {
    await unlinkQuietly(target);
    throw error;
  }
  return refOf(hash);
}

async function hashFile(path: string): Promise<ArtifactRef> {
  const hash = createHash('sha256');
  await using file = await open(path, 'r');
  for await (const chunk of chunksOf(file)) hash.update(chunk);
  return refOf(hash);
}

/** Each chunk is only good until the next is asked for: they share one buffer. */
async function* chunksOf(file: FileHandle): AsyncIterable<Buffer> {
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function asMissing(error: unknown, ref: ArtifactRef): unknown {
  return codeOf(error) === 'ENOENT' ? missing(ref) : error;
}
