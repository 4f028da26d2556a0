import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBookkeeping } from '../../../activities/artifacts/activities.ts';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { createSpawnActivities } from '../../../activities/spawn/activities.ts';
import type { Spawning, SpawnWaits } from '../../../activities/spawn/spawning.ts';
import { openSpawning } from '../../../workers/spawning-parts.ts';
import { decodeGraph } from '../../../workflows/contract/graph.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { FleetRecord, Task } from '../../../workflows/contract/task.schema.ts';
import type { Admission, AdmitRequest } from '../../../workflows/contract/units.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { allOf } from '../artifacts/all-of.ts';

let temporary: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: DiskStore;
let records: FleetRecords;
let spawning: Spawning;
let fleets = 0;
beforeAll(async () => {
  temporary = await temporaryDirectory();
  store = await DiskStore.open(join(temporary.path, 'artifacts'));
  records = new FleetRecords(store);
  spawning = openSpawning({ store, records });
});
afterAll(() => temporary[Symbol.asyncDispose]());

const task = (label: string, more: Partial<Task> = {}): Task => ({
  label,
  prompt: label,
  context: [],
  workspace: { bundle: null, tree: '4b825dc642cb6eb9a060e54bf8d69288fbee4904', subdirectory: '', origin: '/src' },
  permissions: { allow: [], deny: [], mode: 'dontAsk' },
  model: 'claude-sonnet-5-5',
  timeoutMs: 1_000,
  stallTimeoutMs: 1_000,
  dependsOn: [],
  occurrence: 0,
  ...more,
});
const some = (count: number, name: string): Task[] =>
  Array.from({ length: count }, (_, i) => task(`${name}-${i.toString()}`));

/** A fleet of two planned tasks. */
async function fleet(maxTotalAgents?: number) {
  const fleetId = `f${(++fleets).toString()}`;
  const head = {
    v: 1 as const,
    fleetId,
    name: 'n',
    hasGraph: false,
    simulated: true,
    endpoint: 'e',
    reuse: 'auto' as const,
  };
  const manifest = await records.saveManifest(head, [task('plan-0'), task('plan-1', { wave: 2 })]);
  const limits = { concurrency: 1, budgetMicroUsd: null, sliceMicroUsd: 0, failIf: null };
  const record: FleetRecord = {
    ...{ v: 1, id: fleetId, name: 'n', manifest, count: 2, createdAtMs: 0, generation: 1, simulated: true },
    ...{ agentsQueue: 'q', source: '-', startedAtMs: 0, maxTimeoutMs: 0 },
    limits: { ...limits, ...(maxTotalAgents !== undefined && { maxTotalAgents }) },
  };
  await store.writeRecord(recordKeys.fleet(fleetId), record, 0);
  const { admitSpawn } = createSpawnActivities({ store, records });
  let seq = 0;
  return {
    fleetId,
    manifest,
    admitSpawn,
    async ask(tasks: Task[], waits: SpawnWaits[], of: Partial<AdmitRequest> = {}): Promise<AdmitRequest> {
      const request = await spawning.ask(tasks, waits);
      return { fleetId, spawner: 0, generation: 1, seq: ++seq, request, from: 2, room: 1_000, ...of };
    },
    labels: async (from = 0, count = 10_000) =>
      (await allOf(records.tasks(manifest, from, count))).map(({ label }) => label),
  };
}

