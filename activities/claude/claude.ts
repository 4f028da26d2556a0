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
}

export interface ClaudeAnswer {
  content: ContentBlock[];
  stopReason: Anthropic.StopReason;
  usage: Usage;
  /** By the price table, rounded up. */
  costMicroUsd: number;
  requestId: string | null;
}

/** The only user of the SDK: streamed calls, no retries of its own. One per worker process. */
export interface Claude {
  /**
   * Sends one call and resolves with its whole answer. `stallMs`: longest silence on the wire (pings count as life)
   * before the call is given up as a retryable trouble. Rejects with `ClaudeTrouble`, or with `signal.reason` once
   * `signal` has aborted.
   */
  call(call: ClaudeCall, options: { signal: AbortSignal; stallMs: number }): Promise<ClaudeAnswer>;
}

/** What to do about a call that brought no answer; the table is in `errors.ts`. */
export type Verdict =
  /** `afterMs`: as the provider asks, else undefined and the caller backs off. `isRefusal`: it refused (429, 529) rather than broke. */
  | { act: 'retry'; afterMs?: number; isRefusal: boolean }
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
