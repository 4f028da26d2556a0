import {
  ApplicationFailure,
  activityInfo,
  cancellationDetails,
  cancellationSignal,
  heartbeat,
} from '@temporalio/activity';
import type { SubagentActivities } from '../../workflows/contract/activities.ts';
import { HEARTBEAT_TICK_MS } from '../../workflows/contract/limits.ts';
import type { UnitOutcome, UnitRef } from '../../workflows/contract/units.ts';
import type { AttemptOutcome } from '../observe/metrics.ts';
import { RetryLater, Superseded } from './ending.ts';
import type { SubagentParts } from './parts.ts';
import { runSubagent } from './run-subagent.ts';

/**
 * `runSubagent` as Temporal sees it. `draining` aborts when the worker is to end: subagents are handed over, as parked,
 * within seconds.
 */
export function createSubagentActivities(parts: SubagentParts, draining: AbortSignal): SubagentActivities {
  return { runSubagent: (unit) => attempt(parts, unit, draining) };
}

async function attempt(parts: SubagentParts, unit: UnitRef, draining: AbortSignal): Promise<UnitOutcome> {
  const signal = cancellationSignal();
  let pointer = { turns: 0 };
  // Every tick resends the pointer: a heartbeat without details would erase it (reference/temporal.md D4).
  // The first comes after one tick: the timeout runs from the start, and a short subagent costs the server no beat.
  const ticker = setInterval(() => heartbeat(pointer), HEARTBEAT_TICK_MS);
  try {
    const outcome = await runSubagent(parts, {
      unit,
      attempt: activityInfo().attempt,
      back: AbortSignal.any([signal, draining]),
      onCheckpoint: (moved) => (pointer = moved),
    });
    // An operator's pause or reset wants a failure; everything else that asks it back takes `parked`.
    const details = cancellationDetails();
    if (outcome.kind === 'parked' && (details?.paused || details?.reset)) throw signal.reason;
    parts.metrics.attempt(outcome.kind);
    if (outcome.kind === 'parked') parts.metrics.parked(outcome.reason.for);
    return outcome;
  } catch (error) {
    parts.metrics.attempt(outcomeOf(error, signal));
    const { fleetId, index } = unit;
    if (error instanceof Superseded)
      parts.log.warn({ fleetId, index }, 'overtaken by a newer attempt; nothing was written');
    else if (signal.aborted && error !== signal.reason)
      parts.log.warn({ fleetId, index, err: error }, 'subagent broke off without a word when it was wanted back');
    if (signal.aborted) throw signal.reason; // a plain error here would hang a paused activity (D3)
    throw failureOf(error);
  } finally {
    clearInterval(ticker);
  }
}

function outcomeOf(error: unknown, signal: AbortSignal): AttemptOutcome {
  if (error instanceof Superseded) return 'overtaken';
  if (signal.aborted) return 'parked'; // an operator's pause or reset
  return error instanceof RetryLater ? 'busy' : 'broken';
}

/** What Temporal is to mend: a wait of the provider's choosing, or a fault that may be gone in a second. */
function failureOf(error: unknown): ApplicationFailure {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const isWaiting = error instanceof Error && 'afterMs' in error && typeof error.afterMs === 'number';
  return ApplicationFailure.create({
    type: isWaiting ? 'Claude.Busy' : `Subagent.${name}`,
    message,
    ...(isWaiting && { nextRetryDelay: error.afterMs as number, category: 'BENIGN' }),
    ...(error instanceof Error && { cause: error }),
  });
}
