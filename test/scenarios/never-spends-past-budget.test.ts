import { afterEach, describe, expect, it } from 'vitest';
import { Cluster, type TaskOf } from '../support/cluster.ts';

let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]();
  cluster = undefined;
});

/** Uneven on purpose: one to eight turns of 200 to 2,000 tokens. */
const uneven = (count: number): TaskOf[] =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `[[simulate turns=${1 + ((i * 7) % 8)} tokens=${200 + ((i * 631) % 1_800)} latency=300ms]] Uneven ${i}`,
  }));

describe('a budget', () => {
  it('a third of what 200 subagents want is never passed, though a worker is killed on the way; raised, they complete', async () => {
    cluster = await Cluster.start({ workers: 2, env: { MUSTER_WORKER_SLOTS: '30' } }); // each has its share
    const wanted = 200 * 4.5 * 1_100 * 10 + 200 * 4.5 * 3_000 * 2.5; // turns × tokens × price, roughly
    const cap = Math.round(wanted / 3);
    const fleet = await cluster.submit(uneven(200), { maxBudgetMicroUsd: cap, maxConcurrentAgents: 50 });
    await untilInFlight(cluster, 20);
    await cluster.workers[0]!.kill('SIGKILL');
    const paused = await cluster.until(fleet, ({ state }) => state === 'paused');
    expect(paused.reason).toBe('budget_reached');
    expect(cluster.claude.stats().billedMicroUsd).toBeLessThanOrEqual(cap); // by the provider's own books
    expect(paused.spentMicroUsd).toBeLessThanOrEqual(cap);
    expect(cluster.claude.stats().billedMicroUsd).toBeLessThanOrEqual(paused.spentMicroUsd);
    expect(paused.census.completed).toBeGreaterThan(0);
    expect(paused.census.completed).toBeLessThan(200);
    expect(paused.running).toBe(0);
    await cluster.fleets.set(fleet.id, { budgetMicroUsd: cap * 6 });
    const ended = await cluster.until(fleet, ({ state }) => state === 'completed');
    expect(ended.census.completed).toBe(200);
    const results = await cluster.results(fleet);
    const cost = Math.round(results.reduce((sum, { total_cost_usd }) => sum + total_cost_usd * 1e6, 0));
    const { billedMicroUsd } = cluster.claude.stats();
    expect(cost).toBeGreaterThanOrEqual(billedMicroUsd); // calls lost with the worker are booked at their worst case
    expect(Math.abs(ended.spentMicroUsd - cost)).toBeLessThanOrEqual(1);
    const rework = Math.round(results.reduce((sum, { rework_cost_usd }) => sum + rework_cost_usd * 1e6, 0));
    expect(rework).toBeGreaterThan(0);
  });

  it('too small for a single call starts nothing and says so', async () => {
    cluster = await Cluster.start();
    const fleet = await cluster.submit([{ prompt: 'Poor' }], { maxBudgetMicroUsd: 10 });
    const paused = await cluster.until(fleet, ({ state }) => state === 'paused');
    expect(paused).toMatchObject({ reason: 'budget_reached', spentMicroUsd: 0 });
    expect(cluster.claude.stats().calls).toBe(0);
  });

  it('given to a fleet that had none bounds it from then on', async () => {
    cluster = await Cluster.start();
    const fleet = await cluster.submit(uneven(60), { maxConcurrentAgents: 10 });
    await cluster.until(fleet, ({ census }) => census.completed >= 5);
    const { spentMicroUsd } = await cluster.fleets.status(fleet.id);
    const cap = spentMicroUsd + 400_000;
    await cluster.fleets.set(fleet.id, { budgetMicroUsd: cap });
    const paused = await cluster.until(fleet, ({ state }) => state !== 'running');
    expect(paused).toMatchObject({ state: 'paused', reason: 'budget_reached' });
    expect(paused.census.completed).toBeLessThan(60);
  });
});

async function untilInFlight({ claude }: Cluster, calls: number): Promise<void> {
  while (claude.stats().inFlight < calls) await new Promise((resolve) => setTimeout(resolve, 20));
}
