import { FAILURES } from '../../workflows/contract/failures.ts';
import { CONTEXT_SHARE } from '../../workflows/contract/limits.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import type { Message, ToolDefinition } from '../claude/claude.ts';
import type { ModelFacts } from '../claude/prices.ts';
import type { Checkpoint } from './checkpoint.ts';
import { failed } from './ending.ts';
import type { Call, ModelCall } from './model-call.ts';
import { modelOf, windowShare } from './model-choice.ts';
import type { Conversations, Prices } from './parts.ts';
import { SYSTEM_PROMPT } from './prompt.ts';
import type { Purse } from './purse.ts';

export interface ConversationOf {
  task: Task;
  checkpoint: Checkpoint;
  purse: Purse;
  /** One array for all subagents with the same tools. */
  tools: readonly ToolDefinition[];
}

/** What is sent of a transcript: which model it goes to, what is left out for it, and what takes its place when it is long. */
export class Conversation {
  private readonly parts: { prices: Prices; conversations: Conversations };
  private readonly of: ConversationOf;

  constructor(parts: Conversation['parts'], of: ConversationOf) {
    this.parts = parts;
    this.of = of;
  }

  /** The next call. */
  next(): Call {
    return { ...this.base(), messages: this.messages() };
  }

  /** A call of the same prefix about something else. */
  aside(messages: readonly Message[]): Call {
    return { ...this.base(), messages };
  }

  /** It nears its model's window, has not just been summarised, and the model can do that. */
  get isLong(): boolean {
    const { checkpoint, purse } = this.of;
    const { compactedAt, turns } = checkpoint.record;
    if (!this.facts.compacts || compactedAt === turns) return false;
    return purse.conversationTokens >= this.share(CONTEXT_SHARE.compact);
  }

  /** Goes on with another model from the next call on; written with the next save. */
  switchTo(model: string): void {
    const { checkpoint, purse } = this.of;
    checkpoint.note({ model, switchedAt: checkpoint.messages.length, errors: 0, overloads: 0, counted: undefined });
    purse.forget();
  }

  /** Has the API summarise it, and goes on from the summary. Throws as `ModelCall`, or `Ended` where none came. */
  async summarise(call: ModelCall): Promise<void> {
    const { checkpoint, purse } = this.of;
    const asked = this.next();
    const { content } = await call.summary(asked);
    const block = this.parts.conversations.compactionBlock(content);
    if (!block) throw failed(FAILURES.claudeContextTooLong, 'the conversation could not be summarised');
    const messages = this.parts.conversations.compacted(asked.messages, block);
    // The newest turn is kept behind the summary, unless there is no other.
    const newest = checkpoint.messages.findLastIndex(({ role }) => role === 'assistant');
    const gone = messages[1]?.role === 'assistant' ? newest : checkpoint.messages.length;
    await checkpoint.replace(messages, gone, {
      compactedAt: checkpoint.record.turns,
      switchedAt: 0,
      counted: undefined,
    });
    purse.forget();
  }

  private base(): Omit<Call, 'messages'> {
    const { task, checkpoint, tools } = this.of;
    return {
      model: modelOf(task, checkpoint.record),
      system: SYSTEM_PROMPT,
      tools,
      ...(task.effort && { effort: task.effort }),
      ...(task.thinking && { thinking: task.thinking }),
      ...(checkpoint.record.isReporting && { withoutTools: true }),
      clearToolUsesAfterTokens: this.share(CONTEXT_SHARE.clear),
    };
  }

  /** Thinking is bound to the model that thought. */
  private messages(): readonly Message[] {
    const { messages, record } = this.of.checkpoint;
    const { switchedAt = 0 } = record;
    if (switchedAt === 0) return messages;
    return [...this.parts.conversations.withoutThinking(messages.slice(0, switchedAt)), ...messages.slice(switchedAt)];
  }

  private get facts(): ModelFacts {
    const { task, checkpoint } = this.of;
    return this.parts.prices.modelFacts(modelOf(task, checkpoint.record));
  }

  private share(share: number): number {
    return windowShare(this.facts, share);
  }
}
