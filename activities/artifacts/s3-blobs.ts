import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { unlinkQuietly } from './disk-files.ts';
import { blobName, damaged, missing, refOf, uniqueName } from './names.ts';
import type { S3Bucket } from './s3-bucket.ts';
import type { SweepNotice } from './s3-sweep-notice.ts';

export const BLOBS = 'blobs/';
/** Empty objects, one for each blob that was asked for without being written: the newer of both times counts. */
export const MARKS = 'young/';

/** Smaller than this, sending it again is quicker than asking whether it is there, and mends a damaged one besides. */
const LARGE_BYTES = 8 * 1024 ** 2;

/**
 * Immutable objects named by what they hold: `blobs/<2 hex>/<62 hex>`. What is stored again must be young for `collect`
 * as if it were new. Small ones are written again, one request. For a large one an empty object of the same name is
 * written below `young/`: a copy onto itself would do without, but not every server then sets the time, and none copies
 * more than 5 GiB. `SweepNotice` closes the gap between looking at an age and removing.
 */
export class S3Blobs {
  readonly #bucket: S3Bucket;
  readonly #notice: SweepNotice;

  constructor(bucket: S3Bucket, notice: SweepNotice) {
    this.#bucket = bucket;
    this.#notice = notice;
  }

  async put(bytes: Uint8Array): Promise<ArtifactRef> {
    const hash = createHash('sha256').update(bytes);
    const sha256 = hash.copy().digest('base64');
    const ref = refOf(hash);
    const name = blobName(ref);
    await this.#notice.outlive(
      name,
      async () => {
        const isKept = bytes.byteLength >= LARGE_BYTES && (await this.#isMarked(name, bytes.byteLength));
        if (!isKept) await this.#bucket.put(BLOBS + name, bytes, { sha256 });
        return true;
      },
      () => this.#isThere(name),
    );
    return ref;
  }

  /** Hashes first, since the name is the hash, and again while sending: a file that changes under us is not stored. */
  async putFile(path: string): Promise<ArtifactRef> {
    const { size } = await stat(path);
    if (size < LARGE_BYTES) return this.put(await readFile(path));
    const ref = await hashFile(path);
    const name = blobName(ref);
    await this.#notice.outlive(
      name,
      async () => {
        if (!(await this.#isMarked(name, size))) await this.#upload(path, ref, size);
        return true;
      },
      () => this.#isThere(name),
    );
    return ref;
  }

  async get(ref: ArtifactRef): Promise<Uint8Array> {
    const found = await this.#bucket.get(BLOBS + blobName(ref));
    if (found === undefined) throw missing(ref);
    if (refOf(createHash('sha256').update(found.bytes)) !== ref) throw damaged(ref);
    return found.bytes;
  }

  async getFile(ref: ArtifactRef, path: string): Promise<void> {
    const chunks = await this.#bucket.read(BLOBS + blobName(ref));
    if (chunks === undefined) throw missing(ref);
    const part = `${path}.${uniqueName()}.part`;
    const hash = createHash('sha256');
    try {
      await using file = await open(part, 'wx', 0o600);
      for await (const chunk of chunks) {
        hash.update(chunk);
        for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
      }
      if (refOf(hash) !== ref) throw damaged(ref);
      await file.datasync();
      await rename(part, path);
    } catch (error) {
      await unlinkQuietly(part);
      throw error;
    }
  }

  /** Makes it young: who asks is about to name it, and `collect` must not take it before. */
  has(ref: ArtifactRef): Promise<boolean> {
    const name = blobName(ref);
    return this.#notice.outlive(
      name,
      () => this.#isMarked(name),
      () => this.#isThere(name),
    );
  }

  /** As latin1 text, in chunks; nothing where it is gone. */
  async *text(ref: ArtifactRef): AsyncGenerator<string> {
    const chunks = await this.#bucket.read(BLOBS + blobName(ref));
    if (chunks) for await (const chunk of chunks) yield Buffer.from(chunk).toString('latin1');
  }

  /** Looks, and leaves its age as it is. */
  isKept(ref: ArtifactRef): Promise<boolean> {
    return this.#isThere(blobName(ref));
  }

  /** Whether it is there, of this size; then it is young. */
  async #isMarked(name: string, sizeBytes?: number): Promise<boolean> {
    const found = await this.#bucket.head(BLOBS + name);
    if (!found || (sizeBytes !== undefined && found.sizeBytes !== sizeBytes)) return false;
    await this.#bucket.put(MARKS + name, Buffer.alloc(0));
    return true;
  }

  async #isThere(name: string): Promise<boolean> {
    return (await this.#bucket.head(BLOBS + name)) !== undefined;
  }

  async #upload(path: string, ref: ArtifactRef, size: number): Promise<void> {
    const name = BLOBS + blobName(ref);
    try {
      await this.#bucket.upload(name, unchanged(path, ref), size);
    } catch (error) {
      // The answer to the last request of an upload may be lost, and a second such request is refused.
      if ((await this.#bucket.head(name))?.sizeBytes !== size) throw error;
    }
  }
}

async function hashFile(path: string): Promise<ArtifactRef> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return refOf(hash);
}

/** A file's bytes; throws at the end when they are not those that were hashed, and so ends the upload. */
async function* unchanged(path: string, ref: ArtifactRef): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
  if (refOf(hash) !== ref) throw new Error(`${path} changed while it was stored`);
}
