import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { Parents } from '../../workflows/contract/units.ts';
import { collect, mapOf } from './bounded.ts';

/** Spawned tasks read at once by each of the readers. */
const PAGE = 256;

/** By index of a spawned subagent, from the first after the manifest's: who spawned it; undefined: the fleet's script. */
export type ParentsByIndex = readonly (number | undefined)[];

/** As an ended fleet's summary tells it. */
export function parentsIn(spawned: Parents['spawned']): ParentsByIndex {
  return spawned.flatMap(([count, by]) => Array.from({ length: count }, () => (by === 'script' ? undefined : by)));
}

/** As the spawned tasks tell it, for a fleet under way. */
export async function readParents(
  records: FleetRecords,
  { manifest, count }: Pick<FleetRecord, 'manifest' | 'count'>,
  total: number,
): Promise<ParentsByIndex> {
  const froms = Array.from({ length: Math.max(0, Math.ceil((total - count) / PAGE)) }, (_, i) => count + i * PAGE);
  const pages = await mapOf(froms, async (from) => {
    const tasks = await collect(records.tasks(manifest, from, Math.min(PAGE, total - from)));
    return tasks.map(({ parent }) => parent?.index);
  });
  return pages.flat();
}

/**
 * Indexes of all subagents in task order, a spawned one after its parent and what that one spawned before; those of a
 * script stand as they were admitted. `planned`: how many are in the manifest.
 */
export function treeOrder(planned: number, parents: ParentsByIndex): number[] {
  const tops = Array.from({ length: planned }, (_, index) => index);
  const spawnedBy = new Map<number, number[]>();
  for (const [i, parent] of parents.entries()) {
    const index = planned + i;
    if (parent === undefined) tops.push(index);
    else if (spawnedBy.has(parent)) spawnedBy.get(parent)!.push(index);
    else spawnedBy.set(parent, [index]);
  }
  return spawnedBy.size === 0 ? tops : flattened(tops, spawnedBy);
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
