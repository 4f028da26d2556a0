import { FAILURES } from '../../workflows/contract/failures.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { GateRequest } from '../../workflows/contract/units.ts';
import type { Tried } from '../../workflows/policy/forecast.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';

type Records = Pick<FleetRecords, 'subagent' | 'fleet' | 'tasks'>;

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
  records: Records,
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

/** Stopped ones were cut off, and those never started took nothing: neither says what a target takes. */
const SAYS_NOTHING: ReadonlySet<Result['status']> = new Set(['stopped', 'skipped', 'not_attempted']);

/**
 * What each target took. A result that was taken over took nothing here: then what its original took, where that is still
 * known, since the targets to come have none to take over.
 */
export async function whatTheyTook(records: Records, results: readonly Result[]): Promise<Tried[]> {
  const took: Tried[] = [];
  for (const result of results) {
    if (SAYS_NOTHING.has(result.status) || result.error?.type === FAILURES.notEligible) continue;
    const own = result.reused_from === undefined ? result : await originalOf(records, result.reused_from);
    if (own)
      took.push({ costMicroUsd: Math.round(own.total_cost_usd * MICRO_USD), durationMs: Math.round(own.duration_ms) });
  }
  return took;
}

/** `reused_from` is fleet and label. Undefined: its fleet has been forgotten since. */
async function originalOf(records: Records, reusedFrom: string): Promise<Result | undefined> {
  const slash = reusedFrom.indexOf('/');
  const [fleetId, label] = [reusedFrom.slice(0, slash), reusedFrom.slice(slash + 1)];
  const fleet = await records.fleet(fleetId);
  if (!fleet) return undefined;
  let index = 0;
  for await (const task of records.tasks(fleet.manifest, 0, fleet.count)) {
    if (task.label === label) {
      for (let generation = fleet.generation; generation >= 1; generation--) {
        const result = (await records.subagent(fleetId, index, generation))?.record.result;
        if (result?.status === 'completed') return result;
      }
      return undefined;
    }
    index++;
  }
  return undefined;
}
