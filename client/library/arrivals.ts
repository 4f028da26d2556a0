import type { Result } from '../../workflows/contract/task.schema.ts';
import type { FleetWatch } from '../fleet-client/watch.ts';
import type { Arrivals } from './library.ts';

/** The results among the changes of a watch. */
export class ResultArrivals implements Arrivals<Result> {
  readonly #watch: FleetWatch;

  constructor(watch: FleetWatch) {
    this.#watch = watch;
  }

  get cursor(): string {
    return this.#watch.cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Result> {
    for await (const change of this.#watch) if (change.kind === 'ended') yield change.result;
  }
}
