import { describe, expect, it } from 'vitest';
import type { Parents } from '../../../workflows/contract/units.ts';
import type { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { parentsIn, readParents, treeOrder } from '../../../client/fleet-client/tree-order.ts';

/** Records of a fleet whose spawned tasks have these parents. */
function recordsOf(parents: (number | undefined)[], planned: number): FleetRecords {
  const tasks = async function* (_ref: string, from: number, count: number): AsyncGenerator<object> {
    for (const index of parents.slice(from - planned, from - planned + count))
      yield index === undefined ? {} : { parent: { index, label: `s${index}` } };
  };
  return { tasks } as unknown as FleetRecords;
}

async function orderOf(planned: number, parents: (number | undefined)[]): Promise<number[]> {
  const fleet = { manifest: `sha256:${'0'.repeat(64)}`, count: planned };
  const total = planned + parents.length;
  return treeOrder(planned, await readParents(recordsOf(parents, planned), fleet, total));
}

describe('the order of a tree', () => {
  it('is that of the manifest where nobody spawned', async () => {
    expect(await orderOf(3, [])).toEqual([0, 1, 2]);
  });

  it('puts a spawned one after its parent, and after what that one spawned before', async () => {
    // 2 and 4 are of 0, 3 of 1, 5 of 2.
    expect(await orderOf(2, [0, 1, 0, 2])).toEqual([0, 2, 5, 4, 1, 3]);
  });

  it("leaves a script's agents as they were admitted, each before what it spawned", async () => {
    expect(await orderOf(0, [undefined, undefined, 0, undefined, 1])).toEqual([0, 2, 1, 4, 3]);
  });

  it('is told by a summary too', () => {
    const spawned: Parents['spawned'] = [
      [2, 'script', 1, null],
      [1, 0, 2, null],
      [1, 'script', 1, null],
    ];
    expect(treeOrder(0, parentsIn(spawned))).toEqual([0, 2, 1, 3]);
  });

  it('holds for a chain of ten thousand', async () => {
    const order = await orderOf(
      1,
      Array.from({ length: 10_000 }, (_, i) => i),
    );
    expect(order).toEqual(Array.from({ length: 10_001 }, (_, i) => i));
  });
});
