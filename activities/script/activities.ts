import { ApplicationFailure, cancellationSignal, heartbeat } from '@temporalio/activity';
import type { ScriptActivities } from '../../workflows/contract/activities.ts';
import type { ScriptOutcome, ScriptRef } from '../../workflows/contract/units.ts';
import { Deaths } from './faults.ts';
import { Interpreters } from './interpreters.ts';
import { DEFAULT_SCRIPT_LIMITS, type ScriptLimits } from './limits.ts';
import type { ScriptParts, ScriptRoom } from './parts.ts';
import { runScript } from './run-script.ts';

const HEARTBEAT_MS = 2_000;

export type ScriptActivityParts = Omit<ScriptParts, 'limits'> & { limits?: Partial<ScriptLimits> };

/** `runScript` as Temporal sees it. `close` ends the interpreters this worker has; exchanges under way are retried elsewhere. */
export function createScriptActivities(parts: ScriptActivityParts): ScriptActivities & { close(): Promise<void> } {
  const limits = { ...DEFAULT_SCRIPT_LIMITS, ...parts.limits };
  const interpreters = new Interpreters(limits);
  const room: ScriptRoom = { parts: { ...parts, limits }, interpreters, deaths: new Deaths() };
  return {
    runScript: (ref) => attempt(room, ref),
    close: () => interpreters.close(),
  };
}

async function attempt(room: ScriptRoom, ref: ScriptRef): Promise<ScriptOutcome> {
  const signal = cancellationSignal();
  const ticker = setInterval(() => heartbeat({ exchange: ref.exchange }), HEARTBEAT_MS);
  try {
    return await runScript(room, ref, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    room.parts.log.warn({ err: error, fleetId: ref.fleetId, exchange: ref.exchange }, 'an exchange is tried again');
    throw ApplicationFailure.create({
      type: `Script.${name}`,
      message,
      ...(error instanceof Error && { cause: error }),
    });
  } finally {
    clearInterval(ticker);
  }
}
