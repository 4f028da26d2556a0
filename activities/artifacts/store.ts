import type { ArtifactRef } from '../../workflows/contract/units.ts';

/**
 * What muster keeps outside Temporal: immutable blobs by content, and small records that change by compare-and-swap.
 * Implemented on disk and on S3: nothing here knows a path, a rename, a lock or a request.
 *
 * Every write is durable when its promise resolves. Every method may throw `StoreFull` (no space: the fleet pauses and
 * goes on later) and plain I/O errors (Temporal retries).
 */
export interface ArtifactStore {
  /** Stores bytes under their SHA-256. Calling it twice stores once. */
  put(bytes: Uint8Array): Promise<ArtifactRef>;
  /** Reads and verifies. Throws `ArtifactMissing`, or `ArtifactDamaged` when the bytes do not hash to `ref`. */
  get(ref: ArtifactRef): Promise<Uint8Array>;
  /** Whether it is there. Counts as a write for `collect`, so that a caller may name what it has just found. */
  has(ref: ArtifactRef): Promise<boolean>;
  /** As `put`, for a file too large for memory. */
  putFile(path: string): Promise<ArtifactRef>;
  /** As `get`, into a new file at `path`, which exists only if the content was whole. */
  getFile(ref: ArtifactRef, path: string): Promise<void>;

  /** The newest value of a record and its version (≥ 1), or undefined. JSON values. */
  readRecord(key: string): Promise<VersionedRecord | undefined>;
  /**
   * Writes a record if its newest version is `expected` (0: it must not exist) and returns the new version.
   * Throws `RecordConflict` otherwise; then nothing was written.
   */
  writeRecord(key: string, value: unknown, expected: number): Promise<number>;
  /** Keys that start with `prefix` (which ends with `/`), in no particular order. */
  listRecords(prefix: string): AsyncIterable<string>;
  /** Names directly below `prefix` with records below them in turn: `listFolders('fleets/')` yields fleet ids. */
  listFolders(prefix: string): AsyncIterable<string>;
  /** Removes all records below a prefix. Blobs they named are collected by `gc`. */
  deleteRecords(prefix: string): Promise<void>;
  /** Resolves when a small write succeeds; throws `StoreFull` or the I/O error. */
  probe(): Promise<void>;
  /**
   * Removes blobs that no record (but those of `recordKeys.bundles`) names, directly or through other blobs, and that are older than `olderThanMs`
   * (a blob younger may belong to a write under way). Returns what it freed.
   */
  collect(olderThanMs: number): Promise<{ blobs: number; bytes: number }>;
}

export interface VersionedRecord {
  value: unknown;
  version: number;
}

export class StoreFull extends Error {
  override name = 'StoreFull';
}
export class ArtifactMissing extends Error {
  override name = 'ArtifactMissing';
}
export class ArtifactDamaged extends Error {
  override name = 'ArtifactDamaged';
}
export class RecordConflict extends Error {
  override name = 'RecordConflict';
}
