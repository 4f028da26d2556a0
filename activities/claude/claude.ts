import type Anthropic from '@anthropic-ai/sdk';
import type { PauseReason } from '../../workflows/contract/statuses.ts';
import type { Task, Usage } from '../../workflows/contract/task.schema.ts';

export type Message = Anthropic.MessageParam;
export type ContentBlock = Anthropic.ContentBlock;
export type ToolDefinition = Anthropic.Tool;

/** One model call. The prefix (tools, system) is byte-identical for all subagents of a fleet and model. */
export interface ClaudeCall {
  model: string;
  maxTokens: number;
  system: string;
  tools: readonly ToolDefinition[];
  messages: readonly Message[];
  effort?: Task['effort'];
  thinking?: Task['thinking'];
  /** The answer may hold no tool call. The tools stay in the prefix, which is cached with them. */
  withoutTools?: boolean;
  /** Past so many prompt tokens the API itself leaves out old tool results; undefined: never. */
  clearToolUsesAfterTokens?: number;
}

/** Leave to make one call; given back by making it, or by `release`. Opaque: only `Claude` looks inside. */
export interface Admission {
  /** The call is not made after all. Safe to call twice, and after the call. */
  release(): void;
}

export interface CallOptions {
  signal: AbortSignal;
  /** Longest silence on the wire (pings count as life) before the call is given up as a retryable trouble. */
  stallMs: number;
  admission?: Admission;
}

export interface ClaudeAnswer {
  content: ContentBlock[];
  stopReason: Anthropic.Beta.BetaStopReason;
  /** All that was billed, a compaction included. */
  usage: Usage;
  /** By the price table, rounded up. */
  costMicroUsd: number;
  requestId: string | null;
  /** Prompt tokens of old tool results that the API left out: the conversation as kept is that much longer. Absent: none. */
  clearedTokens?: number;
}

/** The only user of the SDK: streamed calls, no retries of its own. One per worker process. */
export interface Claude {
  /**
   * Waits, outside a subagent's active time, until the provider's limits leave room for this call and its prefix is warm
   * or its own to warm. Fair between fleets. Rejects with `signal.reason`, or with the `ClaudeTrouble` that makes all calls
   * of this model vain (spend cap, authentication).
   */
  admit(call: ClaudeCall, options: { fleetId: string; signal: AbortSignal }): Promise<Admission>;
  /** Sends one call and resolves with its whole answer. Rejects with `ClaudeTrouble`, or with `signal.reason` once it has aborted. */
  call(call: ClaudeCall, options: CallOptions): Promise<ClaudeAnswer>;
  /**
   * Has the API summarise a conversation: `call.messages` but for the newest turn, which is kept, so that it works even when
   * the next call would no longer fit. The tools, the system text and the settings must be those of the conversation, and no
   * tool call may be unanswered. `compactionBlock(answer.content)` is the summary; without one `stopReason` says why
   * (`max_tokens`: ask again with more, allow several thousand; `refusal`, `end_turn`: go on without), and it is billed all
   * the same. The messages to send from then on, and to checkpoint as the transcript, are `compacted(call.messages, block)`
   * of `compaction.ts`: `[assistant: the block, unmodified] [assistant: newest answer] [user: its results, the task once
   * more]`, and whatever is appended later. Every later call must start with that block or a newer one. Rejects as `call`.
   */
  compact(call: ClaudeCall, options: CallOptions): Promise<ClaudeAnswer>;
}

/** What to do about a call that brought no answer; the table is in `errors.ts`. */
export type Verdict =
  /** `afterMs`: as the provider asks, else undefined and the caller backs off. `isRefusal`: it refused (429, 529) rather than broke;
   *  `isOverload`: the model has no room for anybody, so that another one may be worth a try. */
  | { act: 'retry'; afterMs?: number; isRefusal: boolean; isOverload?: boolean }
  /** The fleet pauses: until `resetAtMs` where the provider names one, else until a person acts. */
  | { act: 'pause'; reason: PauseReason; resetAtMs?: number }
  /** The request itself is at fault. `type` is one of FAILURES or `Claude.<Code>`. */
  | { act: 'fatal'; type: string };

export class ClaudeTrouble extends Error {
  override name = 'ClaudeTrouble';
  readonly verdict: Verdict;
  /** False when the provider certainly billed nothing (it answered with an error status, or was never reached). */
  readonly mayBeBilled: boolean;
  readonly requestId: string | null;

  constructor(
    message: string,
    details: { verdict: Verdict; mayBeBilled: boolean; requestId?: string | null; cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.verdict = details.verdict;
    this.mayBeBilled = details.mayBeBilled;
    this.requestId = details.requestId ?? null;
  }
}
