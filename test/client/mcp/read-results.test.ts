import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ArrivalOptions, Arrivals } from '../../../client/library/library.ts';
import { readResults } from '../../../client/mcp/read-results.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { resultOf } from './results.ts';

/** Results of which each comes so long after the one before; null: the fleet goes on. The cursor counts deliveries. */
function fleetOf(gapsMs: (number | null)[]): { id: string; results: (options?: ArrivalOptions) => Arrivals<Result> } {
  return {
    id: 'f',
    results({ cursor = '0', signal }: ArrivalOptions = {}): Arrivals<Result> {
      let at = Number(cursor);
      return {
        get cursor() {
          return String(at);
        },
        async *[Symbol.asyncIterator]() {
          for (const gapMs of gapsMs.slice(at)) {
            await delay(gapMs ?? 60_000, undefined, { signal });
            at++;
            yield resultOf({ label: `s${at}` });
          }
        },
      };
    },
  };
}

const start = { fleetId: 'f', arrival: undefined, read: 0 };
const options = { limit: undefined, waitMs: 0, signal: new AbortController().signal };

it('reads an ended fleet to its end', async () => {
  const { page, to, isWhole } = await readResults(fleetOf([0, 0, 0]), start, { ...options, ended: 3 });
  expect(page.rows.map(({ label }) => label)).toEqual(['s1', 's2', 's3']);
  expect([to, isWhole]).toEqual([{ fleetId: 'f', arrival: '3', read: 3 }, true]);
});

it('goes on behind what was read, so that each is told once', async () => {
  const fleet = fleetOf([0, 0, 0, 0, 0]);
  const labels: string[] = [];
  let place: Parameters<typeof readResults>[1] = start;
  for (let isWhole = false; !isWhole;) {
    const read = await readResults(fleet, place, { ...options, limit: 2, ended: 5 });
    labels.push(...read.page.rows.map(({ label }) => label));
    ({ to: place, isWhole } = read);
  }
  expect(labels).toEqual(['s1', 's2', 's3', 's4', 's5']);
});

it('takes what is known to be there however slow the disk is, and leaves the rest of a running fleet', async () => {
  const { page, isWhole } = await readResults(fleetOf([150, 150, null]), start, { ...options, ended: 2 });
  expect([page.rows.length, isWhole]).toEqual([2, false]);
});

it('waits for a first result, and no longer than for that', async () => {
  const began = performance.now();
  const read = await readResults(fleetOf([400, null]), start, { ...options, waitMs: 30_000, ended: 0 });
  expect(read.page.rows.length).toBe(1);
  expect(performance.now() - began).toBeLessThan(5_000);
});

it('comes back empty from a fleet that has nothing to tell', async () => {
  const { page, to, isWhole } = await readResults(fleetOf([null]), start, { ...options, ended: 0 });
  expect([page.rows, to.arrival, isWhole]).toEqual([[], '0', false]);
});

it('passes on what goes wrong', async () => {
  const results = (): Arrivals<Result> => ({
    cursor: '0',
    async *[Symbol.asyncIterator]() {
      throw new Error('damaged');
    },
  });
  await expect(readResults({ id: 'f', results }, start, { ...options, ended: 0 })).rejects.toThrow('damaged');
});
