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

it('conserves permits and money and ends each subagent once, over 10,000 random schedules', () => {
  const fired = { deaths: 0, pauses: 0, stops: 0, parks: 0, cancels: 0, runs: 0, cuts: 0 };
  fc.assert(
    fc.property(world, ({ seed, count, concurrency, budget, failIf, edges }) => {
      const prerequisites = Array.from({ length: count }, (): number[] => []);
      for (const [a, b] of edges)
        if (Math.max(a, b) < count && a !== b) prerequisites[Math.max(a, b)]!.push(Math.min(a, b));
      for (const list of prerequisites) list.splice(0, list.length, ...new Set(list));
      const fleet = new FleetWorld(
        {
          count,
          concurrency,
          budgetMicroUsd: budget,
          sliceMicroUsd: 20,
          failIf,
          prerequisites: edges.length ? prerequisites : null,
        },
        seed,
      );
      for (let i = 0; i < 80; i++) fleet.step(false);
      // Then the weather clears: money is given, pauses end, and every fleet must come to its end.
      for (let i = 0; i < 4_000 && !fleet.root.isFinished; i++) {
        if (budget !== null && i % 50 === 0) fleet.root.set({ budgetMicroUsd: (fleet.budgetMicroUsd! += 2_000) });
        fleet.root.resume();
        fleet.step(true);
      }
      expect(fleet.root.isFinished).toBe(true);
      expect(fleet.root.status().spentMicroUsd).toBe(fleet.trueSpentMicroUsd);
      expect(Object.values(fleet.root.units.census).reduce((sum, n) => sum + n)).toBe(count);
      for (const key of Object.keys(fired) as (keyof typeof fired)[]) fired[key] += fleet.faults[key];
    }),
    { numRuns: 10_000 },
  );
  for (const times of Object.values(fired)) expect(times).toBeGreaterThan(1_000);
}, 120_000);
