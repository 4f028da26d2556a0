import type { Manifest, Task } from '../../workflows/contract/task.schema.ts';
import { FAILURES } from '../../workflows/contract/failures.ts';
import type { UnitOutcome, UnitRef } from '../../workflows/contract/units.ts';
import { hasTool } from '../../workflows/policy/shell-scope.ts';
import type { Message } from '../claude/claude.ts';
import { currentSpan, withFields } from '../observe/within.ts';
import { Checkpoint } from './checkpoint.ts';
import { Clock } from './clock.ts';
import { Ended, Parked, RetryLater, Superseded, type Ending } from './ending.ts';
import { DISK_FULL, endingOf, isFull, isOutOfReach } from './faults.ts';
import { AgentLoop } from './loop.ts';
import { escalated } from './model-choice.ts';
import type { SubagentParts } from './parts.ts';
import { projectMemory } from './project-memory.ts';
import { firstMessage, type PriorResult } from './prompt.ts';
import { Purse } from './purse.ts';
import { buildResult } from './result.ts';
import { findReusable, offerForReuse, reuseKey, seesOutside } from './reuse.ts';
import { WorkPlace } from './work-place.ts';

/** Crashes of our own code in one dispatch before the subagent ends as `Subagent.Internal`. */
const ATTEMPTS_BEFORE_GIVING_UP = 5;

const DRAINED = new Parked({ for: 'drain' });

/** One attempt of one dispatch. */
export interface Attempt {
  unit: UnitRef;
  attempt: number;
  /** Aborted when the subagent is wanted back: cancel, pause, a lower concurrency, a drain. */
  back: AbortSignal;
  /** Told each time the checkpoint moved: what a heartbeat points at. */
  onCheckpoint: (pointer: { turns: number }) => void;
}

/**
 * Runs one subagent as far as it comes: to its end, which is committed once, or to a reason to park. Safe to call twice
 * and on any worker: it takes the record over, goes on from the newest checkpoint, and finds a committed result again.
 * Throws `RetryLater`, `Superseded`, and what is not its business (a broken store, a bug).
 */
export async function runSubagent(parts: SubagentParts, attempt: Attempt): Promise<UnitOutcome> {
  const { unit } = attempt;
  // Handed to a worker that is about to end, and back before anything of this dispatch has happened.
  if (attempt.back.aborted && attempt.attempt === 1)
    return { kind: 'parked', reason: DRAINED.reason, spentMicroUsd: 0 };
  const manifest = await parts.records.manifest(unit.manifest);
  const task = await parts.records.task(unit.manifest, unit.index);
  const { fleetId, index } = unit;
  const label = parts.redact(task.label);
  currentSpan()?.set({
    'workflow.run_id': fleetId,
    'workflow.name': parts.redact(manifest.name),
    agent_id: agentId(unit),
    ...(task.parent && { parent_agent_id: agentId({ fleetId, index: task.parent.index }) }),
    'gen_ai.agent.name': label,
    'muster.attempt': attempt.attempt,
  });
  return withFields({ fleetId, index, label }, () => goOn(parts, attempt, manifest, task));
}

const agentId = ({ fleetId, index }: Pick<UnitRef, 'fleetId' | 'index'>): string => `${fleetId}/${index.toString()}`;

async function goOn(parts: SubagentParts, attempt: Attempt, manifest: Manifest, task: Task): Promise<UnitOutcome> {
  const { unit } = attempt;
  let checkpoint: Checkpoint;
  try {
    checkpoint = await Checkpoint.open(parts, unit, { epoch: unit.epoch, attempt: attempt.attempt });
  } catch (error) {
    if (isFull(error)) return { kind: 'parked', reason: DISK_FULL, spentMicroUsd: await spentBefore(parts, unit) };
    throw error;
  }
  return new Run(parts, attempt, manifest, task, checkpoint).toItsEnd();
}

/** What earlier attempts of this dispatch have written down: the root hears of it now or never. */
async function spentBefore(
  { records }: SubagentParts,
  { fleetId, index, generation, epoch }: UnitRef,
): Promise<number> {
  const found = await records.subagent(fleetId, index, generation);
  return found?.record.fence.epoch === epoch ? found.record.epochSpentMicroUsd : 0;
}

class Run {
  private readonly parts: SubagentParts;
  private readonly attempt: Attempt;
  private readonly manifest: Manifest;
  private readonly task: Task;
  private readonly checkpoint: Checkpoint;
  private place: WorkPlace | undefined;
  private priorResults: Promise<PriorResult[]> | undefined;
  private reuse: { key: string; offer: boolean } | undefined;

