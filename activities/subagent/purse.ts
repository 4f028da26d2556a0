import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import { FAILURES } from '../../workflows/contract/failures.ts';
import type { ClaudeCall } from '../claude/claude.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { CapOf } from './children/child-caps.ts';
import { Ended, Parked } from './ending.ts';
import type { Prices } from './parts.ts';

/** What a call asks for where money allows; also what a turn of tool calls needs at the most in practice. */
export const USUAL_MAX_TOKENS = 16_384;
/** Less is no answer: below it a subagent waits for money instead. */
const LEAST_MAX_TOKENS = 1_024;

/** What a parent keeps for its last turn: an answer of the usual length over results of about this many bytes. */
const LAST_TURN_BYTES = 12_000;

/** Shorter ones say nothing any more. */
const LEAST_ANSWER_CHARS = 500;
/** At the most, of what is no plain ASCII. */
const BYTES_PER_CHAR = 3;

/** Per message and per block, for what the API adds around our bytes. */
const OVERHEAD_TOKENS = 64;

/**
 * Decides what the next call may cost. A prompt's length is bounded, not guessed: what an answer has counted is known,
 * and of what came later every byte may be a token.
 */
export class Purse {
  private readonly prices: Prices;
  private readonly task: Task;
  private readonly sliceMicroUsd: number | null;
  /** Tokens of the conversation up to `knownMessages`, as the last answer counted them. */
  private knownTokens = 0;
  private knownMessages = 0;

  constructor(prices: Prices, task: Task, sliceMicroUsd: number | null) {
    this.prices = prices;
    this.task = task;
    this.sliceMicroUsd = sliceMicroUsd;
  }

  /** An answer counted `tokens` for everything up to and including message number `messages`. */
  learn(tokens: number, messages: number): void {
    this.knownTokens = tokens;
    this.knownMessages = messages;
  }

  /** The conversation is another one now, or counted by another model. */
  forget(): void {
    this.learn(0, 0);
  }

  /** Tokens of the conversation as the newest answer counted them; 0: not known. */
  get conversationTokens(): number {
    return this.knownTokens;
  }

  longestAnswer(model: string): number {
    return this.prices.modelFacts(model).maxOutputTokens;
  }

  /** Throws `Parked` until the slice, or `Ended` when its own cap can never, cover an answer of `tokens`. */
  askForWhole(call: Omit<ClaudeCall, 'maxTokens'>, { record }: Checkpoint, tokens: number): void {
    const needMicroUsd = this.prices.worstCaseMicroUsd(call.model, this.inputBound(call), tokens);
    const cap = this.task.maxBudgetMicroUsd;
    if (cap !== undefined && this.capLeft(record) < needMicroUsd) throw new Ended(capReached(cap));
    throw new Parked({ for: 'budget', needMicroUsd });
  }

  /**
   * The `max_tokens` of the next call, at most `wanted`, and its worst case. Throws `Parked` when the slice does not
   * cover a useful answer, `Ended` with `budget_reached` when the subagent's own cap does not.
   */
  allow(
    call: Omit<ClaudeCall, 'maxTokens'>,
    checkpoint: Checkpoint,
    wanted: number,
  ): { maxTokens: number; worstMicroUsd: number } {
    const { model } = call;
    const inputTokens = this.inputBound(call);
    const most = Math.min(wanted, this.longestAnswer(model));
    const fits = (microUsd: number): number =>
      Math.min(most, this.prices.maxTokensWithin(model, inputTokens, microUsd));
    const least = Math.min(most, LEAST_MAX_TOKENS);
    const capLeft = this.capLeft(checkpoint.record);
    const withinCap = capLeft === Infinity ? most : fits(capLeft);
    if (withinCap < least) throw new Ended(capReached(this.task.maxBudgetMicroUsd!));
    const sliceLeft = this.sliceMicroUsd === null ? Infinity : this.sliceMicroUsd - checkpoint.epochSpentMicroUsd;
    const withinSlice = sliceLeft === Infinity ? most : fits(sliceLeft);
    if (withinSlice < least) {
      // Enough for a usual answer, so that it need not ask again at once; never more than its own cap.
      const need = this.prices.worstCaseMicroUsd(model, inputTokens, Math.min(most, 4 * LEAST_MAX_TOKENS));
      throw new Parked({ for: 'budget', needMicroUsd: Math.min(need, Math.ceil(capLeft)) });
    }
    const maxTokens = Math.min(withinCap, withinSlice);
    return { maxTokens, worstMicroUsd: this.prices.worstCaseMicroUsd(model, inputTokens, maxTokens) };
  }

