import { FAILURES } from '../../workflows/contract/failures.ts';
import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import type { Manifest, Task } from '../../workflows/contract/task.schema.ts';
import type { UnitRef } from '../../workflows/contract/units.ts';
import type { ClaudeAnswer, Message } from '../claude/claude.ts';
import type { Checkpoint } from './checkpoint.ts';
import { Parent } from './children/parent.ts';
import { MOST_ANSWER_CHARS } from './children/told-results.ts';
import type { Clock } from './clock.ts';
import { Conversation } from './conversation.ts';
import { Ended, failed, Parked, timedOut, TimeUp } from './ending.ts';
import { ModelCall } from './model-call.ts';
import { hasFallback } from './model-choice.ts';
import { OutputShape } from './output-shape.ts';
import type { SubagentParts } from './parts.ts';
import { LAST_TURN, REPORT_NOW, saysUnfinished, textOf, told } from './prompt.ts';
import type { Purse } from './purse.ts';
import { ToolTurn, type ToolUse } from './tool-turn.ts';
import { Verification } from './verification.ts';
import type { WorkPlace } from './work-place.ts';

export interface LoopOf {
  unit: UnitRef;
  manifest: Manifest;
  task: Task;
  place: WorkPlace;
  checkpoint: Checkpoint;
  purse: Purse;
  clock: Clock;
}

/**
 * The agent loop: Claude ⇄ tools ⇄ workspace, one durable write a turn. Goes on wherever the checkpoint stands, also
 * between an answer and its tools. Never returns: throws `Ended`, `Parked` or `RetryLater`.
 */
export class AgentLoop {
  private readonly of: LoopOf;
  private readonly log: SubagentParts['log'];
  private readonly conversation: Conversation;
  private readonly call: ModelCall;
  private readonly shape: OutputShape;
  private readonly toolTurn: ToolTurn;
  private readonly verification: Verification;
  private readonly parent: Parent;
  /** The API has said that the conversation is too long. */
  private isTooLong = false;

  constructor(parts: SubagentParts, of: LoopOf) {
    const { task, checkpoint, purse, place } = of;
    this.of = of;
    this.log = parts.log;
    this.conversation = new Conversation(parts, { task, checkpoint, purse, tools: place.definitions });
    this.call = new ModelCall({ ...of, fleetId: of.unit.fleetId, claude: parts.claude, log: parts.log });
    this.shape = new OutputShape(parts.structuredOutput, task, checkpoint);
    this.toolTurn = new ToolTurn(parts.tools, this.shape, { ...of, grant: task.permissions });
    this.verification = new Verification(parts, of);
    this.parent = new Parent(parts, {
      ...of,
      caps: () => purse.caps(this.conversation.next(), checkpoint),
      answerChars: (granted) => purse.answerChars(this.conversation.next(), checkpoint, granted, MOST_ANSWER_CHARS),
    });
  }

  async run(): Promise<never> {
    if (this.of.checkpoint.record.isReporting) this.of.clock.useReserve();
    try {
      for (;;) await this.step().catch((error: unknown) => this.goOnAfter(error));
    } finally {
      this.call.end();
    }
  }

  /** One turn, or what is left of one, or a verification. */
  private async step(): Promise<void> {
    const { checkpoint, clock, task } = this.of;
    const unanswered = this.unansweredTools();
    if (unanswered.length > 0) await this.takeTurn(unanswered);
    const output = this.shape.accepted();
    if (output) return this.finish(output);
    if (checkpoint.record.isVerifying && !this.shape.isAsked) return this.finish();
    if (clock.isOver) throw new TimeUp();
    if (clock.isWantedBack) throw new Parked({ for: 'drain' });
    if (this.shape.isExhausted) return this.finish(await this.shape.repair(this.call, this.conversation));
    if (checkpoint.record.turns >= (task.maxTurns ?? Infinity)) throw maxTurns(task);
    await this.makeRoom();
    this.announceLastTurn();
    await this.act(await this.answer());
  }

  /** What refuses the whole conversation is no part of it; everything else is. */
  private async answer(): Promise<ClaudeAnswer> {
    const { checkpoint, purse } = this.of;
    const call = this.conversation.next();
    const answer = await this.call.answer(call);
    if (answer.stopReason === 'refusal') throw failed(FAILURES.claudeRefused, 'the model refused the task');
    if (answer.stopReason === 'model_context_window_exceeded')
      throw failed(FAILURES.claudeContextTooLong, 'the conversation no longer fits the model');
    checkpoint.append({ role: 'assistant', content: answer.content as Message['content'] });
    checkpoint.note({ turns: checkpoint.record.turns + 1 });
    const counted: [number, number] = [promptTokens(answer), call.messages.length + 1];
    purse.learn(...counted);
    checkpoint.note({ counted });
    return answer;
  }

  private async act({ stopReason, content }: ClaudeAnswer): Promise<void> {
    const { checkpoint, task } = this.of;
    if (checkpoint.record.isReporting) throw timedOut(task.timeoutMs);
    if (stopReason === 'tool_use') return this.takeTurn(content.filter((block) => block.type === 'tool_use'));
    if (stopReason === 'pause_turn') return this.close([]); // sent again unchanged
    if (this.isLastTurnOver && saysUnfinished(textOf(content))) throw maxTurns(task);
    if (this.shape.isAsked) return this.close([this.shape.remind()]);
    return this.finish();
  }

