import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetChange } from '../fleet-client/news.ts';
import type { FleetWatch } from '../fleet-client/watch.ts';
import { EventTeller, type Told } from '../library/event-teller.ts';
import type { ParentEnd } from '../library/outcome.ts';
import { fleetObject } from './fleet-object.ts';
import type { Tally } from './tally.ts';

/**
 * `stream-json`: one event a line, numbered over the lives of all watches that go on from each other's cursors. A line
 * with a `cursor` says where `watch --cursor` goes on behind it.
 */
export class StreamEvents {
  readonly #write: (line: string) => void;
  readonly #fleet: FleetRecord;
  #watch: FleetWatch;
  #teller: EventTeller;
  #hasEnded = false;

  constructor(fleet: FleetRecord, watch: FleetWatch, write: (line: string) => void) {
    this.#fleet = fleet;
    this.#write = write;
    this.#watch = watch;
    this.#teller = new EventTeller(fleet, watch.position);
  }

  begin(): void {
    const { count, simulated, source, startedAtMs } = this.#fleet;
    const started_at = new Date(startedAtMs).toISOString();
    for (const told of this.#teller.begin())
      this.#emit({ ...told, ...{ status: 'running', count, source, started_at }, ...(simulated && { simulated }) });
  }

  /** Goes on with another watch, which began from the cursor of the one before. */
  follow(watch: FleetWatch): void {
    this.#watch = watch;
    this.#teller = new EventTeller(this.#fleet, watch.position);
  }

  apply(change: FleetChange): void {
    for (const told of this.#teller.tell(change))
      if (told.type === 'fleet_ended') this.#hasEnded = true;
      else this.#emit({ ...told, ...detail(told, change) }, told.type !== 'subagent_started');
  }

  /** Last line of a fleet that has ended, unless it was told before the cursor this began from. */
  end(status: FleetStatus, tally: Tally, left: ParentEnd): void {
    if (!this.#hasEnded) return;
    this.#emit({ type: 'fleet_ended', ...fleetObject(status, tally.usage, this.#fleet.simulated, left) }, true);
  }

  #emit(fields: object & { type: Told['type'] }, hasCursor = false): void {
    const { position } = this.#watch;
    const head = { seq: ++position.seq, time: new Date().toISOString() };
    const line = { ...head, ...fields, ...(hasCursor && { cursor: this.#watch.cursor }) };
    this.#write(`${JSON.stringify(line)}\n`);
  }
}

/** What a line says beyond the library's event. */
function detail(told: Told, change: FleetChange): object {
  if (told.type === 'subagent_started' && change.kind === 'started')
    return { started_at: new Date(change.startedAtMs).toISOString() };
  if (told.type === 'subagent_started' && change.kind === 'ended')
    return { started_at: new Date(change.result.ended_at_ms - change.result.duration_ms).toISOString() };
  if (told.type !== 'state_changed' || change.kind !== 'status') return {};
  const { id, census, spentMicroUsd, resetAtMs, wave } = change.status;
  return {
    id,
    ...(resetAtMs !== undefined && { resets_at: new Date(resetAtMs).toISOString() }),
    ...(wave && { wave }),
    census,
    total_cost_usd: spentMicroUsd / MICRO_USD,
  };
}
