import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reopen } from '../../../client/fleet-client/reopen.ts';
import { UNIT_LETTERS, statusOfLetter } from '../../../workflows/contract/statuses.ts';
import { Units } from '../../../workflows/dispatcher/units.ts';

describe('reopen', () => {
  it('queues all that failed under their next generation, and leaves the rest alone', () => {
    const { units, generations, reopened } = reopen({ units: 'CFTBSKN', generations: [[1, 2]] }, 'failed', []);
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
    expect(reopen({ units: 'FKK', generations: [] }, [0], [[], [0], [1]]).units).toBe('qqq');
    expect(reopen({ units: 'FK', generations: [] }, [1], [[], [0]]).units).toBe('qq');
  });

  it('leaves skipped what still has a failed prerequisite', () => {
    expect(reopen({ units: 'FFK', generations: [] }, [0], [[], [], [0, 1]]).units).toBe('qFK');
  });

  it('does as the dispatcher of a running fleet does, for any ends and any graph', () => {
    const ends = Object.values(UNIT_LETTERS).filter((letter) => statusOfLetter(letter));
    const fleets = fc.integer({ min: 1, max: 12 }).chain((count) =>
      fc.record({
        letters: fc.array(fc.constantFrom(...ends), { minLength: count, maxLength: count }),
        graph: fc.tuple(
          ...Array.from({ length: count }, (_, i) =>
            fc.uniqueArray(fc.nat(Math.max(0, i - 1)), { maxLength: i === 0 ? 0 : 3 }),
          ),
        ),
        chosen: fc.uniqueArray(fc.nat(count - 1), { minLength: 1 }),
      }),
    );
    fc.assert(
      fc.property(fleets, ({ letters, graph, chosen }) => {
        // The dispatcher skips dependents of failed ones itself; only fleets it could have left behind are compared.
        const before = new Units(letters.length, graph, { units: letters.join(''), generations: [] });
        const ended = { units: before.text, generations: before.raisedGenerations };
        const { units, generations } = reopen(ended, chosen, graph);
        const carried = new Units(letters.length, graph, { units, generations });
        before.retry(chosen);
        expect(carried.text).toBe(before.text);
        expect(new Map(carried.raisedGenerations)).toEqual(new Map(before.raisedGenerations));
        expect(carried.census).toEqual(before.census);
      }),
      { numRuns: 2_000 },
    );
  });
});