  constructor(parts: SubagentParts, attempt: Attempt, manifest: Manifest, task: Task, checkpoint: Checkpoint) {
    this.parts = parts;
    this.attempt = attempt;
    this.manifest = manifest;
    this.task = task;
    this.checkpoint = checkpoint;
    checkpoint.onSaved = ({ turns }) => attempt.onCheckpoint({ turns });
  }

  async toItsEnd(): Promise<UnitOutcome> {
    const { result, fence } = this.checkpoint.record;
    if (result) return this.outcome(result.status, fence.epoch === this.attempt.unit.epoch);
    try {
      return await this.toAnEnd();
    } catch (error) {
      if (isFull(error)) return this.parkedFull();
      throw error;
    } finally {
      await this.place?.close();
    }
  }

  private async toAnEnd(): Promise<UnitOutcome> {
    try {
      if (this.checkpoint.damage) throw this.checkpoint.damage;
      return (await this.reused()) ?? (await this.work());
    } catch (error) {
      if (error instanceof Ended) return await this.commit(error.ending);
      if (error instanceof Parked) return await this.park(error);
      if (isFull(error) || error instanceof Superseded) throw error;
      // Wanted back before its work had begun: whatever was broken off for that is no fault.
      if (this.attempt.back.aborted && !this.place) return await this.park(DRAINED);
      const broken = endingOf(error) ?? this.givingUp(error);
      if (!broken) throw error;
      await this.checkpoint.bookLostCall();
      return await this.commit(broken);
    }
  }

  /** One try after another, until one ends in a way that no other would better. */
  private async work(): Promise<never> {
    const { parts, task, manifest, checkpoint, attempt } = this;
    const { unit } = attempt;
    using clock = new Clock(attempt.back, task.timeoutMs, checkpoint.record.activeMs);
    const purse = new Purse(parts.prices, task, unit.sliceMicroUsd);
    purse.learn(...(checkpoint.record.counted ?? [0, 0]));
    for (;;) {
      const place = await this.open(attempt.back);
      if (checkpoint.messages.length === 0) checkpoint.append(await this.firstMessage(place));
      try {
        await new AgentLoop(parts, { unit, manifest, task, place, checkpoint, purse, clock }).run();
      } catch (error) {
        if (!(error instanceof Ended) || !this.mayTryAgain(error.ending, clock)) throw error;
        await this.startAfresh(error.ending.lesson!);
        purse.forget();
      }
    }
  }

  private mayTryAgain({ lesson }: Ending, clock: Clock): boolean {
    const { task, checkpoint } = this;
    const { restarts = 0, turns } = checkpoint.record;
    if (lesson === undefined || restarts + 1 >= (task.retry?.maxAttempts ?? 1)) return false;
    clock.keepReserve();
    return turns < (task.maxTurns ?? Infinity) && !clock.isOver;
  }

  /** Forgets conversation and files, and keeps what counts: money, time, turns, and why it failed. */
  private async startAfresh(lesson: string): Promise<void> {
    const { checkpoint, task, attempt } = this;
    const { restarts = 0 } = checkpoint.record;
    const model = escalated(task, restarts);
    this.parts.log.info({ restarts: restarts + 1, model }, 'subagent starts afresh');
    await this.place?.close();
    this.place = undefined;
    const message = await this.firstMessage(await this.open(attempt.back, null), lesson);
    await checkpoint.replace([message], checkpoint.messages.length, {
      ...(model !== undefined && { model }),
      restarts: restarts + 1,
      patch: null,
      counted: undefined,
      ...{ schemaFailures: 0, repairs: 0, switchedAt: 0, isVerifying: false, hadShell: false },
      // What the try before spawned is not its own any more.
      ...(checkpoint.record.spawnSeq !== undefined && { spawnFrom: checkpoint.record.spawnSeq, spawnGiven: [] }),
    });
  }

  private async firstMessage(place: WorkPlace, lesson?: string): Promise<Message> {
    const { task, parts } = this;
    const variables = hasTool(task.permissions, 'Bash') ? Object.keys(task.env ?? {}).sort() : [];
    const memory = task.projectMemory ? await projectMemory(parts.files, place.workspace) : undefined;
    const maySpawn = hasTool(task.permissions, 'spawn_subagents');
    return firstMessage(task, { prior: await this.prior(), memory, variables, maySpawn, lesson });
  }

  private async open(signal: AbortSignal, patch = this.checkpoint.record.patch): Promise<WorkPlace> {
    if (this.place) return this.place;
    const { parts, task, checkpoint, manifest } = this;
    const { fleetId, index, epoch } = this.attempt.unit;
    const owner = [fleetId, index, epoch, this.attempt.attempt, checkpoint.record.restarts ?? 0].join('-');
    const { mcpServers: names = [] } = task;
    const declared = manifest.mcpServers ?? {};
    const mcp = names.length > 0 ? await parts.mcp.tools({ fleetId, names, declared, signal }) : undefined;
    return (this.place = await WorkPlace.open(parts, { task, checkpoint, patch, owner, mcp, signal }));
  }

