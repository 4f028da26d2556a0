import { emptyCensus } from '../../workflows/contract/statuses.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { hasEnded } from '../fleet-client/standing.ts';
import type { FleetChange, FleetWatch } from '../fleet-client/watch.ts';
import type { Arrivals, FleetEvent } from './library.ts';

/** An event without its number and time. */
type Told = FleetEvent extends infer E ? (E extends FleetEvent ? Omit<E, 'seq' | 'time'> : never) : never;

/** What happens in a fleet, numbered. Every `subagent_ended` of one that ran follows its `subagent_started`. */
export class EventArrivals implements Arrivals<FleetEvent> {
  readonly #fleet: FleetRecord;
  readonly #watch: FleetWatch;
  readonly #started = new Set<string>();
  #seq = 0;
  #state = '';

  constructor(fleet: FleetRecord, watch: FleetWatch) {
    this.#fleet = fleet;
    this.#watch = watch;
  }

  get cursor(): string {
    return this.#watch.cursor;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FleetEvent> {
    const { id, name } = this.#fleet;
    yield this.#event({ type: 'fleet_started', id, name });
    for await (const change of this.#watch) for (const told of this.#told(change)) yield this.#event(told);
  }

  #event(told: Told): FleetEvent {
    return { seq: ++this.#seq, time: new Date().toISOString(), ...told };
  }

  *#told(change: FleetChange): Generator<Told> {
    switch (change.kind) {
      case 'trouble':
        return yield { type: 'log', level: 'warn', message: `server or worker are away: ${change.message}` };
      case 'started':
        return yield* this.#start(change);
      case 'ended': {
        const { label, result } = change;
        if (result.attempts > 0) yield* this.#start(change);
        this.#started.delete(keyOf(change));
        return yield { type: 'subagent_ended', label, status: result.status, result };
      }
      case 'status':
        return yield* this.#stands(change.status);
    }
  }

  *#start(who: { index: number; generation: number; label: string }): Generator<Told> {
    if (this.#started.has(keyOf(who))) return;
    this.#started.add(keyOf(who));
    yield { type: 'subagent_started', label: who.label };
  }

  *#stands(status: FleetStatus): Generator<Told> {
    const { state, reason, approvals, census } = status;
    const now = JSON.stringify([state, reason, approvals?.map(({ hash }) => hash)]);
    const isNews = this.#state === '' ? state !== 'running' : now !== this.#state;
    this.#state = now;
    if (hasEnded(status)) return yield { type: 'fleet_ended', status: state, census: { ...emptyCensus(), ...census } };
    if (isNews)
      yield { type: 'state_changed', status: state, ...(reason && { reason }), ...(approvals && { approvals }) };
  }
}

const keyOf = ({ index, generation }: { index: number; generation: number }): string => `${index}/${generation}`;
