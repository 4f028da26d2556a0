import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FleetWorld } from '../../support/fleet-world.ts';

const world = fc.record({
  seed: fc.nat(),
  count: fc.integer({ min: 1, max: 40 }),
  concurrency: fc.integer({ min: 1, max: 12 }),
  budget: fc.option(fc.integer({ min: 0, max: 800 })),
  failIf: fc.option(
    fc.oneof(fc.record({ rate: fc.constantFrom(0.3, 1) }), fc.record({ count: fc.integer({ min: 1, max: 9 }) })),
  ),
  edges: fc.array(fc.tuple(fc.nat(39), fc.nat(39)), { maxLength: 30 }),
});

/** Prerequisites stand before those that need them. */
function graphOf(count: number, edges: [number, number][]): number[][] {
  const prerequisites = Array.from({ length: count }, () => new Set<number>());
  for (const [a, b] of edges) if (Math.max(a, b) < count && a !== b) prerequisites[Math.max(a, b)]!.add(Math.min(a, b));
  return prerequisites.map((list) => [...list]);
}

/** The weather clears: money is given, approvals too, pauses end, and every fleet must come to its end. */
function comesToItsEnd(fleet: FleetWorld): void {
  for (let i = 0; i < 6_000 && !fleet.root.isFinished; i++) {
    if (fleet.budgetMicroUsd !== null && i % 50 === 0)
      fleet.root.set({ budgetMicroUsd: (fleet.budgetMicroUsd += 2_000) });
    fleet.root.resume();
    if (fleet.root.state.reason === 'approval') fleet.decide(true);
    fleet.step(true);
  }
  expect(fleet.root.isFinished).toBe(true);
  expect(fleet.root.status().spentMicroUsd).toBe(fleet.trueSpentMicroUsd);
  expect(Object.values(fleet.root.units.census).reduce((sum, n) => sum + n)).toBe(fleet.root.units.count);
}

it('conserves permits and money and ends each subagent once, over 10,000 random schedules', () => {
  const fired = { deaths: 0, pauses: 0, stops: 0, parks: 0, cancels: 0, runs: 0, cuts: 0 };
  fc.assert(
    fc.property(world, ({ seed, count, concurrency, budget, failIf, edges }) => {
      const fleet = new FleetWorld(
        {
          count,
          concurrency,
          budgetMicroUsd: budget,
          sliceMicroUsd: 20,
          failIf,
          prerequisites: edges.length ? graphOf(count, edges) : null,
        },
        seed,
      );
      for (let i = 0; i < 80; i++) fleet.step(false);
      comesToItsEnd(fleet);
      for (const key of Object.keys(fired) as (keyof typeof fired)[]) fired[key] += fleet.faults[key];
    }),
    { numRuns: 10_000 },
  );
  for (const times of Object.values(fired)) expect(times).toBeGreaterThan(1_000);
}, 240_000);

const trees = fc.record({
  seed: fc.nat(),
  count: fc.integer({ min: 0, max: 12 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  budgetMicroUsd: fc.option(fc.integer({ min: 0, max: 800 })),
  failIf: fc.option(fc.record({ count: fc.integer({ min: 3, max: 9 }) }), { freq: 8 }),
  edges: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 6 }),
  parent: fc.constantFrom('claude', 'script', 'waves'),
  maxTotalAgents: fc.constantFrom(5, 30, 60),
  waves: fc.array(fc.constantFrom('1', '1', '2', '3'), { minLength: 12, maxLength: 12 }),
  gate: fc.option(fc.record({ approval: fc.boolean() })),
  stopOnFailureRate: fc.option(fc.constantFrom(0.5, 1)),
});

it('keeps to that with parents that spawn, scripts and waves: nobody waits for ever, what is told of has a result', () => {
  const fired = { spawns: 0, refusals: 0, again: 0, exchanges: 0, breaks: 0, gates: 0, deaths: 0, cancels: 0, runs: 0 };
  fc.assert(
    fc.property(trees, ({ seed, count, edges, parent, waves, gate, stopOnFailureRate, ...limits }) => {
      const isWaves = parent === 'waves';
      const fleet = new FleetWorld(
        {
          ...{ ...limits, count, sliceMicroUsd: 20, mostDepth: 3, hasScript: parent === 'script' },
          prerequisites: edges.length && !isWaves ? graphOf(count, edges as [number, number][]) : null,
          ...(isWaves && { rollout: { waves: 3, gate, stopOnFailureRate }, waves: waves.slice(0, count).join('') }),
        },
        seed,
      );
      for (let i = 0; i < 120; i++) fleet.step(false);
      comesToItsEnd(fleet);
      fleet.nextGeneration();
      for (let i = 0; i < 40; i++) fleet.step(false);
      comesToItsEnd(fleet);
      const faults: Record<string, number> = { ...fleet.faults, ...fleet.parents.faults };
      for (const key of Object.keys(fired) as (keyof typeof fired)[]) fired[key] += faults[key]!;
    }),
    { numRuns: 1_000 },
  );
  for (const times of Object.values(fired)) expect(times).toBeGreaterThan(20);
}, 240_000);