describe('an admission', () => {
  it('writes down where the tasks stand, and says what the root must know of them', async () => {
    const { ask, admitSpawn, labels, fleetId, manifest } = await fleet();
    const tasks = [task('a', { dependsOn: [1], timeoutMs: 5_000 }), task('b'), task('c', { dependsOn: [0, 1] })];
    const asked = await ask(tasks, [
      { need: 2, own: [0, 3], earlier: [] },
      { need: 1, earlier: [1, 0] },
    ]);
    const admission = await admitSpawn(asked);
    expect(admission).toMatchObject({
      kind: 'admitted',
      count: 3,
      maxTimeoutMs: 5_000,
      waits: [
        { need: 2, of: [[2, 3]] },
        { need: 1, of: [[0, 2]] },
      ],
    });
    expect(decodeGraph((admission as { graph: string }).graph, 3)).toEqual([[3], [], [2, 3]]);
    expect(await labels()).toEqual(['plan-0', 'plan-1', 'a', 'b', 'c']);
    expect(await labels(1, 2)).toEqual(['plan-1', 'a']);
    expect(await records.task(manifest, 4)).toMatchObject({ label: 'c', dependsOn: [2, 3] });
    await expect(records.task(manifest, 5)).rejects.toThrow(RangeError);
    expect(await spawning.answer({ fleetId, spawner: 0, generation: 1, seq: 1 })).toEqual({
      kind: 'admitted',
      from: 2,
      count: 3,
    });
  });

  it('of thousands goes over pages and records, and asking again, also late, changes nothing', async () => {
    const { ask, admitSpawn, labels, fleetId } = await fleet(5_000);
    const first = await ask(some(1_100, 'x'), [{ need: 1, own: [0, 1_100], earlier: [] }], { room: 5_000 });
    const second = await ask(some(300, 'y'), [], { from: 1_102, spawner: 7, room: 5_000 });
    const before = await admitSpawn(first);
    expect(before).toMatchObject({ count: 1_100, graph: null });
    await admitSpawn(second);
    expect(await admitSpawn(first)).toEqual(before);
    const all = await labels();
    expect(all).toHaveLength(1_402);
    expect([all[2], all[1_101], all[1_102], all[1_401]]).toEqual(['x-0', 'x-1099', 'y-0', 'y-299']);
    expect(await labels(1_357, 3)).toEqual(['y-255', 'y-256', 'y-257']);
    expect((await allOf(store.listRecords(`fleets/${fleetId}/spawned/`))).length).toBe(6);
  });

  it('where two attempts race gives both the same answer', async () => {
    const { ask, admitSpawn, labels } = await fleet();
    const asked = await ask(some(300, 'r'), []);
    const both = await Promise.all([admitSpawn(asked), admitSpawn(asked), admitSpawn(asked)]);
    expect(new Set(both.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(await labels()).toHaveLength(302);
  });

  it('of nothing new only waits', async () => {
    const { ask, admitSpawn } = await fleet();
    expect(await admitSpawn(await ask([], [{ need: 1, earlier: [0] }], { room: 0 }))).toEqual({
      ...{ kind: 'admitted', count: 0, graph: null, maxTimeoutMs: 0 },
      waits: [{ need: 1, of: [[0, 1]] }],
    } satisfies Admission);
  });

  it('past the limit is refused whole, with the limit, what is left and the flag in its words', async () => {
    const { ask, admitSpawn, labels, fleetId } = await fleet(5);
    const asked = await ask(some(3, 'z'), [], { room: 2 });
    expect(await admitSpawn(asked)).toEqual({ kind: 'refused' });
    expect(await labels()).toHaveLength(2);
    const answer = await spawning.answer({ ...asked, fleetId });
    expect(answer).toMatchObject({ kind: 'refused', room: 2 });
    expect(answer).toHaveProperty(
      'message',
      expect.stringMatching(/5 subagents in all and 2 are left, so 3 more do not fit \(--max-agents\)/),
    );
  });

  it('of a request that cannot be read any more is refused, for no retry would mend it', async () => {
    const { ask, admitSpawn } = await fleet();
    const asked = await ask([task('a')], []);
    const damaged = { ...asked, request: await store.put(Buffer.from('{"v":1')) };
    expect(await admitSpawn(damaged)).toEqual({ kind: 'refused' });
    expect(await admitSpawn({ ...asked, seq: 9, request: `sha256:${'0'.repeat(64)}` })).toEqual({ kind: 'refused' });
    expect(await spawning.answer({ ...asked, seq: 9 })).toMatchObject({
      message: expect.stringContaining('not readable') as string,
    });
  });

  it('that would leave a gap is no answer: it is tried again', async () => {
    const { ask, admitSpawn, fleetId } = await fleet();
    const asked = await ask([task('a')], [], { from: 5 });
    await expect(admitSpawn(asked)).rejects.toThrow('lacks what was spawned before');
    expect(await spawning.answer({ ...asked, fleetId })).toBeUndefined();
  });
});

it('waves are a character a task', async () => {
  const { manifest } = await fleet();
  expect(await createBookkeeping(store, records).loadWaves({ manifest })).toBe('12');
});
