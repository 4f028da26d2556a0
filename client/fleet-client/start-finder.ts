import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { UNIT_LETTERS as L } from '../../workflows/contract/statuses.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { mapOf } from './bounded.ts';
import type { Standing } from './standing.ts';

export interface StartedSubagent {
  index: number;
  generation: number;
  label: string;
  /** Progress group of a script. */
  phase?: string;
  startedAtMs: number;
}

/** Records read at one look beyond what is known to run: keeps a look cheap at any size. */
const EXTRA = 16;
const MOST = 256;

/**
 * Which subagents have begun. The root knows only who was handed to a batch, so the store is asked, a few at a time and
 * round and round, for those not yet known to run.
 */
export class StartFinder {
  readonly #records: FleetRecords;
  readonly #fleet: FleetRecord;
  /** Started and not ended, as `index/generation`. */
  readonly #running = new Set<string>();
  #next = 0;

  constructor(records: FleetRecords, fleet: FleetRecord) {
    this.#records = records;
    this.#fleet = fleet;
  }

  /** Those newly found to have begun, each once, oldest first. */
  async look({ status, progress }: Standing): Promise<StartedSubagent[]> {
    const generations = new Map(progress.generations);
    const handedOut: [index: number, key: string, generation: number][] = [];
    const alive = new Set<string>();
    for (let index = 0; index < progress.units.length; index++) {
      const letter = progress.units[index]!;
      if (letter !== L.inBatch && letter !== L.running && letter !== L.parked) continue;
      const generation = generations.get(index) ?? 1;
      const key = `${index}/${generation}`;
      if (this.#running.has(key)) alive.add(key);
      else handedOut.push([index, key, generation]);
    }
    for (const key of this.#running) if (!alive.has(key)) this.#running.delete(key);
    const missing = Math.max(0, status.running - alive.size);
    const asked = this.#pick(handedOut, Math.min(MOST, 2 * missing + EXTRA));
    const found = await mapOf(asked, ([index, key, generation]) => this.#begun(index, key, generation));
    return found.filter((one) => one !== undefined).sort((a, b) => a.startedAtMs - b.startedAtMs);
  }

  #pick<T extends readonly [index: number, ...rest: unknown[]]>(candidates: readonly T[], count: number): T[] {
    if (candidates.length <= count) return [...candidates];
    const first = candidates.findIndex(([index]) => index >= this.#next);
    const from = first < 0 ? 0 : first;
    const picked = [
      ...candidates.slice(from, from + count),
      ...candidates.slice(0, Math.max(0, from + count - candidates.length)),
    ];
    this.#next = picked.at(-1)![0] + 1;
    return picked;
  }

  async #begun(index: number, key: string, generation: number): Promise<StartedSubagent | undefined> {
    const found = await this.#records.subagent(this.#fleet.id, index, generation);
    if (!found) return undefined;
    this.#running.add(key);
    const { label, phase } = await this.#records.task(this.#fleet.manifest, index);
    const startedAtMs = found.record.startedAtMs;
    return { index, generation, label, ...(phase !== undefined && { phase }), startedAtMs };
  }
}
