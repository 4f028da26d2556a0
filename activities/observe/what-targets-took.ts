import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { Tried } from '../../workflows/policy/forecast.ts';
import type { FleetRecords } from '../artifacts/fleet-records.ts';

type Records = Pick<FleetRecords, 'subagent' | 'fleet' | 'tasks'>;

/** Stopped ones were cut off, and those never started took nothing: neither says what a target takes. */
const SAYS_NOTHING: ReadonlySet<Result['status']> = new Set(['stopped', 'skipped', 'not_attempted']);

/**
 * What each target took. A result that was taken over took nothing here: then what its original took, where that is still
 * known, since the targets to come have none to take over.
 */
export async function whatTheyTook(records: Records, results: readonly Result[]): Promise<Tried[]> {
  const took: Tried[] = [];
  for (const result of results) {
    if (SAYS_NOTHING.has(result.status)) continue;
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
