import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { reasonFor, syntheticResult } from '../../activities/artifacts/synthetic-result.ts';
import { UNIT_LETTERS, statusOfLetter } from '../../workflows/contract/statuses.ts';
import type { FleetRecord, Result, Task } from '../../workflows/contract/task.schema.ts';
import { mapOf } from './bounded.ts';
import type { Phases } from './phases.ts';
import type { Standing } from './standing.ts';
import { parentsIn, readParents, treeOrder } from './tree-order.ts';

/** One ended subagent. `index` is its place in the fleet: those of the manifest first, then as they were admitted. */
export interface EndedSubagent {
  index: number;
  label: string;
  /** Progress group of a script. */
  phase?: string;
  result: Result;
}

const PAGE = 200;

/** Results of one fleet as it stands: what the store holds, and what follows for those that never started. */
export class ResultReader {
  readonly #records: FleetRecords;
  readonly #fleet: FleetRecord;
  readonly #units: string;
  readonly #spawned: Standing['spawned'];
  readonly #phases: Phases | undefined;
  readonly #generations: ReadonlyMap<number, number>;
  readonly #atMs: number;

  /** With `phases` each is told with its own. */
  constructor(
    records: FleetRecords,
    fleet: FleetRecord,
    { status, progress, spawned }: Standing,
    phases?: Phases | undefined,
  ) {
    this.#phases = phases;
    this.#records = records;
    this.#fleet = fleet;
    this.#units = progress.units;
    this.#spawned = spawned;
    this.#generations = new Map(progress.generations);
    this.#atMs = status.endedAtMs ?? Date.now();
  }

  /** Those that have ended, in task order, a spawned one after its parent. */
  async *all(): AsyncGenerator<EndedSubagent> {
    const { count } = this.#fleet;
    const parents = this.#spawned
      ? parentsIn(this.#spawned)
      : await readParents(this.#records, this.#fleet, this.#units.length);
    const order = treeOrder(Math.min(count, this.#units.length), parents);
    for (let from = 0; from < order.length; from += PAGE) yield* await this.some(order.slice(from, from + PAGE));
  }

  /** Of these indexes those that have ended, in the given order. */
  async some(indexes: readonly number[]): Promise<EndedSubagent[]> {
    const ended = indexes.filter((index) => this.#status(index));
    const phases = await this.#phases?.of(ended);
    return mapOf(ended, async (index) => {
      const phase = phases?.get(index);
      return { ...(await this.#one(index)), ...(phase !== undefined && { phase }) };
    });
  }

  #status(index: number): ReturnType<typeof statusOfLetter> {
    return statusOfLetter(this.#units[index] ?? '');
  }
  #task(index: number): Promise<Task> {
    return this.#records.task(this.#fleet.manifest, index);
  }

  async #one(index: number): Promise<EndedSubagent> {
    const generation = this.#generations.get(index) ?? 1;
    const stored = (await this.#records.subagent(this.#fleet.id, index, generation))?.record.result;
    if (stored) return { index, label: stored.label, result: stored };
    const task = await this.#task(index);
    return { index, label: task.label, result: this.#synthetic(index, task) };
  }

  #synthetic(index: number, task: Task): Result {
    const status = this.#status(index)!;
    const hasFailedPrerequisite = task.dependsOn.some((other) => {
      const letter = this.#units[other];
      return statusOfLetter(letter ?? '') !== undefined && letter !== UNIT_LETTERS.completed;
    });
    const error = reasonFor(status, hasFailedPrerequisite);
    return syntheticResult(task, { status, error, atMs: this.#atMs, isSimulated: this.#fleet.simulated });
  }
}