  /** Of its own cap, what those it spawns may have: all but a last turn. */
  caps(call: Omit<ClaudeCall, 'maxTokens'>, { record }: Checkpoint): CapOf {
    const least = (model: string, bytes: number): number =>
      this.prices.worstCaseMicroUsd(model, bytes, LEAST_MAX_TOKENS);
    const leastMicroUsd = ({ model, prompt, context }: Task): number =>
      least(model, prefixOf(call) + byteLength(JSON.stringify([prompt, context])) + 4 * OVERHEAD_TOKENS);
    if (this.task.maxBudgetMicroUsd === undefined) return { leftMicroUsd: undefined, leastMicroUsd };
    const tokens = this.inputBound(call) + LAST_TURN_BYTES;
    const lastTurn = this.prices.worstCaseMicroUsd(call.model, tokens, 4 * LEAST_MAX_TOKENS);
    return { leftMicroUsd: this.capLeft(record) - lastTurn, leastMicroUsd };
  }

  /**
   * How long an answer may be, at most `most` characters, for its own cap to pay the turn that reads it, where
   * `grantedMicroUsd` of it is promised.
   */
  answerChars(
    call: Omit<ClaudeCall, 'maxTokens'>,
    { record }: Checkpoint,
    grantedMicroUsd: number,
    most: number,
  ): number {
    const capLeft = this.capLeft({ ...record, grantedMicroUsd });
    if (capLeft === Infinity) return most;
    const before = this.inputBound(call) + OVERHEAD_TOKENS;
    const pays = (chars: number): boolean =>
      this.prices.maxTokensWithin(call.model, before + BYTES_PER_CHAR * chars, capLeft) >= LEAST_MAX_TOKENS;
    let chars = most;
    while (chars > LEAST_ANSWER_CHARS && !pays(chars)) chars = Math.floor(chars / 2);
    return chars;
  }

  private capLeft({ costMicroUsd, grantedMicroUsd = 0 }: SubagentRecord): number {
    return (this.task.maxBudgetMicroUsd ?? Infinity) - costMicroUsd - grantedMicroUsd;
  }

  private inputBound(call: Omit<ClaudeCall, 'maxTokens'>): number {
    const fresh = call.messages.slice(this.knownMessages);
    const prefix = this.knownMessages === 0 ? prefixOf(call) : 0;
    const bytes = fresh.reduce((sum, message) => sum + byteLength(JSON.stringify(message)) + OVERHEAD_TOKENS, prefix);
    return this.knownTokens + bytes + OVERHEAD_TOKENS;
  }
}

const toolBytes = new WeakMap<object, number>();

/** The tool list is one constant object: it is measured once. */
function prefixBytes(tools: ClaudeCall['tools']): number {
  let bytes = toolBytes.get(tools);
  if (bytes === undefined) toolBytes.set(tools, (bytes = byteLength(JSON.stringify(tools))));
  return bytes;
}

const prefixOf = ({ system, tools }: Pick<ClaudeCall, 'system' | 'tools'>): number =>
  byteLength(system) + prefixBytes(tools);

const byteLength = (text: string): number => Buffer.byteLength(text);

const capReached = (capMicroUsd: number): Ended['ending'] => ({
  status: 'budget_reached',
  error: {
    type: FAILURES.maxBudget,
    message: `its own budget of ${(capMicroUsd / 1_000_000).toString()} USD does not cover another call`,
  },
});