  /** It has ended its turn: `completed` unless a check says otherwise. */
  private async finish(output?: { value: unknown }): Promise<void> {
    const structured = output && { structuredOutput: output.value };
    let fault: string | undefined;
    try {
      fault = this.verification.isAsked ? await this.verification.run() : undefined;
    } catch (error) {
      throw error instanceof Ended ? new Ended({ ...error.ending, ...structured }) : error;
    }
    if (fault === undefined) throw new Ended({ status: 'completed', ...structured });
    await this.close([told(fault)]);
  }

  /** What can be mended by going on another way. Throws everything else. */
  private goOnAfter(error: unknown): void {
    const { checkpoint, clock, task } = this.of;
    const isEnd = error instanceof Ended || error instanceof TimeUp;
    if (isEnd && checkpoint.record.isReporting) throw timedOut(task.timeoutMs);
    if (error instanceof TimeUp) {
      if (checkpoint.record.turns === 0) throw timedOut(task.timeoutMs); // nothing to report
      checkpoint.append(told(REPORT_NOW));
      checkpoint.note({ isReporting: true });
      return clock.useReserve();
    }
    const type = error instanceof Ended ? error.ending.error?.type : undefined;
    if (type === FAILURES.claudeContextTooLong && !this.isTooLong && !this.isFresh) {
      this.isTooLong = true;
    } else if (
      (type === FAILURES.claudeRefused || type === FAILURES.claudeUnavailable) &&
      hasFallback(task, checkpoint.record)
    ) {
      this.log.info({ type, model: task.fallbackModel }, 'subagent goes on with its fallback model');
      this.conversation.switchTo(task.fallbackModel!);
    } else throw error;
  }

  /** There is no earlier turn a summary could stand for. */
  private get isFresh(): boolean {
    const { compactedAt, turns } = this.of.checkpoint.record;
    return turns === 0 || compactedAt === turns;
  }

  /** Summarises a long conversation. One that still fits goes on as it is when that fails. */
  private async makeRoom(): Promise<void> {
    if (!this.isTooLong && !this.conversation.isLong) return;
    try {
      await this.conversation.summarise(this.call);
    } catch (error) {
      if (!(error instanceof Ended) || error.ending.status !== 'failed') throw error;
      if (this.isTooLong) throw failed(FAILURES.claudeContextTooLong, `it could not be made shorter: ${error.message}`);
      this.log.warn({ err: error }, 'conversation could not be summarised');
      this.of.checkpoint.note({ compactedAt: this.of.checkpoint.record.turns });
    }
    this.isTooLong = false;
  }

  private get isLastTurnOver(): boolean {
    return this.of.checkpoint.record.turns === this.of.task.maxTurns;
  }

  private announceLastTurn(): void {
    const { checkpoint, task } = this.of;
    if (checkpoint.record.turns + 1 !== task.maxTurns || checkpoint.record.isReporting) return;
    const newest = checkpoint.messages.at(-1)!;
    if (newest.role !== 'user' || textOf(newest.content) !== LAST_TURN) checkpoint.append(told(LAST_TURN));
  }

  /** Tool calls of the newest answer that have no results yet: a worker died or was drained between the two. */
  private unansweredTools(): ToolUse[] {
    const newest = this.of.checkpoint.messages.at(-1);
    if (newest?.role !== 'assistant' || typeof newest.content === 'string') return [];
    return newest.content.filter((block) => block.type === 'tool_use');
  }

  /** Runs the tools of an answer and closes the turn with their results in one message. */
  private async takeTurn(uses: readonly ToolUse[]): Promise<void> {
    const { checkpoint, clock, place } = this.of;
    if (this.parent.isWaiting) {
      const { results, changes } = await this.parent.answers();
      return this.close([{ role: 'user', content: results }], changes);
    }
    const turn = this.parent.turn();
    const { results, denials, hasWritten, isWaiting } = await this.toolTurn.run(uses, turn);
    checkpoint.deny(...denials);
    const patch = hasWritten ? { patch: await place.save() } : {};
    if (isWaiting) return this.parent.ask(turn, uses, results, { ...patch, activeMs: clock.elapsedMs });
    await this.close([{ role: 'user', content: results }], { ...patch, ...this.parent.accountedFor(turn.given) });
  }

  /** The one durable write of a turn. It also notes the worst case of the call that follows. */
  private async close(messages: Message[], changes: Partial<SubagentRecord> = {}): Promise<void> {
    const { checkpoint, clock } = this.of;
    checkpoint.append(...messages);
    checkpoint.note(changes);
    const mayCall = !clock.isWantedBack && !clock.isOver && this.shape.accepted() === undefined;
    await checkpoint.save({
      activeMs: clock.elapsedMs,
      pendingMicroUsd: mayCall ? await this.call.reserve(this.conversation.next()) : 0,
    });
  }
}

/** Everything the answer counted: its prompt, and itself, which stands in the next prompt. */
function promptTokens({ usage }: ClaudeAnswer): number {
  return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens + usage.output_tokens;
}

const maxTurns = ({ maxTurns: turns = 0 }: Task): Ended =>
  failed(FAILURES.maxTurns, `not done within ${turns.toString()} turns`);
