import { FAILURES } from '../../workflows/contract/failures.ts';
import type { ParkReason } from '../../workflows/contract/units.ts';
import type { SubagentStatus } from '../../workflows/contract/statuses.ts';

/** How a subagent ended its life; the record turns it into a `Result`. */
export interface Ending {
  status: SubagentStatus;
  error?: { type: string; message: string };
  structuredOutput?: unknown;
  rawOutput?: string;
  schemaErrors?: string[];
  /** What a fresh start is told about this try; undefined: another one would not end otherwise. */
  lesson?: string;
}

/** The loop ends for good. Thrown by its parts, caught once in `run-subagent.ts`. */
export class Ended extends Error {
  override name = 'Ended';
  readonly ending: Ending;
  constructor(ending: Ending) {
    super(ending.error?.message ?? ending.status);
    this.ending = ending;
  }
}

/** The subagent gives its permit back and goes on later. */
export class Parked extends Error {
  override name = 'Parked';
  readonly reason: ParkReason;
  constructor(reason: ParkReason) {
    super(`parked for ${reason.for}`);
    this.reason = reason;
  }
}

/** Its time for work is up; what was in flight has been broken off and written down. */
export class TimeUp extends Error {
  override name = 'TimeUp';
}

/** A wait of more than seconds and less than two minutes: the slot is freed, Temporal starts the next attempt. */
export class RetryLater extends Error {
  override name = 'RetryLater';
  readonly afterMs: number;
  constructor(message: string, afterMs: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

/** Another attempt holds the fence: this one may write nothing, and nobody waits for its answer. */
export class Superseded extends Error {
  override name = 'Superseded';
}

export function failed(type: string, message: string): Ended {
  return new Ended({ status: 'failed', error: { type, message } });
}

export function timedOut(timeoutMs: number): Ended {
  const message = `not done within its timeout of ${Math.round(timeoutMs / 1000).toString()} s`;
  return new Ended({ status: 'timed_out', error: { type: FAILURES.timedOut, message } });
}
