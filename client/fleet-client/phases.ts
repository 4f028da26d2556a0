import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { SPAWNED_PAGE } from '../../workflows/contract/limits.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';

/** Progress groups of a script's subagents. Tasks are read a page at a time, and never twice while they are known. */
export class Phases {
  readonly #records: FleetRecords;
  readonly #fleet: Pick<FleetRecord, 'manifest' | 'count'>;
  readonly #known = new Map<number, string | undefined>();

  constructor(records: FleetRecords, fleet: Pick<FleetRecord, 'manifest' | 'count'>) {
    this.#records = records;
    this.#fleet = fleet;
  }

  /** Of subagents that have been admitted; in no group: undefined. */
  async of(indexes: readonly number[]): Promise<ReadonlyMap<number, string | undefined>> {
    for (const index of indexes) if (!this.#known.has(index)) await this.#read(index);
    return this.#known;
  }

  async #read(index: number): Promise<void> {
    const { manifest, count } = this.#fleet;
    const first = index - ((index - count) % SPAWNED_PAGE);
    let at = first;
    for await (const { phase } of this.#records.tasks(manifest, first, SPAWNED_PAGE)) this.#known.set(at++, phase);
    if (!this.#known.has(index)) this.#known.set(index, undefined);
  }
}
