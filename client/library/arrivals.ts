import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
import type { FleetWatch } from '../fleet-client/watch.ts';
import { EventTeller, type Told } from './event-teller.ts';
import type { Arrivals, FleetEvent } from './library.ts';

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

/** All that happens in a fleet, numbered. */
export class EventArrivals implements Arrivals<FleetEvent> {
  readonly #watch: FleetWatch;
  readonly #teller: EventTeller;

  constructor(fleet: FleetRecord, watch: FleetWatch) {
    this.#watch = watch;
    this.#teller = new EventTeller(fleet, watch.position);
  }

  get cursor(): string {
    return this.#watch.cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FleetEvent> {
    for (const told of this.#teller.begin()) yield this.#numbered(told);
    for await (const change of this.#watch) for (const told of this.#teller.tell(change)) yield this.#numbered(told);
  }

  #numbered(told: Told): FleetEvent {
    return { seq: ++this.#watch.position.seq, time: new Date().toISOString(), ...told };
  }
}
