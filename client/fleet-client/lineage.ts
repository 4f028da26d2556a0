import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { decodeGraph } from '../../workflows/contract/graph.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { Parents } from '../../workflows/contract/units.ts';

/** Who needs whom and who spawned whom, by index; lists may be shorter than the fleet. */
export interface Lineage {
  prerequisites: readonly (readonly number[])[];
  /** undefined: of the plan, or of a script. */
  parents: readonly (number | undefined)[];
}

/** Of a whole fleet as it ended: of its plan from the store, of those that were spawned from its summary. */
export async function lineageOf(
  records: FleetRecords,
  fleet: Pick<FleetRecord, 'manifest' | 'count'>,
  spawned: Parents['spawned'] = [],
): Promise<Lineage> {
  const { hasGraph } = await records.manifest(fleet.manifest);
  if (!hasGraph && spawned.length === 0) return { prerequisites: [], parents: [] };
  const prerequisites: number[][] = hasGraph ? [] : Array.from({ length: fleet.count }, () => []);
  const parents: (number | undefined)[] = [];
  if (hasGraph)
    for await (const { dependsOn } of records.tasks(fleet.manifest, 0, fleet.count)) prerequisites.push(dependsOn);
  let from = fleet.count;
  for (const [count, by, , graph] of spawned) {
    const needed = graph === null ? [] : decodeGraph(graph, count);
    for (let i = 0; i < count; i++) {
      prerequisites[from + i] = needed[i] ?? [];
      parents[from + i] = by === 'script' ? undefined : by;
    }
    from += count;
  }
  return { prerequisites, parents };
}
