import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { RecordConflict } from '../../../activities/artifacts/store.ts';

let directory: string;
let store: DiskStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-store-'));
  store = await DiskStore.open(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const KEY = 'fleets/f/subagents/0/7/1';
const recordFiles = () => readdir(join(directory, 'records', `${KEY}@`));

function startWriter(times: number): ChildProcess {
  const script = join(import.meta.dirname, 'race-writer.ts');
  return spawn(process.execPath, [script, pathToFileURL(directory).href, KEY, times.toString()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function output(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code).toBe(0);
  return text;
}

describe('records on disk', () => {
  it('reads what was written, version by version', async () => {
    expect(await store.readRecord(KEY)).toBeUndefined();
    expect(await store.writeRecord(KEY, { a: 1 }, 0)).toBe(1);
    expect(await store.writeRecord(KEY, { a: 2 }, 1)).toBe(2);
    expect(await store.readRecord(KEY)).toEqual({ value: { a: 2 }, version: 2 });
    expect(await recordFiles()).toHaveLength(2);
  });

  it('refuses every expectation but the newest version, and writes nothing then', async () => {
    await expect(store.writeRecord(KEY, 'x', 3)).rejects.toThrow(RecordConflict);
    await store.writeRecord(KEY, 'first', 0);
    await store.writeRecord(KEY, 'second', 1);
    for (const expected of [0, 1, 3]) {
      await expect(store.writeRecord(KEY, 'late', expected)).rejects.toThrow(RecordConflict);
    }
    expect(await store.readRecord(KEY)).toEqual({ value: 'second', version: 2 });
    expect(await recordFiles()).toHaveLength(2);
    expect(await readdir(join(directory, 'tmp'))).toEqual([]);
  });

  it('loses no increment when four processes race for one record', async () => {
    const conflicts = await Promise.all(Array.from({ length: 4 }, () => output(startWriter(150))));
    expect((await store.readRecord(KEY))?.value).toMatchObject({ count: 600 });
    expect((await store.readRecord(KEY))?.version).toBe(600);
    expect(conflicts.map(Number).reduce((a, b) => a + b)).toBeGreaterThan(0);
    expect(await recordFiles()).toHaveLength(2);
  });

  it('keeps a whole newest version when writers are killed at any moment', async () => {
    for (let round = 0; round < 4; round++) {
      const writers = [startWriter(1e9), startWriter(1e9)];
      const before = (await store.readRecord(KEY))?.version ?? 0;
      while (((await store.readRecord(KEY))?.version ?? 0) < before + 30) await new Promise(setImmediate);
      for (const writer of writers) writer.kill('SIGKILL');
      await Promise.all(writers.map((writer) => once(writer, 'close')));
      const found = await store.readRecord(KEY);
      expect((found?.value as { count: number }).count).toBe(found?.version);
      await store.writeRecord(KEY, found?.value, found?.version ?? 0).then((version) => {
        return store.writeRecord(KEY, { count: version + 1 }, version);
      });
    }
    const old = new Date(Date.now() - 7_200_000);
    for (const name of await recordFiles()) await utimes(join(directory, 'records', `${KEY}@`, name), old, old);
    await store.collect(0);
    expect(await recordFiles()).toHaveLength(2);
  });

  it('reads a whole value while it is being replaced', async () => {
    await store.writeRecord(KEY, { count: 1 }, 0);
    const writer = startWriter(300);
    const closed = output(writer);
    for (let reads = 0; writer.exitCode === null; reads++) {
      const found = await store.readRecord(KEY);
      expect((found?.value as { count: number }).count, `read ${reads.toString()}`).toBe(found?.version);
    }
    await closed;
  });
});
