import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { UNIT_LETTERS, statusOfLetter } from '../../workflows/contract/statuses.ts';
import type { FleetRecord, Result, Task } from '../../workflows/contract/task.schema.ts';
import { collect, mapOf } from './bounded.ts';
import type { Standing } from './standing.ts';
import { reasonFor, syntheticResult } from './synthetic-result.ts';

/** One ended subagent. `index` is its place in the manifest and, plus one, the cursor to go on behind it. */
export interface EndedSubagent {
  index: number;
  label: string;
  result: Result;
}

const PAGE = 200;

/** Results of one fleet as it stands: what the store holds, and what follows for those that never started. */
export class ResultReader {
  readonly #records: FleetRecords;
  readonly #fleet: FleetRecord;
  readonly #units: string;
  readonly #generations: ReadonlyMap<number, number>;
  readonly #atMs: number;

  constructor(records: FleetRecords, fleet: FleetRecord, { status, progress }: Standing) {
    this.#records = records;
    this.#fleet = fleet;
    this.#units = progress.units;
    this.#generations = new Map(progress.generations);
    this.#atMs = status.endedAtMs ?? Date.now();
  }

  /** Those that have ended, in task order from `cursor` on. */
  async *all(cursor = 0): AsyncGenerator<EndedSubagent> {
    for (let from = cursor; from < this.#fleet.count; from += PAGE) {
      const tasks = await this.#tasks(from, PAGE);
      const ended = tasks.flatMap((task, i) => (this.#status(from + i) ? [{ index: from + i, task }] : []));
      yield* await mapOf(ended, ({ index, task }) => this.#one(index, task));
    }
  }

  /** Of these indexes those that have ended, in the given order. */
  async some(indexes: readonly number[]): Promise<EndedSubagent[]> {
    const ended = indexes.filter((index) => this.#status(index));
    return mapOf(ended, async (index) => this.#one(index, await this.#task(index)));
  }

  #status(index: number): ReturnType<typeof statusOfLetter> {
    return statusOfLetter(this.#units[index] ?? '');
  }
  #task(index: number): Promise<Task> {
    return this.#records.task(this.#fleet.manifest, index);
  }
  #tasks(from: number, count: number): Promise<Task[]> {
    return collect(this.#records.tasks(this.#fleet.manifest, from, count));
  }

  async #one(index: number, task: Task): Promise<EndedSubagent> {
    const generation = this.#generations.get(index) ?? 1;
    const stored = (await this.#records.subagent(this.#fleet.id, index, generation))?.record.result;
    return { index, label: task.label, result: stored ?? this.#synthetic(index, task) };
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
