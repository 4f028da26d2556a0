import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { FleetChange } from '../fleet-client/news.ts';
import { hasEnded } from '../fleet-client/standing.ts';
import type { Position } from '../fleet-client/watch-cursor.ts';
import type { FleetEvent } from './library.ts';

/** An event without its number and time. */
export type Told = FleetEvent extends infer E ? (E extends FleetEvent ? Omit<E, 'seq' | 'time'> : never) : never;

/**
 * The events that the changes of a watch come to, over the lives of all watches that go on from each other's cursors:
 * every `subagent_ended` of one that ran follows its `subagent_started`, and a state is told when it is another than before.
 */
export class EventTeller {
  readonly #fleet: Pick<FleetRecord, 'id' | 'name'>;
  readonly #position: Position;

  constructor(fleet: Pick<FleetRecord, 'id' | 'name'>, position: Position) {
    this.#fleet = fleet;
    this.#position = position;
  }

  *begin(): Generator<Told> {
    const { id, name } = this.#fleet;
    if (this.#position.seq === 0) yield { type: 'fleet_started', id, name };
  }

  *tell(change: FleetChange): Generator<Told> {
    switch (change.kind) {
      case 'trouble':
        return yield { type: 'log', level: 'warn', message: `server or worker are away: ${change.message}` };
      case 'log':
        return yield change.what === 'phase'
          ? { type: 'log', level: 'info', message: `phase: ${change.text}`, phase: change.text }
          : { type: 'log', level: 'info', message: change.text };
      case 'started':
        return yield* this.#start(change);
      case 'ended': {
        const { index, generation, label, result } = change;
        const { ended, started } = this.#position;
        if (result.attempts > 0 && !started.has(keyOf(change))) {
          // Whoever goes on from between the two is to be told the end too.
          ended.remove(index);
          yield* this.#start(change);
          ended.add(index, generation);
        }
        started.delete(keyOf(change));
        return yield { type: 'subagent_ended', label, status: result.status, result };
      }
      case 'status':
        return yield* this.#stands(change.status);
    }
  }

  *#start(who: { index: number; generation: number; label: string }): Generator<Told> {
    const { started } = this.#position;
    if (started.has(keyOf(who))) return;
    started.add(keyOf(who));
    yield { type: 'subagent_started', label: who.label };
  }

  /** That a fleet runs is news only after it did not. */
  *#stands(status: FleetStatus): Generator<Told> {
    const { state, reason, approvals = [], census } = status;
    const now = [state, reason ?? '', ...approvals.map(({ hash }) => hash)].join(' ');
    const before = this.#position.state || 'running ';
    this.#position.state = now;
    if (now === before) return;
    if (hasEnded(status)) yield { type: 'fleet_ended', status: state, census };
    else
      yield {
        ...{ type: 'state_changed', status: state },
        ...(reason && { reason }),
        ...(approvals.length > 0 && { approvals }),
      };
  }
}

const keyOf = ({ index, generation }: { index: number; generation: number }): string => `${index}/${generation}`;
