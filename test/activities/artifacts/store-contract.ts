import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArtifactDamaged, ArtifactMissing, RecordConflict } from '../../../activities/artifacts/store.ts';
import type { ArtifactStore } from '../../../activities/artifacts/store.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { allOf } from './all-of.ts';

/** A store under test, and what the tests do to it behind its back. It is empty at first, and nobody else's. */
export interface StoreWorld extends AsyncDisposable {
  store: ArtifactStore;
  /** The same store, as another process has it. */
  open(): Promise<ArtifactStore>;
  /** Puts other bytes in the place of a blob's. */
  damage(ref: string, bytes: Buffer): Promise<void>;
  /** Makes a record's value something that is not JSON. */
  damageRecord(key: string): Promise<void>;
  /**
   * Makes all blobs there are older than the milliseconds it returns; what is stored within some seconds after is
   * younger.
   */
  age(): Promise<number>;
}

/** Everything is old by this. */
const ALL_OLD = -5_000;
const bytes = (text: string): Buffer => Buffer.from(text);

/** What `ArtifactStore` promises, whatever it is made of. `start` is called once. */
export function describeStore(name: string, start: () => Promise<StoreWorld>): void {
  describe(name, () => {
    let world: StoreWorld;
    let store: ArtifactStore;
    let other: ArtifactStore;
    beforeAll(async () => {
      world = await start();
      store = world.store;
      other = await world.open();
    });
    afterAll(() => world[Symbol.asyncDispose]());
    /** A fleet's folder of the test's own. */
    const folder = (): string => `fleets/${randomUUID()}/`;

    describe('records', () => {
      it('read what was written, version by version, in every process', async () => {
        const key = `${folder()}subagents/0/7/1`;
        expect(await store.readRecord(key)).toBeUndefined();
        expect(await store.writeRecord(key, { a: 1 }, 0)).toBe(1);
        expect(await store.writeRecord(key, { a: 2 }, 1)).toBe(2);
        expect(await other.readRecord(key)).toEqual({ value: { a: 2 }, version: 2 });
        expect(await other.writeRecord(key, null, 2)).toBe(3);
        expect(await store.readRecord(key)).toEqual({ value: null, version: 3 });
      });

      it('refuse every expectation but the newest version, and write nothing then', async () => {
        const key = `${folder()}fleet`;
        await expect(store.writeRecord(key, 'x', 3)).rejects.toThrow(RecordConflict);
        await store.writeRecord(key, 'first', 0);
        await store.writeRecord(key, 'second', 1);
        for (const writer of [store, other])
          for (const expected of [0, 1, 3])
            await expect(writer.writeRecord(key, 'late', expected)).rejects.toThrow(RecordConflict);
        expect(await store.readRecord(key)).toEqual({ value: 'second', version: 2 });
      });

      it('let exactly one of many creators, and of many writers, win', async () => {
        const key = `${folder()}fleet`;
        for (const expected of [0, 1]) {
          const writes = Array.from({ length: 20 }, (_, i) => (i % 2 ? store : other).writeRecord(key, i, expected));
          const settled = await Promise.allSettled(writes);
          expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
          const lost = settled.filter((one) => one.status === 'rejected');
          expect(lost.every(({ reason }) => reason instanceof RecordConflict)).toBe(true);
          const winner = settled.findIndex(({ status }) => status === 'fulfilled');
          expect(await store.readRecord(key)).toEqual({ value: winner, version: expected + 1 });
        }
      });

      it('never let a writer that was stalled win, even over equal values', async () => {
        const key = `${folder()}fleet`;
        await store.writeRecord(key, 'same', 0);
        await other.readRecord(key);
        await store.writeRecord(key, 'same', 1);
        for (const expected of [1, 0])
          await expect(other.writeRecord(key, 'stale', expected)).rejects.toThrow(RecordConflict);
        expect(await other.readRecord(key)).toEqual({ value: 'same', version: 2 });
      });

      it('never let a writer win over a record that was deleted and made again', async () => {
        const fleet = folder();
        await store.writeRecord(`${fleet}fleet`, 'one', 0);
        await other.readRecord(`${fleet}fleet`);
        await store.deleteRecords(fleet);
        await expect(other.writeRecord(`${fleet}fleet`, 'two', 1)).rejects.toThrow(RecordConflict);
        await store.writeRecord(`${fleet}fleet`, 'one', 0);
        await other.readRecord(`${fleet}fleet`);
        await store.deleteRecords(fleet);
        await store.writeRecord(`${fleet}fleet`, 'one', 0);
        await expect(other.writeRecord(`${fleet}fleet`, 'over one that is not it', 1)).rejects.toThrow(RecordConflict);
        await other.readRecord(`${fleet}fleet`);
        expect(await other.writeRecord(`${fleet}fleet`, 'on new', 1)).toBe(2);
      });

      it('are listed below a prefix, named by folder, and deleted', async () => {
        const [a, b] = [folder(), folder()];
        const [nameA, nameB] = [a.slice(7, -1), b.slice(7, -1)];
        await store.writeRecord(`${a}fleet`, 1, 0);
        await store.writeRecord(`${a}subagents/0/1/1`, 1, 0);
        await store.writeRecord(`${a}subagents/0/1`, 1, 0); // a record where another has its folder
        await store.writeRecord(`${b}fleet`, 1, 0);
        const all = async (prefix: string): Promise<string[]> => (await allOf(other.listRecords(prefix))).sort();
        expect(await all(a)).toEqual([`${a}fleet`, `${a}subagents/0/1`, `${a}subagents/0/1/1`]);
        expect(await all(`${a}subagents/0/1/`)).toEqual([`${a}subagents/0/1/1`]);
        expect(await all(`${folder()}nothing/`)).toEqual([]);
        expect(await allOf(other.listFolders('fleets/'))).toEqual(expect.arrayContaining([nameA, nameB]));
        await store.deleteRecords(a);
        await store.deleteRecords(a);
        expect(await all(a)).toEqual([]);
        expect(await all(b)).toEqual([`${b}fleet`]);
        expect(await allOf(other.listFolders('fleets/'))).not.toContain(nameA);
      });

      it('that are damaged are told, not guessed', async () => {
        const key = `${folder()}fleet`;
        await store.writeRecord(key, { a: 1 }, 0);
        await world.damageRecord(key);
        await expect(store.readRecord(key)).rejects.toThrow(ArtifactDamaged);
      });

      it('have keys that climb nowhere, and values JSON has a word for', async () => {
        for (const key of ['', '../x', 'a/../b', 'a//b', 'a/b@', '~x', 'a/\0', '/etc/passwd', `a/${'x'.repeat(300)}`]) {
          await expect(store.writeRecord(key, 1, 0), key).rejects.toThrow(TypeError);
          await expect(store.readRecord(key), key).rejects.toThrow(TypeError);
        }
        await expect(store.writeRecord(`${folder()}fleet`, undefined, 0)).rejects.toThrow(TypeError);
        await expect(allOf(store.listRecords('fleets'))).rejects.toThrow(TypeError);
        await expect(store.deleteRecords('fleets')).rejects.toThrow(TypeError);
      });
    });

    describe('blobs', () => {
      it('lie under their SHA-256', async () => {
        const ref = await store.put(bytes('hello'));
        expect(ref).toBe(`sha256:${createHash('sha256').update('hello').digest('hex')}`);
        expect(await store.put(bytes('hello'))).toBe(ref);
        expect(Buffer.from(await other.get(ref)).toString()).toBe('hello');
        expect(await other.has(ref)).toBe(true);
        expect(Buffer.from(await store.get(await store.put(bytes('')))).toString()).toBe('');
      });

      it('are missing or damaged, and never handed out then', async () => {
        await using place = await temporaryDirectory();
        const out = join(place.path, 'out');
        const ref = await store.put(bytes('to be damaged'));
        const missing = `sha256:${'0'.repeat(64)}`;
        expect(await store.has(missing)).toBe(false);
        await expect(store.get(missing)).rejects.toThrow(ArtifactMissing);
        await expect(store.getFile(missing, out)).rejects.toThrow(ArtifactMissing);
        for (const damage of [bytes('to'), bytes('to be dAmaged'), bytes('')]) {
          await world.damage(ref, damage);
          await expect(store.get(ref)).rejects.toThrow(ArtifactDamaged);
          await expect(store.getFile(ref, out)).rejects.toThrow(ArtifactDamaged);
        }
        expect(await readdir(place.path)).toEqual([]);
      });

      it('are mended when the same bytes are stored again', async () => {
        await using place = await temporaryDirectory();
        const path = join(place.path, 'file');
        await writeFile(path, 'to be mended');
        for (const again of [() => store.put(bytes('to be mended')), () => store.putFile(path)]) {
          const ref = await again();
          await world.damage(ref, bytes('to be Mended'));
          expect(await again()).toBe(ref);
          expect(Buffer.from(await store.get(ref)).toString()).toBe('to be mended');
        }
      });

      it('may be files of any size', async () => {
        await using place = await temporaryDirectory();
        const [into, out] = [join(place.path, 'in'), join(place.path, 'out')];
        for (const sizeBytes of [0, 5_000_000, 8 * 1024 ** 2, 20_000_001]) {
          await writeFile(into, Buffer.alloc(sizeBytes, 'muster '));
          const ref = await store.putFile(into);
          expect(await other.putFile(into)).toBe(ref);
          expect(await other.put(await readFile(into))).toBe(ref);
          await other.getFile(ref, out);
          expect((await readFile(out)).equals(await readFile(into))).toBe(true);
          await truncate(out);
        }
        await expect(store.putFile(join(place.path, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
      });

      it('have references, and nothing else', async () => {
        for (const ref of ['', 'sha256:xyz', `md5:${'0'.repeat(64)}`, `sha256:../../${'0'.repeat(58)}`]) {
          await expect(store.get(ref), ref).rejects.toThrow(TypeError);
          await expect(store.has(ref), ref).rejects.toThrow(TypeError);
        }
      });
    });

    it('a probe passes, and leaves nothing', async () => {
      await store.probe();
      await store.probe();
    });

    describe('collecting garbage', () => {
      it('keeps what records reach, through blobs of JSON too, and frees the rest', async () => {
        await store.collect(ALL_OLD);
        const fleet = folder();
        const leaf = await store.put(bytes('a transcript'));
        const page = await store.put(bytes(JSON.stringify([{ padding: 'x'.repeat(65_500), leaf }])));
        const manifest = await store.put(bytes(JSON.stringify({ pages: [page] })));
        const binary = await store.put(bytes(`PACK ${await store.put(bytes('named by no JSON'))}`));
        await store.writeRecord(`${fleet}fleet`, { manifest, binary }, 0);
        const loose = await store.put(bytes('loose'));
        const named = await store.put(bytes('named by no JSON'));
        const freed = await other.collect(ALL_OLD);
        expect(freed).toEqual({ blobs: 2, bytes: 'loose'.length + 'named by no JSON'.length });
        for (const kept of [leaf, page, manifest, binary]) expect(await store.has(kept)).toBe(true);
        for (const gone of [loose, named]) expect(await store.has(gone)).toBe(false);
        await store.deleteRecords(fleet);
        expect((await store.collect(ALL_OLD)).blobs).toBe(4);
        expect((await store.collect(ALL_OLD)).blobs).toBe(0);
      });

      it('spares what is young, was stored again, or was just asked for; forgets bundles that are gone', async () => {
        const [used, unused, asked, again] = await Promise.all(
          ['1', '2', '3', '4'].map((one) => store.put(bytes(one))),
        );
        const large = Buffer.alloc(9_000_000, 'large ');
        const largeRef = await store.put(large);
        for (const [tree, ref] of Object.entries({ aa: used!, bb: unused!, cc: asked! }))
          await store.writeRecord(recordKeys.bundle(tree), ref, 0);
        const fleet = folder();
        await store.writeRecord(`${fleet}fleet`, { used }, 0);
        const olderThanMs = await world.age();
        const young = await store.put(bytes('young'));
        await store.put(bytes('4'));
        await store.put(large);
        expect(await other.has(asked!)).toBe(true);
        expect(await store.collect(olderThanMs)).toEqual({ blobs: 1, bytes: 1 });
        const left = await Promise.all([used!, asked!, again!, largeRef, young].map((ref) => store.get(ref)));
        expect(left.map(({ length }) => length)).toEqual([1, 1, 1, large.length, 5]);
        expect((await allOf(store.listRecords(recordKeys.bundles))).sort()).toEqual(['bundles/aa/aa', 'bundles/cc/cc']);
        await store.deleteRecords(fleet);
      });

      it('never loses a blob that is stored, or asked for, while it runs', async () => {
        const names = Array.from({ length: 60 }, (_, i) => `contended ${i.toString()}`);
        await Promise.all(names.map((one) => store.put(bytes(one))));
        const loose = await store.put(bytes('not contended'));
        const olderThanMs = await world.age();
        const collecting = [store.collect(olderThanMs), other.collect(olderThanMs)];
        const kept = await Promise.all(
          names.map(async (one, i) => {
            const writer = i % 2 ? store : other;
            const ref = `sha256:${createHash('sha256').update(one).digest('hex')}`;
            const isKept = i % 3 > 0 && (await writer.has(ref));
            return isKept ? ref : writer.put(bytes(one));
          }),
        );
        const freed = await Promise.all(collecting);
        expect(freed[0]!.blobs + freed[1]!.blobs).toBeGreaterThan(0);
        for (const ref of kept) expect(Buffer.from(await store.get(ref)).toString()).toContain('contended');
        await expect(store.get(loose)).rejects.toThrow(ArtifactMissing);
      });
    });
  });
}
