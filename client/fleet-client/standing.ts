import { UNIT_LETTERS as L, emptyCensus, statusOfLetter, type Census } from '../../workflows/contract/statuses.ts';
import type { FleetProgress, FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { FleetSummary, Parents } from '../../workflows/contract/units.ts';

/** Where a fleet and each of its subagents stand. */
export interface Standing {
  status: FleetStatus;
  progress: FleetProgress;
  /** Who spawned whom, where the store tells it in one piece: of an ended fleet. */
  spawned?: Parents['spawned'];
}

/** One pass over the letters of a fleet. */
export function censusOf(units: string): Census {
  const census = emptyCensus();
  for (const letter of units) {
    const status = statusOfLetter(letter);
    if (status) census[status]++;
  }
  return census;
}

/** How an ended fleet stood, from what the store keeps of it; needs neither server nor worker. */
export function closedStanding(fleet: FleetRecord, summary: FleetSummary): Standing {
  const { units, generations, spentMicroUsd, endedAtMs, generation, state, parents } = summary;
  const status: FleetStatus = {
    v: 1,
    id: fleet.id,
    name: fleet.name,
    state,
    count: units.length,
    census: censusOf(units),
    ...{ waiting: 0, queued: 0, running: 0, parked: 0 },
    generation,
    concurrency: fleet.limits.concurrency,
    budgetMicroUsd: fleet.limits.budgetMicroUsd,
    spentMicroUsd,
    startedAtMs: Math.min(fleet.startedAtMs, endedAtMs),
    endedAtMs,
    ...(summary.outcome && { outcome: summary.outcome }),
    ...(parents?.script && { exchanges: parents.script.exchange, scriptGeneration: parents.script.generation }),
    ...(parents?.wave !== undefined && fleet.rollout && { wave: { open: parents.wave, of: fleet.rollout.waves } }),
  };
  return { status, progress: { units, generations }, ...(parents && { spawned: parents.spawned }) };
}

/**
 * A root that somebody ended from outside, as it last knew itself: those under way count as stopped, the others were
 * never started.
 */
export function brokenStanding({ status, progress }: Standing, state: 'failed' | 'cancelled', atMs: number): Standing {
  const units = [...progress.units].map(endOfBroken).join('');
  const none = { waiting: 0, queued: 0, running: 0, parked: 0 };
  const ended: FleetStatus = { ...status, ...none, state, census: censusOf(units), endedAtMs: atMs };
  delete ended.reason;
  delete ended.resetAtMs;
  delete ended.approvals;
  return { status: ended, progress: { ...progress, units } };
}

function endOfBroken(letter: string): string {
  if (statusOfLetter(letter)) return letter;
  return letter === L.waiting || letter === L.queued ? L.not_attempted : L.stopped;
}

export const hasEnded = ({ state }: Pick<FleetStatus, 'state'>): boolean => state !== 'running' && state !== 'paused';

/** Whether it stays paused until somebody does something. Whoever paused it by hand knows; limits with an end pass. */
export function needsPerson({
  state,
  reason,
  resetAtMs,
}: Pick<FleetStatus, 'state' | 'reason' | 'resetAtMs'>): boolean {
  if (state !== 'paused') return false;
  if (reason === 'usage_limit') return resetAtMs === undefined;
  return reason === 'authentication' || reason === 'budget_reached' || reason === 'approval';
}

/** A paused fleet has this long to give back what is in flight before it is said to stand still. */
const SETTLE_MS = 5_000;

/** Tells when a fleet stands still until a person acts, and nothing of it is under way any more. */
export class Standstill {
  #sinceMs: number | undefined;

  /** Of each status in turn. */
  isReached(status: FleetStatus): boolean {
    this.#sinceMs = needsPerson(status) ? (this.#sinceMs ?? Date.now()) : undefined;
    return this.#sinceMs !== undefined && (status.running === 0 || Date.now() - this.#sinceMs > SETTLE_MS);
  }
}
