import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetChange } from '../fleet-client/watch.ts';
import { hasEnded } from '../fleet-client/standing.ts';
import { fleetObject } from './fleet-object.ts';
import type { Tally } from './tally.ts';

type EventType = 'fleet_started' | 'subagent_started' | 'subagent_ended' | 'state_changed' | 'log' | 'fleet_ended';

/** `stream-json`: one event a line, numbered from 1. Every `subagent_ended` of one that ran follows its `subagent_started`. */
export class StreamEvents {
  readonly #write: (line: string) => void;
  readonly #fleet: FleetRecord;
  #seq = 0;
  #state: string | undefined;
  readonly #started = new Set<string>();

  constructor(fleet: FleetRecord, write: (line: string) => void) {
    this.#fleet = fleet;
    this.#write = write;
  }

  begin(): void {
    const { id, name, count, simulated, source, startedAtMs } = this.#fleet;
    const started_at = new Date(startedAtMs).toISOString();
    this.#emit('fleet_started', {
      id,
      name,
      status: 'running',
      count,
      source,
      started_at,
      ...(simulated && { simulated }),
    });
  }

  log(level: 'info' | 'warn', message: string): void {
    this.#emit('log', { level, message });
  }

  apply(change: FleetChange): void {
    switch (change.kind) {
      case 'trouble':
        return this.log('warn', `server or worker are away: ${change.message}`);
      case 'started':
        return this.#start(change.label, change.index, change.generation, change.startedAtMs);
      case 'ended': {
        const { index, label, generation, result } = change;
        if (result.attempts > 0) this.#start(label, index, generation, result.ended_at_ms - result.duration_ms);
        this.#started.delete(`${index}/${generation}`);
        return this.#emit('subagent_ended', { label, status: result.status, result });
      }
      case 'status':
        return this.#stands(change.status);
    }
  }

  /** Last line of a fleet that has ended. */
  end(status: FleetStatus, tally: Tally): void {
    this.#emit('fleet_ended', fleetObject(status, tally.usage, this.#fleet.simulated));
  }

  #stands(status: FleetStatus): void {
    const state = `${status.state}:${status.reason ?? ''}`;
    const isNews = this.#state === undefined ? status.state !== 'running' : state !== this.#state;
    this.#state = state;
    if (!isNews || hasEnded(status)) return; // an end has an event of its own
    const { id, reason, census, spentMicroUsd } = status;
    this.#emit('state_changed', {
      id,
      status: status.state,
      ...(reason && { reason }),
      ...(status.resetAtMs !== undefined && { resets_at: new Date(status.resetAtMs).toISOString() }),
      census,
      total_cost_usd: spentMicroUsd / MICRO_USD,
    });
  }

  #start(label: string, index: number, generation: number, startedAtMs: number): void {
    const key = `${index}/${generation}`;
    if (this.#started.has(key)) return;
    this.#started.add(key);
    this.#emit('subagent_started', { label, started_at: new Date(startedAtMs).toISOString() });
  }

  #emit(type: EventType, fields: object): void {
    const head = { seq: ++this.#seq, time: new Date().toISOString(), type };
    this.#write(`${JSON.stringify({ ...head, ...fields })}\n`);
  }
}
