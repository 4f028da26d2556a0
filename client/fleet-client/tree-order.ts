import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { collect, mapOf } from './bounded.ts';

/** Spawned tasks read at once by each of the readers. */
const PAGE = 256;

/**
 * Indexes of all subagents in task order, a spawned one after its parent and what that one spawned before; those of a
 * script stand as they were admitted. `total`: spawned ones included.
 */
export async function treeOrder(
  records: FleetRecords,
  fleet: Pick<FleetRecord, 'manifest' | 'count'>,
  total: number,
): Promise<number[]> {
  const tops = Array.from({ length: Math.min(fleet.count, total) }, (_, index) => index);
  if (total <= fleet.count) return tops;
  const spawnedBy = new Map<number, number[]>();
  for (const [i, parent] of (await parentsOf(records, fleet, total)).entries()) {
    const index = fleet.count + i;
    if (parent === undefined) tops.push(index);
    else if (spawnedBy.has(parent)) spawnedBy.get(parent)!.push(index);
    else spawnedBy.set(parent, [index]);
  }
  return spawnedBy.size === 0 ? tops : flattened(tops, spawnedBy);
}

async function parentsOf(
  records: FleetRecords,
  { manifest, count }: Pick<FleetRecord, 'manifest' | 'count'>,
  total: number,
): Promise<(number | undefined)[]> {
  const froms = Array.from({ length: Math.ceil((total - count) / PAGE) }, (_, i) => count + i * PAGE);
  const pages = await mapOf(froms, async (from) => {
    const tasks = await collect(records.tasks(manifest, from, Math.min(PAGE, total - from)));
    return tasks.map(({ parent }) => parent?.index);
  });
  return pages.flat();
}

/** Without recursion: a chain may be as deep as it is long. */
function flattened(tops: readonly number[], spawnedBy: ReadonlyMap<number, readonly number[]>): number[] {
  const order: number[] = [];
  const ahead = tops.toReversed();
  for (let index = ahead.pop(); index !== undefined; index = ahead.pop()) {
    order.push(index);
    for (const child of (spawnedBy.get(index) ?? []).toReversed()) ahead.push(child);
  }
  return order;
}