  /** Read once: the reuse key and the first message both need them. */
  private prior(): Promise<PriorResult[]> {
    return (this.priorResults ??= this.readPrior());
  }

  private async readPrior(): Promise<PriorResult[]> {
    const { unit } = this.attempt;
    return Promise.all(
      this.task.dependsOn.map(async (index) => {
        const found = await this.parts.records.newestResult(unit.fleetId, index);
        if (!found) throw new Error(`the prerequisite ${index.toString()} has no result`);
        return { label: found.result.label, result: found.result };
      }),
    );
  }

  /** An equal task of an earlier fleet has completed: its result is taken instead of running again. */
  private async reused(): Promise<UnitOutcome | undefined> {
    const { parts, task, manifest, checkpoint, attempt } = this;
    const isFresh = checkpoint.record.turns === 0 && attempt.unit.generation === 1;
    const { repo, reuseTree } = task.workspace;
    const tree = repo ? (await this.open(attempt.back)).workspace.tree : (reuseTree ?? task.workspace.tree);
    const key = reuseKey(task, manifest, tree, await this.prior());
    this.reuse = { key, offer: true };
    if (!isFresh || manifest.reuse === 'never' || (seesOutside(task) && manifest.reuse !== 'always')) return undefined;
    const found = await findReusable(parts, key, task.occurrence, attempt.unit.fleetId);
    parts.metrics.reuse(found ? 'hit' : 'miss');
    if (!found) return undefined;
    this.reuse.offer = false;
    const { record } = checkpoint;
    const result = {
      ...found.result,
      label: task.label,
      parent: task.parent?.label,
      reused_from: found.from,
      usage: record.usage,
      total_cost_usd: 0,
      rework_cost_usd: 0,
      duration_ms: Date.now() - record.startedAtMs,
      attempts: record.attempts,
      ended_at_ms: Date.now(),
    };
    await checkpoint.end(result);
    parts.metrics.subagentEnded(result);
    return this.outcome('completed', true);
  }

  /** Commits how it ended; from here on the result can be found by everyone, and nobody runs it again. */
  private async commit(ending: Ending): Promise<UnitOutcome> {
    const { parts, task, checkpoint, attempt, place } = this;
    const { patch, isVerifying } = checkpoint.record;
    // What a verification wrote is no change.
    const left = await place?.leavings(isVerifying ? patch : await place.save());
    const result = buildResult(
      {
        task,
        isSimulated: this.manifest.simulated,
        record: checkpoint.record,
        messages: checkpoint.messages,
        ending,
        changes: left?.changes,
        guards: left?.guards ?? [],
        transcript: await checkpoint.storeTranscript(parts.redact),
      },
      parts.redact,
    );
    await checkpoint.end(result);
    parts.metrics.subagentEnded(result);
    const { fleetId, index, generation } = attempt.unit;
    if (ending.status === 'completed' && this.reuse?.offer)
      await offerForReuse(parts.store, this.reuse.key, task.occurrence, { fleetId, index, generation });
    return this.outcome(ending.status, true);
  }

  private async park({ reason }: Parked): Promise<UnitOutcome> {
    // A call that was not made gives its reserve back. A full disk takes no write: then it is booked later, as lost.
    if (this.checkpoint.record.pendingMicroUsd > 0) await this.checkpoint.intend(0);
    return { kind: 'parked', reason, spentMicroUsd: this.checkpoint.epochSpentMicroUsd };
  }

  /** No space: nothing can be written, so a call under way stays noted and is booked by the dispatch that goes on. */
  private parkedFull(): UnitOutcome {
    return { kind: 'parked', reason: DISK_FULL, spentMicroUsd: this.checkpoint.writtenMicroUsd };
  }

  private outcome(status: Ending['status'], isOurs: boolean): UnitOutcome {
    return { kind: 'ended', status, spentMicroUsd: isOurs ? this.checkpoint.epochSpentMicroUsd : 0 };
  }

  /** A fault of ours that comes again and again ends the subagent instead of running for ever. */
  private givingUp(error: unknown): Ending | undefined {
    if (!(error instanceof Error) || error instanceof RetryLater || isOutOfReach(error)) return undefined;
    if (this.attempt.attempt < ATTEMPTS_BEFORE_GIVING_UP || this.attempt.back.aborted) return undefined;
    this.parts.log.error({ err: error }, 'subagent given up after repeated internal errors');
    return { status: 'failed', error: { type: FAILURES.internal, message: error.message } };
  }
}
