import type { ScriptExchange } from '../../workflows/contract/spawn.schema.ts';
import type { ScriptPlan } from '../../workflows/contract/task.schema.ts';
import type { ScriptEnd, ScriptOutcome, ScriptRef } from '../../workflows/contract/units.ts';
import { redactDeep } from '../observe/redaction.ts';
import { scriptParent } from './agent-task.ts';
import { lostAtPlay, ScriptEnded } from './faults.ts';
import { InterpreterLost } from './interpreter-process.ts';
import { Journal, outcomeOf, SCRIPT_ENGINE } from './journal.ts';
import { playAgain, startSession } from './open-session.ts';
import type { ScriptRoom } from './parts.ts';
import type { Played, ScriptSession } from './session.ts';
import { FirstStage, journalCall, savedScripts } from './stages.ts';
import { tell } from './told.ts';

type Words = Pick<ScriptExchange, 'ended' | 'decided' | 'spentMicroUsd' | 'budgetMicroUsd' | 'outputMicroUsd'>;

/**
 * One exchange with a fleet's script. What stands in the journal is the outcome, whoever wrote it; else the script goes
 * on, in a live interpreter or in one that has played the journal, and what it did is written down before it is told.
 * Throws only what a retry may mend. `signal` breaks it off.
 */
export async function runScript(room: ScriptRoom, ref: ScriptRef, signal: AbortSignal): Promise<ScriptOutcome> {
  const journal = new Journal(room.parts.store, ref);
  const written = await journal.read(ref.exchange);
  return outcomeOf(written ?? (await new Attempt(room, ref, journal).run(signal)));
}

/** One attempt at one exchange that is not in the journal. */
class Attempt {
  private readonly room: ScriptRoom;
  private readonly ref: ScriptRef;
  private readonly journal: Journal;
  private readonly key: string;

  constructor(room: ScriptRoom, ref: ScriptRef, journal: Journal) {
    this.room = room;
    this.ref = ref;
    this.journal = journal;
    this.key = `${ref.fleetId}/${ref.generation.toString()}`;
  }

  /** The record that stands in the end. */
  async run(signal: AbortSignal): Promise<ScriptExchange> {
    const { interpreters, deaths } = this.room;
    const plan = await this.plan();
    const words = this.words(plan);
    let session: ScriptSession | undefined;
    const breakOff = (): void => void session?.close();
    signal.addEventListener('abort', breakOff, { once: true });
    try {
      session = await this.session(plan);
      signal.throwIfAborted();
      const record = await this.play(plan, words, session);
      const stands = await this.journal.write(this.ref.exchange, record);
      deaths.forget(this.key);
      // Of two attempts one is written down: what the other's interpreter has heard may differ.
      const goesOn = stands === record && record.outcome === undefined;
      await (goesOn ? interpreters.keep(this.key, session) : interpreters.drop(this.key, session));
      return stands;
    } catch (error) {
      if (session) await interpreters.drop(this.key, session);
      signal.throwIfAborted();
      if (!(error instanceof ScriptEnded)) throw error;
      return await this.journal.write(this.ref.exchange, { ...this.record(words), outcome: { error: error.error } });
    } finally {
      signal.removeEventListener('abort', breakOff);
    }
  }

  private async plan(): Promise<ScriptPlan & { maxDepth?: number | undefined }> {
    const { script, maxDepth } = await this.room.parts.records.manifest(this.ref.manifest);
    if (!script) throw new Error(`the manifest of ${this.ref.fleetId} holds no script`);
    return { ...script, maxDepth };
  }

  /** What the script is told besides results. */
  private words({ defaults }: ScriptPlan): Words {
    const { ended, decided, spentMicroUsd, budgetMicroUsd } = this.ref;
    const outputMicroUsd = this.room.parts.outputMicroUsd(defaults.model);
    return { ended, decided, spentMicroUsd, budgetMicroUsd, ...(outputMicroUsd !== undefined && { outputMicroUsd }) };
  }

  private async session(plan: ScriptPlan): Promise<ScriptSession> {
    const { parts, interpreters } = this.room;
    const { ref, journal, key } = this;
    const kept = await interpreters.take(key, ref.exchange);
    const session = kept ?? (await startSession(parts, ref, plan, journal));
    await interpreters.use(key, session);
    try {
      if (!kept) await playAgain(parts, ref, plan, { journal, session });
      return session;
    } catch (error) {
      await interpreters.drop(key, session);
      throw error;
    }
  }

  private async play(
    plan: ScriptPlan & { maxDepth?: number | undefined },
    words: Words,
    session: ScriptSession,
  ): Promise<ScriptExchange> {
    const { ref, journal } = this;
    const { parts, deaths } = this.room;
    const { told, generations } = await tell(parts, ref, ref.exchange, { ...words, isFirst: true }, session.hasAsked);
    const of = { parent: scriptParent(plan), isModelForced: plan.isModelForced === true };
    const stage = new FirstStage(parts.spawning, of, savedScripts(plan, journal));
    const played = await session.play(told, stage).catch((error: unknown) => {
      if (!(error instanceof InterpreterLost)) throw error;
      throw lostAtPlay(error, parts.limits, () => deaths.add(this.key));
    });
    const tasks = played.end ? [] : stage.tasksOf(played);
    return {
      ...this.record(words),
      ...(generations.length > 0 && { generations }),
      calls: await journal.saveCalls(played.calls.map(journalCall)),
      request: tasks.length === 0 ? null : await parts.spawning.ask(tasks, []),
      asks: played.ask ? [played.ask] : [],
      progress: played.progress.map(({ kind, text }) => ({ kind, text: parts.redact(text) })),
      ...(played.end && { outcome: await this.outcome(played.end) }),
    };
  }

  private async outcome(end: NonNullable<Played['end']>): Promise<ScriptEnd> {
    const { redact, store } = this.room.parts;
    if ('error' in end) return { error: { ...end.error, message: redact(end.error.message) } };
    if (end.value === undefined) return { value: null };
    const value = redactDeep(JSON.parse(end.value), redact);
    return { value: await store.put(Buffer.from(JSON.stringify(value))) };
  }

  private record(words: Words): ScriptExchange {
    return { v: 1, engine: SCRIPT_ENGINE, ...words, calls: null, request: null, asks: [], progress: [] };
  }
}
