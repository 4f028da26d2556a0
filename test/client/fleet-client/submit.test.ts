import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import { collect } from '../../../client/fleet-client/bounded.ts';
import { endedBefore, forget } from '../../../client/fleet-client/forgetting.ts';
import { ResultReader } from '../../../client/fleet-client/result-reader.ts';
import { closedStanding } from '../../../client/fleet-client/standing.ts';
import { initialUnits, register, type SubmitOptions } from '../../../client/fleet-client/submit.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { FleetSummary } from '../../../workflows/contract/units.ts';
import { FleetDirectory } from '../spec/fleet-directory.ts';

class Ground implements Disposable {
  readonly directory: FleetDirectory;
  readonly store: DiskStore;
  readonly records: FleetRecords;

  private constructor(store: DiskStore, directory: FleetDirectory) {
    this.store = store;
    this.directory = directory;
    this.records = new FleetRecords(store);
  }

  static async open(): Promise<Ground> {
    const directory = new FleetDirectory({ 'lib/a.txt': 'a' });
    return new Ground(await DiskStore.open(join(directory.path, '.artifacts')), directory);
  }

  options(more: Partial<SubmitOptions> = {}): SubmitOptions {
    const cacheDirectory = join(this.directory.path, '.cache');
    return {
      snapshot: (directory) => snapshotDirectory(directory, { store: this.store, cacheDirectory }),
      placement: async () => ({ agentsQueue: 'q', endpoint: 'simulated', isSimulated: true, reuse: 'auto' }),
      ...more,
    };
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }
}

const THREE = `
maxBudgetUsd: 6
maxConcurrentAgents: 3
tasks:
  - { label: a, prompt: same, workingDirectory: lib, timeout: 5m }
  - { label: b, prompt: same, workingDirectory: lib }
  - { label: c, prompt: other, workingDirectory: lib, dependsOn: [a, b] }
`;

describe('register', () => {
  it('writes down a fleet that can be read back: tasks, graph, limits, equal tasks apart', async () => {
    using ground = await Ground.open();
    const plan = await ground.directory.load(THREE);
    const { fleet, isNew } = await register(plan, ground, ground.options());
    expect(isNew).toBe(true);
    expect(fleet).toMatchObject({
      count: 3,
      generation: 1,
      simulated: true,
      agentsQueue: 'q',
      maxTimeoutMs: 1_800_000,
    });
    expect(fleet.limits).toEqual({ concurrency: 3, budgetMicroUsd: 6_000_000, sliceMicroUsd: 1_000_000, failIf: null });
    expect(await ground.records.manifest(fleet.manifest)).toMatchObject({ fleetId: fleet.id, hasGraph: true });
    const tasks = await Promise.all([0, 1, 2].map((index) => ground.records.task(fleet.manifest, index)));
    expect(tasks.map(({ occurrence, dependsOn }) => [occurrence, dependsOn])).toEqual([
      [0, []],
      [1, []],
      [0, [0, 1]],
    ]);
    expect(tasks[0]!.workspace.bundle).toMatch(/^sha256:/);
    expect(await ground.records.fleet(fleet.id)).toEqual(fleet);
  });

  it('carries every key of a task, and the servers a fleet declares, into the manifest', async () => {
    using ground = await Ground.open();
    ground.directory.write('.claude/agents/reviewer.md', '---\nname: reviewer\n---\nYou review.\n');
    const plan = await ground.directory.load(`
mcpServers: { docs: { command: docs-server } }
permissions: { allow: [mcp__docs__*] }
tasks:
  - prompt: a
    workingDirectory: lib
    env: { CI: '1' }
    mcpServers: [docs]
    verify: [{ name: tests, run: npm test }]
    retry: { maxAttempts: 2 }
    fallbackModel: claude-opus-5
    agent: reviewer
    projectMemory: true
`);
    const { fleet } = await register(plan, ground, ground.options());
    expect((await ground.records.manifest(fleet.manifest)).mcpServers).toEqual({
      docs: { type: 'stdio', command: 'docs-server', args: [], env: {} },
    });
    expect(await ground.records.task(fleet.manifest, 0)).toMatchObject({
      ...{ env: { CI: '1' }, mcpServers: ['docs'], fallbackModel: 'claude-opus-5', projectMemory: true },
      verify: [{ name: 'tests', run: 'npm test', timeoutMs: 600_000 }],
      retry: { maxAttempts: 2, escalate: [] },
      agent: { name: 'reviewer', prompt: 'You review.' },
    });
  });

  it('gives the same fleet to ten that come with one key at the same moment', async () => {
    using ground = await Ground.open();
    const plan = await ground.directory.load(THREE);
    const all = await Promise.all(
      Array.from({ length: 10 }, () => register(plan, ground, ground.options({ idempotencyKey: 'pipeline 7' }))),
    );
    expect(new Set(all.map(({ fleet }) => fleet.id)).size).toBe(1);
    expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
    const later = await register(plan, ground, ground.options({ idempotencyKey: 'pipeline 7' }));
    expect(later).toMatchObject({ isNew: false, fleet: { id: all[0]!.fleet.id } });
    const other = await register(plan, ground, ground.options({ idempotencyKey: 'pipeline 8' }));
    expect(other.fleet.id).not.toBe(later.fleet.id);
  });

  it('is completed by the same key when it was stopped half-way, and has started nothing then', async () => {
    using ground = await Ground.open();
    const plan = await ground.directory.load(THREE);
    const placement = (): Promise<never> => Promise.reject(new Error('no worker comes up'));
    const options = ground.options({ idempotencyKey: 'k', placement });
    await expect(register(plan, ground, options)).rejects.toThrow('no worker comes up');
    expect(await collect(ground.records.fleets())).toEqual([]);
    expect((await register(plan, ground, ground.options({ idempotencyKey: 'k' }))).isNew).toBe(true);
  });

  it('writes nothing down once it is told to stop', async () => {
    using ground = await Ground.open();
    const plan = await ground.directory.load(THREE);
    const signal = AbortSignal.abort();
    await expect(register(plan, ground, ground.options({ signal }))).rejects.toThrow();
    expect(await collect(ground.records.fleets())).toEqual([]);
  });

  it('commits the end of targets that are not eligible before the fleet begins', async () => {
    using ground = await Ground.open();
    const plan = await ground.directory.load(THREE);
    plan.tasks[1]!.isEligible = false;
    expect(initialUnits(plan)).toBe('qKq');
    const { fleet } = await register(plan, ground, ground.options());
    const { result } = (await ground.records.newestResult(fleet.id, 1))!;
    expect(result).toMatchObject({
      label: 'b',
      status: 'skipped',
      error: { type: 'Target.NotEligible' },
      simulated: true,
    });
  });
});

