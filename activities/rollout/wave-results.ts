import type { Result } from '../../workflows/contract/task.schema.ts';
import type { GateRequest } from '../../workflows/contract/units.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';

/** Results read at once. */
const CONCURRENCY = 16;
/** Results looked at one by one: some seconds, and enough to tell a share within a percent or two. */
const MOST_LOOKED = 5_000;

export interface Looked {
  /** In the order of their targets. One that ended without a start may have left none. */
  results: Result[];
  /** How many targets were looked at. */
  looked: number;
}

/** The results of these targets; of more than can be looked at, of so many evenly. */
export async function readResults(
  records: Pick<FleetRecords, 'subagent'>,
  { fleetId, generations }: Pick<GateRequest, 'fleetId' | 'generations'>,
  indexes: readonly number[],
  most = MOST_LOOKED,
): Promise<Looked> {
  const raised = new Map(generations);
  const step = Math.max(1, indexes.length / most);
  const chosen = Array.from({ length: Math.min(indexes.length, most) }, (_, i) => indexes[Math.floor(i * step)]!);
  const results = new Array<Result | undefined>(chosen.length);
  const queue = chosen.entries();
  const read = async (): Promise<void> => {
    for (const [i, index] of queue)
      results[i] = (await records.subagent(fleetId, index, raised.get(index) ?? 1))?.record.result;
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, read));
  return { results: results.filter((result) => result !== undefined), looked: chosen.length };
}
