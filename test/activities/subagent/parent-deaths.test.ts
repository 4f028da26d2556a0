import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { runSubagent } from '../../../activities/subagent/run-subagent.ts';
import { createSpawnActivities } from '../../../activities/spawn/activities.ts';
import type { UnitOutcome } from '../../../workflows/contract/units.ts';
import { openSpawning } from '../../../workers/spawning-parts.ts';
import { call, inTurn, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';
import { dyingStore, Killed } from './crashing-store.ts';
import { toolResults, TreeWorld } from './tree-world.ts';

const READS = { allow: ['Read', 'spawn_subagents'], deny: [], mode: 'dontAsk' as const };

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

/** Parts of a worker that dies after its `at`-th write; 0: never. */
function worker(at: number) {
  const { store, writes } = dyingStore(bench.parts.store, at);
  const records = new FleetRecords(store);
  const parts = { ...bench.parts, store, records, spawning: openSpawning({ store, records }) };
  return { parts, writes };
}

/** Two subagents, of which the first is awaited; then the other. */
function parentPlay(name: string): string {
  const child = (text: string): object => ({
    label: text,
    prompt: `[[simulate turns=1 output="${text}"]] ${name}`,
    permissions: 'read-only',
  });
  return bench.played.play(
    name,
    inTurn(
      [
        call('Read', { file_path: 'src/a.txt' }),
        call('spawn_subagents', { tasks: [child('a'), child('b')], wait: 'first' }),
      ],
      [call('collect_subagents', {})],
      [say('both seen')],
    ),
  );
}

/** Runs the tree to its end by workers of which the first dies; whoever comes next is a new one. */
async function live(world: TreeWorld, at: number): Promise<number> {
  let present = worker(at);
  let writes = 0;
  const surviving = async <T>(work: (attempt: number) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work(attempt);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        writes += present.writes();
        present = worker(0);
      }
    }
  };
  for (let epoch = 1; ; epoch++) {
    const unit = { ...world.unit, epoch };
    const outcome: UnitOutcome = await surviving((attempt) =>
      runSubagent(present.parts, {
        unit,
        attempt,
        back: new AbortController().signal,
        onCheckpoint: () => undefined,
      }),
    );
    if (outcome.kind === 'ended') return writes + present.writes();
    const admission = await surviving(() =>
      world.admit(0, outcome, 1, createSpawnActivities(present.parts).admitSpawn),
    );
    if (admission.kind === 'admitted') for (const wait of admission.waits) await world.meet(wait);
  }
}

describe('a parent whose worker dies', () => {
  it('after any of its writes comes to the same end, each subagent spawned once', async () => {
    const untouched = await TreeWorld.start(bench, [
      { prompt: parentPlay('untouched'), label: 'p', permissions: READS },
    ]);
    const writes = await live(untouched, 0);
    expect(writes).toBeGreaterThan(12);
    for (let at = 1; at <= writes; at++) {
      const name = `dies-${at.toString()}`;
      const world = await TreeWorld.start(bench, [{ prompt: parentPlay(name), label: 'p', permissions: READS }]);
      await live(world, at);
      expect(world.size, name).toBe(3);
      expect(await world.fleet.result(), name).toMatchObject({
        status: 'completed',
        output: 'both seen',
        num_turns: 3,
      });
      // One call at the most is made again: the one whose answer nobody had written down.
      expect(bench.played.turns.get(name)!.length, name).toBeLessThanOrEqual(4);
      expect(toolResults(bench, name)[0]!.json.results, name).toMatchObject([{ label: 'b', output: 'b' }]);
      expect(await world.result('p/a'), name).toMatchObject({ output: 'a', attempts: 1 });
    }
  });

  it('between its request and the root’s answer asks the same again', async () => {
    const world = await TreeWorld.start(bench, [{ prompt: parentPlay('again'), label: 'p' }]);
    const first = await world.dispatch();
    expect(first).toMatchObject({ kind: 'parked', reason: { for: 'spawn', seq: 1 } });
    const { calls } = bench.claude.stats();
    expect(await world.dispatch()).toEqual({ ...first, spentMicroUsd: 0 });
    expect(await world.dispatch()).toEqual({ ...first, spentMicroUsd: 0 });
    expect(bench.claude.stats().calls).toBe(calls);
    expect(await world.run()).toMatchObject({ status: 'completed' });
    expect(world.size).toBe(3);
  });

  it('and that is sent back before anybody has ended waits on', async () => {
    const world = await TreeWorld.start(bench, [{ prompt: parentPlay('early'), label: 'p' }]);
    const first = await world.dispatch();
    if (first.kind !== 'parked') throw new Error('not parked');
    await world.admit(0, first);
    expect(await world.dispatch()).toEqual({ ...first, spentMicroUsd: 0 });
    await world.run(1);
    expect(await world.dispatch()).toMatchObject({ kind: 'parked', reason: { for: 'spawn', seq: 2 } });
  });
});