describe('an ended fleet', () => {
  async function ended(
    ground: Ground,
    units: string,
    endedAtMs = Date.now(),
  ): Promise<{ id: string; summary: FleetSummary }> {
    const plan = await ground.directory.load(THREE);
    const { fleet } = await register(plan, ground, ground.options({ idempotencyKey: 'k' }));
    const more = { generation: 1, state: 'completed' as const, units, generations: [], spentMicroUsd: 5 };
    const summary: FleetSummary = { v: 1, fleetId: fleet.id, ...more, endedAtMs };
    await ground.store.writeRecord(recordKeys.summary(fleet.id), summary, 0);
    return { id: fleet.id, summary };
  }

  it('gives everyone who never started a result that says why', async () => {
    using ground = await Ground.open();
    const { id, summary } = await ended(ground, 'NFK');
    const fleet = (await ground.records.fleet(id))!;
    const reader = new ResultReader(ground.records, fleet, closedStanding(fleet, summary));
    const results = (await collect(reader.all())).map(({ result }) => [
      result.label,
      result.status,
      result.error?.type,
    ]);
    expect(results).toEqual([
      ['a', 'not_attempted', 'Subagent.NotAttempted'],
      ['b', 'failed', 'Subagent.Internal'],
      ['c', 'skipped', 'Dependency.Failed'],
    ]);
    expect((await reader.some([2, 0])).map(({ label }) => label)).toEqual(['c', 'a']);
  });

  it('is forgotten when it is old enough, and frees its key for a new fleet', async () => {
    using ground = await Ground.open();
    const { id } = await ended(ground, 'CCC', Date.now() - 86_400_000);
    expect(await collect(endedBefore(ground.records, Date.now() - 2 * 86_400_000))).toEqual([]);
    const [old] = await collect(endedBefore(ground.records, Date.now() - 3_600_000));
    await forget(ground.store, old!);
    expect(await ground.records.fleet(id)).toBeUndefined();
    const plan = await ground.directory.load(THREE);
    const again = await register(plan, ground, ground.options({ idempotencyKey: 'k' }));
    expect(again).toMatchObject({ isNew: true });
    expect(again.fleet.id).not.toBe(id);
  });

  it('that was taken up again is never old enough', async () => {
    using ground = await Ground.open();
    const { id } = await ended(ground, 'CCC', 0);
    const fleet = (await ground.store.readRecord(recordKeys.fleet(id)))!;
    await ground.store.writeRecord(recordKeys.fleet(id), { ...(fleet.value as object), generation: 2 }, fleet.version);
    expect(await collect(endedBefore(ground.records, Date.now()))).toEqual([]);
  });
});
