import { join, resolve } from 'node:path';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { DiskBlobs } from './disk-blobs.ts';
import { collectGarbage } from './disk-collect.ts';
import { makeDirectory, TemporaryFiles, unlinkQuietly, withFullDisk, writeSynced } from './disk-files.ts';
import { DiskRecords } from './disk-records.ts';
import type { ArtifactStore, VersionedRecord } from './store.ts';

/**
 * Room for a turn of each of some hundred subagents. A fleet that is woken by less, such as the few bytes a full file
 * system finds when an old version of a record goes, pays for answers it cannot write down.
 */
const PROBE_BYTES = 1_048_576;

/**
 * The artifact store in a directory: `blobs/`, `records/`, and `tmp/` where files are made. Any number of processes may
 * use one directory at once; killed at any point, or losing power, they leave nothing half written.
 */
export class DiskStore implements ArtifactStore {
  readonly directory: string;
  readonly #temporary: TemporaryFiles;
  readonly #blobs: DiskBlobs;
  readonly #records: DiskRecords;

  private constructor(directory: string) {
    this.directory = directory;
    this.#temporary = new TemporaryFiles(directory);
    this.#blobs = new DiskBlobs(directory, this.#temporary);
    this.#records = new DiskRecords(directory, this.#temporary);
  }

  /** Opens a store, creating it where there is none. Safe to call twice, and from two processes at once. */
  static async open(directory: string): Promise<DiskStore> {
    const store = new DiskStore(resolve(directory));
    await withFullDisk(async () => {
      for (const part of ['blobs', 'records', 'tmp']) await makeDirectory(join(store.directory, part));
    });
    return store;
  }

  put(bytes: Uint8Array): Promise<ArtifactRef> {
    return withFullDisk(() => this.#blobs.put(bytes));
  }

  get(ref: ArtifactRef): Promise<Uint8Array> {
    return this.#blobs.get(ref);
  }

  async has(ref: ArtifactRef): Promise<boolean> {
    return this.#blobs.has(ref);
  }

  putFile(path: string): Promise<ArtifactRef> {
    return withFullDisk(() => this.#blobs.putFile(path));
  }

  async getFile(ref: ArtifactRef, path: string): Promise<void> {
    return withFullDisk(() => this.#blobs.getFile(ref, path));
  }

  readRecord(key: string): Promise<VersionedRecord | undefined> {
    return this.#records.read(key);
  }

  writeRecord(key: string, value: unknown, expected: number): Promise<number> {
    return withFullDisk(() => this.#records.write(key, value, expected));
  }

  listRecords(prefix: string): AsyncIterable<string> {
    return this.#records.list(prefix);
  }

  listFolders(prefix: string): AsyncIterable<string> {
    return this.#records.listFolders(prefix);
  }

  async deleteRecords(prefix: string): Promise<void> {
    return withFullDisk(() => this.#records.delete(prefix));
  }

  async probe(): Promise<void> {
    const path = this.#temporary.path();
    await withFullDisk(() => writeSynced(path, Buffer.alloc(PROBE_BYTES, 1)));
    await unlinkQuietly(path);
  }

  collect(olderThanMs: number): Promise<{ blobs: number; bytes: number }> {
    return withFullDisk(() =>
      collectGarbage({ blobs: this.#blobs, records: this.#records, temporary: this.#temporary }, olderThanMs),
    );
  }
}
