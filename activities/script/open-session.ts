import { FAILURES } from '../../workflows/contract/failures.ts';
import type { ScriptPlan } from '../../workflows/contract/task.schema.ts';
import type { ScriptRef } from '../../workflows/contract/units.ts';
import { ScriptEnded } from './faults.ts';
import { InterpreterProcess } from './interpreter-process.ts';
import { type Journal, SCRIPT_ENGINE } from './journal.ts';
import type { ScriptParts } from './parts.ts';
import { ScriptSession } from './session.ts';
import { NotDeterministic, savedScripts, SecondStage } from './stages.ts';
import { tell } from './told.ts';

/** A script that begins. Throws `ScriptEnded` where no script can run here and nothing of it has been done yet. */
export async function startSession(
  parts: ScriptParts,
  ref: ScriptRef,
  plan: ScriptPlan,
  journal: Journal,
): Promise<ScriptSession> {
  const { launch, limits, records, log } = parts;
  const [source, args, fleet] = await Promise.all([
    journal.text(plan.source),
    plan.args === undefined ? undefined : journal.text(plan.args),
    records.fleet(ref.fleetId),
  ]);
  const opening = {
    file: plan.file,
    source,
    ...(args !== undefined && { args }),
    clockMs: fleet?.createdAtMs ?? 0,
    fuelTicks: limits.fuelTicks,
  };
  try {
    return new ScriptSession(await InterpreterProcess.start(launch, limits, opening), plan.source);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'SandboxUnavailable')) throw error;
    log.warn({ fleetId: ref.fleetId, reason: error.message }, 'no sandbox starts here: a script cannot go on');
    if (ref.exchange > 1) throw error;
    const advice = 'let it start, or allow MUSTER_SANDBOX=none for this worker';
    throw new ScriptEnded(
      FAILURES.scriptNoSandbox,
      `no sandbox for scripts starts on the worker: ${error.message}; ${advice}`,
    );
  }
}

/**
 * Brings a new session to where the journal ends before this exchange, in the order things were heard then. Throws
 * `ScriptEnded` where that cannot be done, ever.
 */
export async function playAgain(
  parts: ScriptParts,
  ref: ScriptRef,
  plan: ScriptPlan,
  { journal, session }: { journal: Journal; session: ScriptSession },
): Promise<void> {
  const script = savedScripts(plan, journal);
  for (let exchange = 1; exchange < ref.exchange; exchange++) {
    const record = await journal.read(exchange);
    if (!record) throw new Error(`exchange ${exchange.toString()} of ${ref.fleetId} is not in the journal`);
    if (record.engine !== SCRIPT_ENGINE)
      throw new ScriptEnded(
        FAILURES.scriptVersion,
        `the script was begun with ${record.engine}, and this worker has ${SCRIPT_ENGINE}: run the fleet again, finished agents are reused`,
      );
    const words = { ...record, isFirst: false };
    const { told } = await tell(parts, ref, exchange, words, session.hasAsked);
    const stage = new SecondStage(exchange, await journal.calls(record), script);
    try {
      stage.compare(await session.play(told, stage), record.asks);
    } catch (error) {
      if (!(error instanceof NotDeterministic)) throw error;
      throw new ScriptEnded(FAILURES.scriptNotDeterministic, error.message);
    }
  }
}
