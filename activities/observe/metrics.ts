import type { Result, Usage } from '../../workflows/contract/task.schema.ts';
import type { ParkReason } from '../../workflows/contract/units.ts';

/** How one attempt at a subagent came back. `busy`: it asked for a wait; `broken`: it threw, and is tried again. */
export type AttemptOutcome = 'ended' | 'parked' | 'busy' | 'overtaken' | 'broken';
/** Why a call brought no answer; the first three are refusals of the provider. */
export type CallFailure = 'rate_limit' | 'overload' | 'usage_limit' | 'authentication' | 'broken' | 'fatal';
export type ToolOutcome = 'ok' | 'error' | 'denied' | 'broken_off';
export type StoreOutcome = 'ok' | 'conflict' | 'full' | 'missing' | 'error';

/**
 * What the rooms of a worker tell of their work; they know no more of metrics than this. Every method is cheap (about a
 * microsecond) and never throws. Nothing told here becomes a label unless it is one of few: no id, label or repository.
 */
export interface Metrics {
  /** A subagent has ended here, for good. */
  subagentEnded(result: Pick<Result, 'status' | 'duration_ms'>): void;
  attempt(outcome: AttemptOutcome): void;
  parked(reason: ParkReason['for']): void;
  reuse(result: 'hit' | 'miss'): void;
  verifyFailed(): void;
  cloned(durationMs: number): void;
  /** A call waits for leave to be made, or has it (`-1`). */
  callsWaiting(change: 1 | -1): void;
  callsUnderWay(change: 1 | -1): void;
  callAdmitted(waitedMs: number): void;
  /** `isTurn`: not one that only summarises. */
  callAnswered(call: { model: string; isTurn: boolean; usage: Usage; costMicroUsd: number; durationMs: number }): void;
  callFailed(call: { model: string; host: string; why: CallFailure }): void;
  tool(call: { name: string; outcome: ToolOutcome; durationMs: number }): void;
  /** One that a shell or a check ran in a sandbox; `endedBy` as the sandbox says, undefined: by itself. */
  sandboxCommand(command: { endedBy: string | undefined; durationMs: number }): void;
  sandboxes(change: 1 | -1): void;
  store(call: { operation: string; outcome: StoreOutcome; durationMs: number }): void;
}

const nothing = (): void => undefined;

/** For whoever is asked for no metrics. */
export const NO_METRICS: Metrics = {
  subagentEnded: nothing,
  attempt: nothing,
  parked: nothing,
  reuse: nothing,
  verifyFailed: nothing,
  cloned: nothing,
  callsWaiting: nothing,
  callsUnderWay: nothing,
  callAdmitted: nothing,
  callAnswered: nothing,
  callFailed: nothing,
  tool: nothing,
  sandboxCommand: nothing,
  sandboxes: nothing,
  store: nothing,
};
