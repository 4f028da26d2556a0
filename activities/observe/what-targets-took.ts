import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
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
  const originals = new Originals(records);
  const took: Tried[] = [];
  for (const result of results) {
    if (SAYS_NOTHING.has(result.status)) continue;
    const own = result.reused_from === undefined ? result : await originals.find(result.reused_from);
    if (own)
      took.push({ costMicroUsd: Math.round(own.total_cost_usd * MICRO_USD), durationMs: Math.round(own.duration_ms) });
  }
  return took;
}

interface EarlierFleet {
  fleet: FleetRecord;
  indexes: ReadonlyMap<string, number>;
}

/** Results by `fleet/label`; each earlier fleet's labels are read once. */
class Originals {
  private readonly records: Records;
  private readonly fleets = new Map<string, Promise<EarlierFleet | undefined>>();

  constructor(records: Records) {
    this.records = records;
  }

  /** Undefined: its fleet has been forgotten since, or can no longer be read. */
  async find(reusedFrom: string): Promise<Result | undefined> {
    const slash = reusedFrom.indexOf('/');
    const [fleetId, label] = [reusedFrom.slice(0, slash), reusedFrom.slice(slash + 1)];
    try {
      let earlier = this.fleets.get(fleetId);
      if (!earlier) this.fleets.set(fleetId, (earlier = this.read(fleetId)));
      return await this.newest(await earlier, label);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  private async read(fleetId: string): Promise<EarlierFleet | undefined> {
    const fleet = await this.records.fleet(fleetId);
    if (!fleet) return undefined;
    const indexes = new Map<string, number>();
    for await (const { label } of this.records.tasks(fleet.manifest, 0, fleet.count)) indexes.set(label, indexes.size);
    return { fleet, indexes };
  }

  private async newest(earlier: EarlierFleet | undefined, label: string): Promise<Result | undefined> {
    const index = earlier?.indexes.get(label);
    if (!earlier || index === undefined) return undefined;
    for (let generation = earlier.fleet.generation; generation >= 1; generation--) {
      const result = (await this.records.subagent(earlier.fleet.id, index, generation))?.record.result;
      if (result?.status === 'completed') return result;
    }
    return undefined;
  }
}

/** By name: the store's room is no room to import from here. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'ArtifactMissing' || error.name === 'ArtifactDamaged');
