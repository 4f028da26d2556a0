import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { uniqueName } from './names.ts';
import { S3Blobs } from './s3-blobs.ts';
import { S3Bucket } from './s3-bucket.ts';
import { collectGarbage, MOMENTARY } from './s3-collect.ts';
import { proveConditions } from './s3-proof.ts';
import { S3Records } from './s3-records.ts';
import { SweepNotice } from './s3-sweep-notice.ts';
import type { S3Place } from './s3-url.ts';
import type { ArtifactStore, VersionedRecord } from './store.ts';

/** As the disk's: a fleet must not be woken by room for less than some turns. */
const PROBE_BYTES = 1_048_576;

/**
 * The artifact store below a prefix of an S3 bucket: `blobs/`, `records/`, and what keeps them in order (`young/`,
 * `tmp/`, `sweep`, `proven`). Any number of processes on any number of hosts may use it at once; killed at any point
 * they leave nothing half written.
 *
 * A turn's checkpoint is one request, a small blob two, a read one.
 */
export class S3Store implements ArtifactStore {
  readonly #bucket: S3Bucket;
  readonly #blobs: S3Blobs;
  readonly #records: S3Records;
  readonly #notice: SweepNotice;

  private constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
    this.#notice = new SweepNotice(bucket);
    this.#blobs = new S3Blobs(bucket, this.#notice);
    this.#records = new S3Records(bucket);
  }

  /**
   * Opens a store in a bucket that exists. Safe to call twice, and from two processes at once. Throws `BucketRefused`
   * when bucket, credentials or server will not do.
   */
  static async open(place: S3Place): Promise<S3Store> {
    const bucket = await S3Bucket.open(place);
    try {
      await proveConditions(bucket);
      bucket.trust();
      return new S3Store(bucket);
    } catch (error) {
      bucket.close();
      throw error;
    }
  }

  put(bytes: Uint8Array): Promise<ArtifactRef> {
    return this.#blobs.put(bytes);
  }

  async get(ref: ArtifactRef): Promise<Uint8Array> {
    return this.#blobs.get(ref);
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    return this.#blobs.has(ref);
  }

  putFile(path: string): Promise<ArtifactRef> {
    return this.#blobs.putFile(path);
  }

  async getFile(ref: ArtifactRef, path: string): Promise<void> {
    return this.#blobs.getFile(ref, path);
  }

  readRecord(key: string): Promise<VersionedRecord | undefined> {
    return this.#records.read(key);
  }

  writeRecord(key: string, value: unknown, expected: number): Promise<number> {
    return this.#records.write(key, value, expected);
  }

  async *listRecords(prefix: string): AsyncIterable<string> {
    for await (const { key } of this.#records.list(prefix)) yield key;
  }

  listFolders(prefix: string): AsyncIterable<string> {
    return this.#records.listFolders(prefix);
  }

  deleteRecords(prefix: string): Promise<void> {
    return this.#records.delete(prefix);
  }

  async probe(): Promise<void> {
    const key = `${MOMENTARY}${uniqueName()}`;
    await this.#bucket.put(key, Buffer.alloc(PROBE_BYTES, 1));
    await this.#bucket.remove([key]);
  }

  collect(olderThanMs: number): Promise<{ blobs: number; bytes: number }> {
    const parts = { bucket: this.#bucket, blobs: this.#blobs, records: this.#records, notice: this.#notice };
    return collectGarbage(parts, olderThanMs);
  }
}
