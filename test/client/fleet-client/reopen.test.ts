import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reopen } from '../../../client/fleet-client/reopen.ts';
import { encodeGraph } from '../../../workflows/contract/graph.ts';
import type { FleetCarry, FleetInput } from '../../../workflows/contract/messages.ts';
import { UNIT_LETTERS, statusOfLetter } from '../../../workflows/contract/statuses.ts';
import type { Parents } from '../../../workflows/contract/units.ts';
import { Tree } from '../../../workflows/dispatcher/tree.ts';

const graph = (...prerequisites: number[][]) => ({ prerequisites, parents: [] });
const PLAIN = graph();

describe('reopen', () => {
  it('queues all that failed under their next generation, and leaves the rest alone', () => {
    const { units, generations, reopened } = reopen({ units: 'CFTBSKN', generations: [[1, 2]] }, 'failed', PLAIN);
    expect(units).toBe('CqqqqKq');
    expect(generations).toEqual([
      [1, 3],
      [2, 2],
      [3, 2],
      [4, 2],
      [6, 2],
    ]);
    expect(reopened).toBe(5);
  });

  it('takes what was skipped because of a failed one along, and what a chosen one needs', () => {
    expect(reopen({ units: 'FKK', generations: [] }, [0], graph([], [0], [1])).units).toBe('qqq');
    expect(reopen({ units: 'FK', generations: [] }, [1], graph([], [0])).units).toBe('qq');
  });

  it('leaves skipped what still has a failed prerequisite', () => {
    expect(reopen({ units: 'FFK', generations: [] }, [0], graph([], [], [0, 1])).units).toBe('qFK');
  });

  it('leaves the children of a parent that runs again, for it spawns anew, and takes up those of one that completed', () => {
    const parents = [undefined, undefined, 0, 1, 2];
    const { units, reopened } = reopen({ units: 'FCTFB', generations: [] }, 'failed', { prerequisites: [], parents });
    expect(units).toBe('qCTqB');
    expect(reopened).toBe(2);
    expect(reopen({ units: 'FCTFB', generations: [] }, [2], { prerequisites: [], parents }).units).toBe('FCqFB');
  });

  it('does as the root of a running fleet does, for any ends, any graph and any children', () => {
    const ends = Object.values(UNIT_LETTERS).filter((letter) => statusOfLetter(letter));
    const graphOf = (count: number, from: number): fc.Arbitrary<number[][]> =>
      fc.tuple(
        ...Array.from({ length: count }, (_, i) =>
          fc
            .uniqueArray(fc.nat(Math.max(0, i - 1)), { maxLength: i === 0 ? 0 : 3 })
            .map((list) => list.map((at) => from + at)),
        ),
      );
    const fleets = fc.record({
      planned: fc.integer({ min: 1, max: 8 }),
      broods: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
    });
    const cases = fleets.chain(({ planned, broods }) => {
      const count = broods.reduce((sum, size) => sum + size, planned);
      const froms = broods.map((_, i) => broods.slice(0, i).reduce((sum, size) => sum + size, planned));
      return fc.record({
        letters: fc.array(fc.constantFrom(...ends), { minLength: count, maxLength: count }),
        graph: graphOf(planned, 0),
        spawned: fc.tuple(
          ...broods.map((size, i) =>
            fc.tuple(
              fc.constant(size),
              fc.oneof(fc.nat(froms[i]! - 1), fc.constant('script' as const)),
              graphOf(size, froms[i]!),
            ),
          ),
        ),
        chosen: fc.oneof(fc.constant('failed' as const), fc.uniqueArray(fc.nat(count - 1), { minLength: 1 })),
      });
    });
    fc.assert(
      fc.property(cases, ({ letters, graph, spawned, chosen }) => {
        const parents = {
          spawned: spawned.map(([size, by, needed]): Parents['spawned'][number] => [size, by, 1, encodeGraph(needed)]),
          maxTimeoutMs: 1,
        };
        // The dispatcher skips dependents of failed ones itself; only fleets it could have left behind are compared.
        const { units: before, ...tree } = treeOf(graph, { units: letters.join(''), generations: [], parents });
        const ended = { units: before.text, generations: before.raisedGenerations };
        const lineage = {
          prerequisites: [...graph, ...spawned.flatMap(([, , needed]) => needed)],
          parents: [
            ...graph.map(() => undefined),
            ...spawned.flatMap(([size, by]) => Array.from({ length: size }, () => (by === 'script' ? undefined : by))),
          ],
        };
        const { units, generations } = reopen(ended, chosen, lineage);
        const carried = treeOf(graph, { units, generations, parents }).units;
        before.retry(chosen === 'failed' ? tree.failed() : chosen);
        expect(carried.text).toBe(before.text);
        expect(new Map(carried.raisedGenerations)).toEqual(new Map(before.raisedGenerations));
        expect(carried.census).toEqual(before.census);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The root's own view of a fleet that goes on from there. */
function treeOf(graph: readonly (readonly number[])[], carry: Pick<FleetCarry, 'units' | 'generations' | 'parents'>) {
  const input = {
    ...{ v: 1, fleetId: 'f', name: 'f', manifest: 'm', count: graph.length, hasGraph: true, maxTimeoutMs: 1 },
    ...{ agentsQueue: 'q', generation: 2, startedAtMs: 0 },
    limits: { concurrency: 1, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null },
    carry: { parked: [], spentMicroUsd: 0, batches: 0, state: 'running', ...carry },
  } satisfies FleetInput;
  const tree = new Tree(input, graph, '');
  for (let doomed = tree.units.takeDoomed(); doomed.length > 0; doomed = tree.units.takeDoomed())
    for (const index of doomed) tree.units.end(index, 'skipped');
  return { units: tree.units, failed: () => tree.failed };
}
