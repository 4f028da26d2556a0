import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { StoreFull } from '../../../activities/artifacts/store.ts';

let directory: string;
let store: DiskStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-store-'));
  store = await DiskStore.open(join(directory, 'deep/store'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const blobPath = (ref: string) => join(store.directory, 'blobs', ref.slice(7, 9), ref.slice(9));
const temporaryFiles = () => readdir(join(store.directory, 'tmp'));
const bytes = (text: string) => Buffer.from(text);
const makeOld = async (path: string) => {
  const old = new Date(Date.now() - 7_200_000);
  await utimes(path, old, old);
};

describe('blobs on disk', () => {
  it('keeps bytes under their SHA-256, once', async () => {
    const ref = await store.put(bytes('hello'));
    expect(ref).toBe(`sha256:${createHash('sha256').update('hello').digest('hex')}`);
    const { ino } = await stat(blobPath(ref));
    expect(await store.put(bytes('hello'))).toBe(ref);
    expect((await stat(blobPath(ref))).ino).toBe(ino);
    expect(Buffer.from(await store.get(ref)).toString()).toBe('hello');
    expect(await store.has(ref)).toBe(true);
    expect((await stat(blobPath(ref))).mode & 0o777).toBe(0o600);
    expect(await temporaryFiles()).toEqual([]);
  });
});

describe('collecting garbage', () => {
  it('never loses a blob that is stored while it runs', async () => {
    for (let round = 0; round < 30; round++) {
      const ref = await store.put(bytes('contended'));
      await makeOld(blobPath(ref));
      const [stored] = await Promise.all([store.put(bytes('contended')), store.collect(3_600_000)]);
      expect(await store.has(stored)).toBe(true);
    }
  });

  it('removes temporary files of the dead, not those of the living', async () => {
    await writeFile(join(store.directory, 'tmp/stale'), 'x');
    await writeFile(join(store.directory, 'tmp/fresh'), 'x');
    await makeOld(join(store.directory, 'tmp/stale'));
    await store.collect(0);
    expect(await temporaryFiles()).toEqual(['fresh']);
  });
});

const mayMount = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!mayMount)('a full disk (needs root for a small tmpfs)', () => {
  let small: DiskStore;
  beforeEach(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory]);
    small = await DiskStore.open(directory);
  });
  afterEach(() => {
    execFileSync('umount', [directory]);
  });

  it('is StoreFull everywhere, leaves no temporary file, and passes once there is space', async () => {
    const version = await small.writeRecord('a/record', { kept: true }, 0);
    const kept = await small.put(bytes('kept'));
    const source = join(tmpdir(), `muster-large-${process.pid.toString()}`);
    await writeFile(source, Buffer.alloc(3_000_000));
    try {
      await expect(small.put(Buffer.alloc(3_000_000))).rejects.toThrow(StoreFull);
      await expect(small.putFile(source)).rejects.toThrow(StoreFull);
      expect(await readdir(join(directory, 'tmp'))).toEqual([]);
      const free = Number(execFileSync('stat', ['-f', '-c', '%f', directory]).toString()) * 4096;
      await writeFile(join(directory, 'ballast'), Buffer.alloc(free));
      await expect(small.writeRecord('a/record', { kept: false }, version)).rejects.toThrow(StoreFull);
      await expect(small.writeRecord('a/other', { kept: false }, 0)).rejects.toThrow(StoreFull);
      await expect(small.probe()).rejects.toThrow(StoreFull);
      expect(await readdir(join(directory, 'tmp'))).toEqual([]);
      expect(await small.readRecord('a/record')).toEqual({ value: { kept: true }, version });
      expect(await small.readRecord('a/other')).toBeUndefined();
      expect(Buffer.from(await small.get(kept)).toString()).toBe('kept');
      await rm(join(directory, 'ballast'));
      await small.probe();
      expect(await small.writeRecord('a/record', { kept: 'still' }, version)).toBe(2);
    } finally {
      await rm(source);
    }
  });
});
