import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Grant, Task } from '../../workflows/contract/task.schema.ts';
import type { ClaudeAnswer, ClaudeCall, ContentBlock, Message } from '../claude/claude.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Clock } from './clock.ts';
import { Ended, Parked } from './ending.ts';
import { ModelCall, timedOut } from './model-call.ts';
import { OutputShape } from './output-shape.ts';
import type { SubagentParts } from './parts.ts';
import { SYSTEM_PROMPT } from './prompt.ts';
import type { Purse } from './purse.ts';

type ToolUse = Pick<Extract<ContentBlock, { type: 'tool_use' }>, 'id' | 'name' | 'input'>;
type ToolResult = Extract<Exclude<Message['content'], string>[number], { type: 'tool_result' }>;

export interface LoopOf {
  task: Task;
  grant: Grant;
  workspace: Workspace;
  checkpoint: Checkpoint;
  purse: Purse;
  clock: Clock;
}

/**
 * The agent loop: Claude ⇄ tools ⇄ workspace, one durable write a turn. Goes on wherever the checkpoint stands, also
 * between an answer and its tools. Never returns: throws `Ended`, `Parked` or `RetryLater`.
 */
export class AgentLoop {
  private readonly parts: SubagentParts;
  private readonly of: LoopOf;
  private readonly call: ModelCall;
  private readonly shape: OutputShape;
  private readonly base: Omit<ClaudeCall, 'maxTokens' | 'messages'>;

  constructor(parts: SubagentParts, of: LoopOf) {
    const { task, checkpoint, purse, clock } = of;
    this.parts = parts;
    this.of = of;
    this.call = new ModelCall(parts, task, checkpoint, purse, clock);
    this.shape = new OutputShape(parts.structuredOutput, task, checkpoint);
    this.base = {
      model: task.model,
      system: SYSTEM_PROMPT,
      tools: parts.tools.definitions,
      ...(task.effort && { effort: task.effort }),
      ...(task.thinking && { thinking: task.thinking }),
    };
  }

  async run(): Promise<never> {
    const { checkpoint, clock, task } = this.of;
    for (;;) {
      const unanswered = this.unansweredTools();
      if (unanswered.length > 0) await this.takeTurn(unanswered);
      if (clock.isOver) throw timedOut(task.timeoutMs);
      if (clock.isWantedBack) throw new Parked({ for: 'drain' });
      if (checkpoint.record.turns >= (task.maxTurns ?? Infinity)) throw maxTurns(task.maxTurns!);
      if (this.shape.isAsked && this.shape.isExhausted) await this.shape.repair(this.call, this.base);
      const answer = await this.call.answer(this.next());
      checkpoint.append({ role: 'assistant', content: answer.content as Message['content'] });
      checkpoint.note({ turns: checkpoint.record.turns + 1 });
      this.of.purse.learn(promptTokens(answer), checkpoint.messages.length);
      await this.act(answer);
    }
  }

  private next(): Omit<ClaudeCall, 'maxTokens'> {
    return { ...this.base, messages: this.of.checkpoint.messages };
  }

  private async act({ stopReason, content }: ClaudeAnswer): Promise<void> {
    switch (stopReason) {
      case 'tool_use':
        return this.takeTurn(content.filter((block) => block.type === 'tool_use'));
      case 'pause_turn':
        return this.close([]); // sent again unchanged
      case 'refusal':
        throw failed(FAILURES.claudeRefused, 'the model refused the task');
      case 'model_context_window_exceeded':
        throw failed(FAILURES.claudeContextTooLong, 'the conversation no longer fits the model');
      default:
        if (!this.shape.isAsked) throw new Ended({ status: 'completed' });
        return this.close([this.shape.remind()]);
    }
  }

  /** Tool calls of the newest answer that have no results yet: a worker died or was drained between the two. */
  private unansweredTools(): ToolUse[] {
    const newest = this.of.checkpoint.messages.at(-1);
    if (newest?.role !== 'assistant' || typeof newest.content === 'string') return [];
    return newest.content.filter((block) => block.type === 'tool_use');
  }

  /** Runs every tool of an answer, in order, and closes the turn with their results in one message. */
  private async takeTurn(uses: readonly ToolUse[]): Promise<void> {
    const results: ToolResult[] = [];
    let hasWritten = false;
    let output: { value: unknown } | undefined;
    for (const use of uses) {
      if (use.name === 'StructuredOutput') {
        const offered = this.shape.check(use.input);
        if (offered.ok) output = { value: offered.value };
        results.push(resultOf(use, offered.ok ? 'Taken.' : offered.message, !offered.ok));
        continue;
      }
      const answer = await this.runTool(use);
      hasWritten ||= answer.hasWritten;
      if (answer.denial) this.of.checkpoint.deny(answer.denial);
      results.push(resultOf(use, answer.content, answer.isError));
    }
    const patch = hasWritten ? { patch: await this.of.workspace.save() } : {};
    await this.close([{ role: 'user', content: results }], patch, output === undefined);
    if (output) throw new Ended({ status: 'completed', structuredOutput: output.value });
  }

  private async runTool(use: ToolUse): Promise<Awaited<ReturnType<SubagentParts['tools']['run']>>> {
    const { workspace, grant, clock, checkpoint } = this.of;
    try {
      return await clock.during(() => this.parts.tools.run(use, { workspace, grant, signal: clock.signal }));
    } catch (error) {
      if (!clock.signal.aborted) throw error;
      // The answer is paid for: it is kept, and its tools run again from the workspace of the turn before.
      await checkpoint.save({ activeMs: clock.elapsedMs });
      throw clock.signal.reason === 'timeout' ? timedOut(this.of.task.timeoutMs) : new Parked({ for: 'drain' });
    }
  }

  /** The one durable write of a turn. It also notes the worst case of the call that follows. */
  private async close(messages: Message[], changes: { patch?: string | null } = {}, goesOn = true): Promise<void> {
    const { checkpoint, clock } = this.of;
    checkpoint.append(...messages);
    const mayCall = goesOn && !clock.isWantedBack && !clock.isOver;
    await checkpoint.save({
      ...changes,
      activeMs: clock.elapsedMs,
      pendingMicroUsd: mayCall ? this.call.worstCaseOf(this.next()) : 0,
    });
  }
}

function resultOf(use: ToolUse, content: string, isError: boolean): ToolResult {
  return { type: 'tool_result', tool_use_id: use.id, content, ...(isError && { is_error: true }) };
}

/** Everything the answer counted: its prompt, and itself, which stands in the next prompt. */
function promptTokens({ usage }: ClaudeAnswer): number {
  return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens + usage.output_tokens;
}

const failed = (type: string, message: string): Ended => new Ended({ status: 'failed', error: { type, message } });

const maxTurns = (turns: number): Ended => failed(FAILURES.maxTurns, `not done within ${turns.toString()} turns`);
