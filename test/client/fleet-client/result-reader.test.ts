import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { collect } from '../../../client/fleet-client/bounded.ts';
import { Phases } from '../../../client/fleet-client/phases.ts';
import { ResultReader, type EndedSubagent } from '../../../client/fleet-client/result-reader.ts';
import { exchangesFrom } from '../../../client/fleet-client/script-journal.ts';
import { closedStanding, type Standing } from '../../../client/fleet-client/standing.ts';
import { syntheticResult } from '../../../activities/artifacts/synthetic-result.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { ScriptExchange } from '../../../workflows/contract/spawn.schema.ts';
import type { FleetRecord, Task } from '../../../workflows/contract/task.schema.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const ID = 'k3v9x2ab';

function task(label: string, more: Partial<Task> = {}): Task {
  const none = { context: [], dependsOn: [], occurrence: 0, timeoutMs: 1_000, stallTimeoutMs: 1_000 };
  const workspace = { bundle: null, tree: '', subdirectory: '', origin: '/' };
  const permissions = { allow: [], deny: [], mode: 'dontAsk' as const };
  return { label, prompt: label, model: 'm', ...none, workspace, permissions, ...more };
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: DiskStore;
let records: FleetRecords;
let fleet: FleetRecord;

/** A plan of two, of which each has spawned one, and the first one's child another. The last has left no result. */
beforeAll(async () => {
  directory = await temporaryDirectory();
  store = await DiskStore.open(directory.path);
  records = new FleetRecords(store);
  const head = { v: 1 as const, fleetId: ID, name: 'tree', hasGraph: false, simulated: true, endpoint: 'simulated' };
  const manifest = await records.saveManifest({ ...head, reuse: 'auto' }, [task('a'), task('b')]);
  const spawned = [
    task('b/x', { parent: { index: 1, label: 'b' } }),
    task('a/x', { parent: { index: 0, label: 'a' }, phase: 'Scan' }),
    task('a/x/y', { parent: { index: 3, label: 'a/x' }, phase: 'Verify' }),
  ];
  const [page] = await records.saveTasks(spawned);
  const places = spawned.map((_, offset) => [page!.ref, offset, 2]);
  await store.writeRecord(recordKeys.spawned(ID, 0), { v: 1, tasks: places }, 0);
  const limits = { concurrency: 1, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null };
  const times = { createdAtMs: 1, startedAtMs: 1, maxTimeoutMs: 1 };
  const from = { agentsQueue: 'q', source: '-', simulated: true, generation: 1 };
  fleet = { v: 1, id: ID, name: 'tree', manifest, count: 2, ...times, ...from, limits };
  for (const [index, label] of ['a', 'b', 'b/x', 'a/x'].entries()) await commit(index, label);
});
afterAll(() => directory[Symbol.asyncDispose]());

async function commit(index: number, label: string): Promise<void> {
  const end = { status: 'completed', error: { type: 't', message: 'm' }, atMs: 5, isSimulated: true } as const;
  const result = syntheticResult({ label, model: 'm' }, end);
  const spent = { costMicroUsd: 0, reworkMicroUsd: 0, epochSpentMicroUsd: 0, pendingMicroUsd: 0, activeMs: 0 };
  const counts = {
    attempts: 0,
    turns: 0,
    chunks: [],
    tail: [],
    patch: null,
    denials: [],
    errors: 0,
    schemaFailures: 0,
  };
  const fence = { epoch: 1, attempt: 1 };
  const record = { v: 1, fence, startedAtMs: 1, usage: result.usage, ...spent, ...counts, result };
  await store.writeRecord(recordKeys.subagent(ID, index, 1), record, 0);
}

function standing(units: string): Standing {
  const summary = { v: 1, fleetId: ID, generation: 1, state: 'completed', units, generations: [] } as const;
  return closedStanding(fleet, { ...summary, generations: [], spentMicroUsd: 0, endedAtMs: 9 });
}
const labels = (ended: EndedSubagent[]): string[] => ended.map(({ label }) => label);

describe('the results of a tree', () => {
  it('stand each after its parent, whether a summary or the tasks tell who that is', async () => {
    const order = ['a', 'a/x', 'a/x/y', 'b', 'b/x'];
    expect(labels(await collect(new ResultReader(records, fleet, standing('CCCCS')).all()))).toEqual(order);
    const told: Standing = {
      ...standing('CCCCS'),
      spawned: [
        [1, 1, 1, null],
        [1, 0, 1, null],
        [1, 3, 2, null],
      ],
    };
    expect(labels(await collect(new ResultReader(records, fleet, told).all()))).toEqual(order);
  });

  it('are those of the ended alone, in the order asked', async () => {
    const reader = new ResultReader(records, fleet, standing('CrCCp'));
    expect(labels(await collect(reader.all()))).toEqual(['a', 'a/x', 'b/x']);
    expect(labels(await reader.some([3, 1, 0]))).toEqual(['a/x', 'a']);
  });

  it('name parent and end of one that left no result', async () => {
    const [last] = await new ResultReader(records, fleet, standing('CCCCS')).some([4]);
    expect(last).toMatchObject({ label: 'a/x/y', result: { parent: 'a/x', status: 'stopped', attempts: 0 } });
  });

  it('come with their phases where somebody shows them', async () => {
    const phases = new Phases(records, fleet);
    const ended = await new ResultReader(records, fleet, standing('CCCCS'), phases).some([4, 3, 2]);
    expect(ended.map(({ label, phase }) => [label, phase])).toEqual([
      ['a/x/y', 'Verify'],
      ['a/x', 'Scan'],
      ['b/x', undefined],
    ]);
  });
});

describe("a script's journal", () => {
  const exchange = (text: string): ScriptExchange => {
    const heard = { ended: [], decided: [], spentMicroUsd: 0, budgetMicroUsd: null, asks: [] };
    return { v: 1, engine: 'e', ...heard, calls: null, request: null, progress: [{ kind: 'log', text }] };
  };
  const read = async (exchanges: number, from: number): Promise<string[]> => {
    const status = { id: ID, exchanges, scriptGeneration: 2 };
    const said = await collect(exchangesFrom(store, status, { generation: 2, exchange: from, line: 0 }));
    return said.map(({ lines }) => lines[0]!.text);
  };

  it('is read from a mark on, as far as the root has heard, in the generation that began it', async () => {
    for (const n of [1, 2, 3]) await store.writeRecord(recordKeys.exchange(ID, 2, n), exchange(`line ${n}`), 0);
    expect(await read(2, 1)).toEqual(['line 1', 'line 2']);
    expect(await read(3, 3)).toEqual(['line 3']);
    expect(await read(3, 4)).toEqual([]);
    const other = { generation: 1, exchange: 3, line: 0 };
    expect(await collect(exchangesFrom(store, { id: ID, exchanges: 1, scriptGeneration: 2 }, other))).toHaveLength(1);
    expect(await collect(exchangesFrom(store, { id: ID }, other))).toEqual([]);
  });

  it('is damaged where an exchange is missing or is none', async () => {
    await expect(read(4, 4)).rejects.toMatchObject({ code: 'damaged' });
    await store.writeRecord(recordKeys.exchange(ID, 2, 4), { v: 2 }, 0);
    await expect(read(4, 4)).rejects.toMatchObject({ code: 'damaged' });
  });
});
