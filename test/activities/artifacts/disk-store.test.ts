import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import { allOf } from './all-of.ts';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { ArtifactDamaged, ArtifactMissing, StoreFull } from '../../../activities/artifacts/store.ts';

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

  it('tells missing from damaged, and never hands out damaged bytes', async () => {
    const ref = await store.put(bytes('hello'));
    const missing = `sha256:${'0'.repeat(64)}`;
    expect(await store.has(missing)).toBe(false);
    await expect(store.get(missing)).rejects.toThrow(ArtifactMissing);
    await expect(store.getFile(missing, join(directory, 'out'))).rejects.toThrow(ArtifactMissing);
    for (const damage of [() => truncate(blobPath(ref), 2), () => writeFile(blobPath(ref), 'hallo')]) {
      await damage();
      await expect(store.get(ref)).rejects.toThrow(ArtifactDamaged);
      await expect(store.getFile(ref, join(directory, 'out'))).rejects.toThrow(ArtifactDamaged);
    }
    expect(await readdir(directory)).toEqual(['deep']);
  });

  it('mends a damaged blob when the same bytes are stored again', async () => {
    const path = join(directory, 'file');
    await writeFile(path, 'hello');
    for (const again of [() => store.put(bytes('hello')), () => store.putFile(path)]) {
      const ref = await again();
      await writeFile(blobPath(ref), 'hallo');
      expect(await again()).toBe(ref);
      expect(Buffer.from(await store.get(ref)).toString()).toBe('hello');
    }
  });

  it('stores and gives back files larger than a chunk', async () => {
    const large = Buffer.alloc(5_000_000, 'muster ');
    await writeFile(join(directory, 'in'), large);
    const ref = await store.putFile(join(directory, 'in'));
    expect(await store.putFile(join(directory, 'in'))).toBe(ref);
    expect(await store.put(large)).toBe(ref);
    await store.getFile(ref, join(directory, 'out'));
    expect((await readFile(join(directory, 'out'))).equals(large)).toBe(true);
    await expect(store.putFile(join(directory, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await temporaryFiles()).toEqual([]);
  });

  it('refuses what is no reference', async () => {
    for (const ref of ['', 'sha256:xyz', `md5:${'0'.repeat(64)}`, `sha256:../../${'0'.repeat(58)}`]) {
      await expect(store.get(ref), ref).rejects.toThrow(TypeError);
    }
  });
});

describe('collecting garbage', () => {
  it('keeps what records reach, through blobs of JSON too, and frees the rest', async () => {
    const leaf = await store.put(bytes('a transcript'));
    const page = await store.put(bytes(JSON.stringify([{ padding: 'x'.repeat(65_500), leaf }])));
    const manifest = await store.put(bytes(JSON.stringify({ pages: [page] })));
    const binary = await store.put(bytes(`PACK ${await store.put(bytes('named by no JSON'))}`));
    await store.writeRecord('fleets/a/fleet', { manifest, binary }, 0);
    const loose = await store.put(bytes('loose'));
    const named = await store.put(bytes('named by no JSON'));
    const freed = await store.collect(-1000);
    expect(freed).toEqual({ blobs: 2, bytes: 'loose'.length + 'named by no JSON'.length });
    for (const kept of [leaf, page, manifest, binary]) expect(await store.has(kept)).toBe(true);
    for (const gone of [loose, named]) expect(await store.has(gone)).toBe(false);
  });

  it('frees the blobs of a deleted fleet', async () => {
    const ref = await store.put(bytes('x'));
    await store.writeRecord('fleets/a/fleet', { ref }, 0);
    expect((await store.collect(-1000)).blobs).toBe(0);
    await store.deleteRecords('fleets/a/');
    expect((await store.collect(-1000)).blobs).toBe(1);
  });

  it('forgets a bundle no fleet names, unless somebody has just asked for it', async () => {
    const [used, unused, asked] = [
      await store.put(bytes('1')),
      await store.put(bytes('2')),
      await store.put(bytes('3')),
    ];
    for (const [tree, ref] of Object.entries({ aa: used, bb: unused, cc: asked })) {
      await store.writeRecord(recordKeys.bundle(tree), ref, 0);
      await makeOld(blobPath(ref));
    }
    await store.writeRecord('fleets/a/fleet', { used }, 0);
    expect(await store.has(asked)).toBe(true);
    expect((await store.collect(3_600_000)).blobs).toBe(1);
    expect([await store.has(used), await store.has(unused), await store.has(asked)]).toEqual([true, false, true]);
    expect((await allOf(store.listRecords(recordKeys.bundles))).sort()).toEqual(['bundles/aa/aa', 'bundles/cc/cc']);
  });

  it('spares young blobs, and old ones that were just stored again', async () => {
    const young = await store.put(bytes('young'));
    const again = await store.put(bytes('again'));
    const old = await store.put(bytes('old'));
    await makeOld(blobPath(again));
    await makeOld(blobPath(old));
    await store.put(bytes('again'));
    expect(await store.collect(3_600_000)).toEqual({ blobs: 1, bytes: 3 });
    expect([await store.has(young), await store.has(again), await store.has(old)]).toEqual([true, true, false]);
  });

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
