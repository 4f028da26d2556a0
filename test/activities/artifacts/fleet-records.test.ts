import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { allOf } from './all-of.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { ArtifactDamaged, ArtifactMissing } from '../../../activities/artifacts/store.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { SubagentRecord } from '../../../workflows/contract/record.schema.ts';
import type { Result, Task } from '../../../workflows/contract/task.schema.ts';

let directory: string;
let store: DiskStore;
let records: FleetRecords;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-records-'));
  store = await DiskStore.open(directory);
  records = new FleetRecords(store);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const head = {
  v: 1 as const,
  fleetId: 'f',
  name: 'fleet',
  hasGraph: false,
  simulated: true,
  endpoint: 'simulated',
  reuse: 'auto' as const,
};
const usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };

function task(index: number, prompt = 'look'): Task {
  return {
    label: `task-${index.toString()}`,
    prompt,
    context: [],
    workspace: { bundle: null, tree: '4b825dc642cb6eb9a060e54bf8d69288fbee4904', subdirectory: '', origin: '/src' },
    permissions: { allow: [], deny: [], mode: 'dontAsk' },
    model: 'claude-sonnet-5-5',
    timeoutMs: 1000,
    stallTimeoutMs: 1000,
    dependsOn: [],
    occurrence: index,
  };
}

const result = (label: string): Result => ({
  label,
  status: 'completed',
  output: 'done',
  model: 'claude-sonnet-5-5',
  num_turns: 1,
  usage,
  total_cost_usd: 0,
  rework_cost_usd: 0,
  duration_ms: 1,
  attempts: 1,
  permission_denials: [],
  ended_at_ms: 1,
});

const subagent = (ended?: Result): SubagentRecord => ({
  v: 1,
  fence: { epoch: 1, attempt: 1 },
  startedAtMs: 1,
  attempts: 1,
  turns: 0,
  chunks: [],
  tail: [],
  patch: null,
  usage,
  costMicroUsd: 0,
  reworkMicroUsd: 0,
  epochSpentMicroUsd: 0,
  pendingMicroUsd: 0,
  activeMs: 0,
  denials: [],
  errors: 0,
  schemaFailures: 0,
  ...(ended && { result: ended }),
});

function* tasks(count: number): Iterable<Task> {
  for (let i = 0; i < count; i++) yield task(i);
}

describe('manifests', () => {
  it('keep tasks in pages and read any range of them', async () => {
    const ref = await records.saveManifest(head, tasks(1203));
    const manifest = await records.manifest(ref);
    expect(manifest.count).toBe(1203);
    expect(manifest.pages.map(({ from, count }) => [from, count])).toEqual([
      [0, 500],
      [500, 500],
      [1000, 203],
    ]);
    const labels = async (from: number, count: number) =>
      (await allOf(records.tasks(ref, from, count))).map(({ label }) => label);
    expect(await labels(498, 4)).toEqual(['task-498', 'task-499', 'task-500', 'task-501']);
    expect(await labels(0, 5000)).toHaveLength(1203);
    expect(await labels(1203, 5)).toEqual([]);
    expect((await records.task(ref, 1202)).label).toBe('task-1202');
    await expect(records.task(ref, 1203)).rejects.toThrow(RangeError);
    expect(await records.saveManifest(head, tasks(1203))).toBe(ref);
  });

  it('begin a page where the last is about a mebibyte, whatever the size of one task', async () => {
    const large = [task(0, 'x'.repeat(600_000)), task(1, 'x'.repeat(600_000)), task(2, 'x'.repeat(1_048_576)), task(3)];
    const { pages } = await records.manifest(await records.saveManifest(head, large));
    expect(pages.map(({ count }) => count)).toEqual([1, 1, 1, 1]);
  });

  it('of no tasks have no pages', async () => {
    const ref = await records.saveManifest(head, []);
    expect((await records.manifest(ref)).pages).toEqual([]);
    expect(await allOf(records.tasks(ref, 0, 10))).toEqual([]);
  });

  it('are read from the store once', async () => {
    const ref = await records.saveManifest(head, tasks(3));
    const fresh = new FleetRecords(store);
    await fresh.task(ref, 0);
    await rm(join(directory, 'blobs'), { recursive: true });
    expect((await fresh.task(ref, 2)).label).toBe('task-2');
    await expect(new FleetRecords(store).task(ref, 0)).rejects.toThrow(ArtifactMissing);
  });

  it('are refused when they do not fit the schema or their pages', async () => {
    const page = await store.put(Buffer.from(JSON.stringify([task(0)])));
    const broken = { ...head, count: 2, pages: [{ ref: page, from: 0, count: 2 }] };
    const save = (value: unknown) => store.put(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
    await expect(records.task(await save(broken), 0)).rejects.toThrow(/holds 1 tasks/);
    await expect(records.manifest(await save({ ...broken, v: 2 }))).rejects.toThrow(ArtifactDamaged);
    await expect(records.manifest(await save('no JSON'))).rejects.toThrow(ArtifactDamaged);
  });
});

describe('records of a fleet', () => {
  it('come back typed, or not at all', async () => {
    expect(await records.fleet('f')).toBeUndefined();
    expect(await records.summary('f')).toBeUndefined();
    expect(await records.subagent('f', 7, 1)).toBeUndefined();
    expect(await records.newestResult('f', 7)).toBeUndefined();
    await store.writeRecord(recordKeys.subagent('f', 7, 1), subagent(), 0);
    await store.writeRecord(recordKeys.subagent('f', 7, 1), subagent(), 1);
    expect(await records.subagent('f', 7, 1)).toEqual({ record: subagent(), version: 2 });
  });

  it('give the result of the highest generation that has one', async () => {
    await store.writeRecord(recordKeys.subagent('f', 7, 2), subagent(result('second')), 0);
    await store.writeRecord(recordKeys.subagent('f', 7, 10), subagent(result('tenth')), 0);
    await store.writeRecord(recordKeys.subagent('f', 7, 11), subagent(), 0);
    await store.writeRecord(recordKeys.subagent('f', 70, 99), subagent(result('another')), 0);
    expect(await records.newestResult('f', 7)).toMatchObject({ result: result('tenth'), generation: 10 });
  });

  it('with a shape of another time are damaged, not guessed', async () => {
    await store.writeRecord(recordKeys.summary('f'), { v: 1, fleetId: 'f' }, 0);
    await store.writeRecord(recordKeys.subagent('f', 7, 1), { ...subagent(), v: 2 }, 0);
    await expect(records.summary('f')).rejects.toThrow(ArtifactDamaged);
    await expect(records.subagent('f', 7, 1)).rejects.toThrow(ArtifactDamaged);
  });

  it('name all fleets, those without a fleet record left out', async () => {
    await store.writeRecord(recordKeys.subagent('half', 7, 1), subagent(), 0);
    expect(await allOf(records.fleets())).toEqual([]);
    const summary = {
      v: 1,
      fleetId: 'half',
      generation: 1,
      state: 'completed',
      units: 'C',
      generations: [[0, 2]],
      spentMicroUsd: 1,
      endedAtMs: 1,
    };
    await store.writeRecord(recordKeys.summary('half'), summary, 0);
    expect(await records.summary('half')).toEqual(summary);
  });
});
