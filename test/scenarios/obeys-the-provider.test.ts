import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FaultSpec } from '../../client/simulated/fault.ts';
import { Cluster, type TaskOf } from '../support/cluster.ts';

let cluster: Cluster;
beforeAll(async () => void (cluster = await Cluster.start()));
afterAll(() => cluster[Symbol.asyncDispose]());

let round = 0;
beforeEach(() => void round++);
/** Faults for the agents of this test alone. */
const faults = (...specs: FaultSpec[]): void => {
  for (const spec of specs) cluster.claude.addFault({ ...spec, match: `Calm ${round}/` });
};
const agents = (count: number): TaskOf[] =>
  Array.from({ length: count }, (_, i) => ({ prompt: `[[simulate turns=3 latency=100ms]] Calm ${round}/${i}` }));

describe('a provider that refuses', () => {
  it('with a storm of 429 and 529 slows the fleet: nobody is marked failed, nothing is billed twice', async () => {
    faults({ kind: 'rate_limit', count: 15, retryAfter: '1' }, { kind: 'overloaded', every: 5, count: 40 });
    const before = cluster.claude.stats();
    const fleet = await cluster.submit(agents(60));
    const ended = await cluster.until(fleet, ({ state }) => state === 'completed');
    expect(ended.census.completed).toBe(60);
    const { statuses, billedMicroUsd } = cluster.claude.stats();
    expect(statuses['429']).toBe(15);
    expect(statuses['529']).toBe(40);
    expect(ended.spentMicroUsd).toBe(billedMicroUsd - before.billedMicroUsd); // a refused call costs nothing
  });

  it('for a spend cap pauses the fleet; resumed by a person it goes on', async () => {
    faults({ kind: 'spend_limit', after: 40, count: 3 });
    const fleet = await cluster.submit(agents(40), { maxConcurrentAgents: 20 });
    const paused = await cluster.until(fleet, ({ state, running }) => state === 'paused' && running === 0);
    expect(paused.reason).toBe('usage_limit');
    expect(paused.resetAtMs).toBeUndefined();
    expect(paused.census.failed).toBe(0);
    const { calls } = cluster.claude.stats();
    await cluster.fleets.resume(fleet.id);
    // One call finds out whether the cap still holds, the others wait for its answer: a person resumes until it is lifted.
    const ended = await untilEnded(cluster, fleet.id);
    expect(ended.census.completed).toBe(40);
    expect(cluster.claude.stats().calls).toBeGreaterThan(calls);
    expect(cluster.claude.stats().faults['spend_limit']).toBe(3);
  });

  it('with a reset far away pauses the fleet until then, and it goes on by itself', async () => {
    faults({ kind: 'rate_limit', after: 10, count: 1, retryAfter: '125' });
    const fleet = await cluster.submit(agents(20), { maxConcurrentAgents: 5 });
    const paused = await cluster.until(fleet, ({ state }) => state === 'paused');
    expect(paused.reason).toBe('rate_limit');
    expect(paused.resetAtMs! - Date.now()).toBeGreaterThan(60_000);
    await cluster.fleets.resume(fleet.id); // a person may know better than to wait
    expect((await untilEnded(cluster, fleet.id)).census.completed).toBe(20);
  });

  it('its credential pauses the fleet as authentication', async () => {
    faults({ kind: 'authentication', after: 5, count: 3 });
    const fleet = await cluster.submit(agents(20), { maxConcurrentAgents: 5 });
    const paused = await cluster.until(fleet, ({ state }) => state === 'paused');
    expect(paused.reason).toBe('authentication');
    expect(paused.census.failed).toBe(0);
    expect((await untilEnded(cluster, fleet.id)).census.completed).toBe(20);
  });

  it('with broken streams costs rework, and every turn is taken', async () => {
    faults(
      { kind: 'cut', every: 7, count: 10 },
      { kind: 'mid_stream_error', every: 11, count: 5 },
      { kind: 'server_error', every: 5, count: 10 },
    );
    const before = cluster.claude.stats();
    const fleet = await cluster.submit(agents(40));
    const ended = await cluster.until(fleet, ({ state }) => state === 'completed');
    expect(ended.census.completed).toBe(40);
    const { faults: fired, billedMicroUsd } = cluster.claude.stats();
    expect(fired['cut']).toBe(10);
    expect(ended.spentMicroUsd).toBeGreaterThan(billedMicroUsd - before.billedMicroUsd); // lost answers at their worst case
    expect((await cluster.results(fleet)).every(({ num_turns }) => num_turns === 3)).toBe(true);
  });
});

async function untilEnded(of: Cluster, id: string) {
  for (;;) {
    const status = await of.until(
      { id },
      ({ state, running }) => state === 'completed' || (state === 'paused' && running === 0),
    );
    if (status.state === 'completed') return status;
    await of.fleets.resume(id);
  }
}
