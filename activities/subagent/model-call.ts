import { FAILURES } from '../../workflows/contract/failures.ts';
import { OVERLOADS_BEFORE_FALLBACK } from '../../workflows/contract/limits.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import type { Admission, Claude, ClaudeAnswer, ClaudeCall, ClaudeTrouble } from '../claude/claude.ts';
import type { Log } from '../observe/log.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Clock } from './clock.ts';
import { failed, Parked, RetryLater, TimeUp } from './ending.ts';
import { Leave } from './leave.ts';
import { hasFallback } from './model-choice.ts';
import { USUAL_MAX_TOKENS, type Purse } from './purse.ts';

/** Waits up to here happen in the activity, which keeps its slot (reference/anthropic.md §5). */
const WAIT_IN_PLACE_MS = 20_000;
/** Waits up to here are Temporal's, by `nextRetryDelay`; longer ones park. */
const WAIT_BY_RETRY_MS = 120_000;
const LONGEST_BACKOFF_MS = 60_000;
/** After so many calls in a row without an answer the fleet pauses for a minute instead of trying on. */
const ERRORS_BEFORE_PAUSE = 8;
const PAUSE_MS = 60_000;
/** A call that breaks so often in a row (refusals not counted) is at fault itself. */
const ERRORS_BEFORE_FAILURE = 40;
/** An answer cut at `max_tokens` is asked for again, this much longer. */
const MAX_TOKENS_GROWTH = 4;

export type Call = Omit<ClaudeCall, 'maxTokens'>;

export interface ModelCallOf {
  claude: Claude;
  log: Log;
  fleetId: string;
  task: Task;
  checkpoint: Checkpoint;
  purse: Purse;
  clock: Clock;
}

/**
 * Makes one call and stays with it until it has an answer worth keeping: waits for the provider's leave, reserves its
 * worst case, waits where the provider asks, books what was lost. Throws `Parked`, `RetryLater`, `TimeUp` or `Ended`; the
 * record is saved before each.
 */
export class ModelCall {
  private readonly of: ModelCallOf;
  private readonly leave: Leave;
  private wantedTokens = USUAL_MAX_TOKENS;

  constructor(of: ModelCallOf) {
    this.of = of;
    this.leave = new Leave(of);
  }

  /**
   * Asks for the next call. Its worst case, to be written down together with the turn before it; 0 where it cannot be made
   * at once.
   */
  async reserve(call: Call): Promise<number> {
    try {
      const { maxTokens, worstMicroUsd } = this.of.purse.allow(call, this.of.checkpoint, this.wantedTokens);
      return (await this.leave.isThere({ ...call, maxTokens })) ? worstMicroUsd : 0;
    } catch {
      return 0; // the loop meets the same refusal, and acts on it, when it makes the call
    }
  }

  /** No call follows. Safe to call twice. */
  end(): void {
    this.leave.giveBack();
  }

  async answer(call: Call): Promise<ClaudeAnswer> {
    for (;;) {
      const { maxTokens, answer } = await this.once(call, 'call');
      if (answer.stopReason !== 'max_tokens') {
        this.wantedTokens = USUAL_MAX_TOKENS;
        return answer;
      }
      await this.askForMore(call, maxTokens);
    }
  }

  /** As `answer`, of a call that has the API summarise the conversation. */
  async summary(call: Call): Promise<ClaudeAnswer> {
    return (await this.once(call, 'compact')).answer;
  }

  /** One call that was answered, and booked. */
  private async once(call: Call, kind: 'call' | 'compact'): Promise<{ maxTokens: number; answer: ClaudeAnswer }> {
    const { clock, checkpoint, purse } = this.of;
    for (;;) {
      if (clock.isWantedBack) throw new Parked({ for: 'drain' });
      const { maxTokens, worstMicroUsd } = purse.allow(call, checkpoint, this.wantedTokens);
      const answer = await this.attempt({ ...call, maxTokens }, worstMicroUsd, kind);
      if (!answer) continue;
      checkpoint.bookAnswer(answer.costMicroUsd, answer.usage);
      return { maxTokens, answer };
    }
  }

  /** A cut answer may hold a cut tool call that looks whole (reference/anthropic.md §3): it is thrown away. */
  private async askForMore(call: Call, maxTokens: number): Promise<void> {
    const { checkpoint, purse } = this.of;
    const longest = purse.longestAnswer(call.model);
    await checkpoint.save({});
    if (maxTokens < Math.min(this.wantedTokens, longest)) {
      purse.askForWhole(call, checkpoint, this.wantedTokens); // throws: money cut it short, not the model
      return;
    }
    if (this.wantedTokens >= USUAL_MAX_TOKENS * MAX_TOKENS_GROWTH || maxTokens >= longest)
      throw failed(FAILURES.claudeMaxTokens, `its answer does not end within ${maxTokens.toString()} tokens`);
    this.wantedTokens *= MAX_TOKENS_GROWTH;
  }

  /** undefined: no answer, and the call may be made again now. */
  private async attempt(
    call: ClaudeCall,
    worstMicroUsd: number,
    kind: 'call' | 'compact',
  ): Promise<ClaudeAnswer | undefined> {
    const { claude, clock, checkpoint, task } = this.of;
    let admission: Admission | undefined;
    let signal: AbortSignal | undefined;
    try {
      admission = await this.leave.take(call);
      await checkpoint.intend(worstMicroUsd);
      signal = clock.signal;
      const options = { signal, stallMs: task.stallTimeoutMs, admission };
      return await clock.during(() => claude[kind](call, options));
    } catch (error) {
      if (signal?.aborted) {
        await checkpoint.bookLostCall();
        throw signal.reason === 'timeout' ? new TimeUp() : new Parked({ for: 'drain' });
      }
      if (!isTrouble(error)) throw error;
      return await this.meet(error, call.model);
    } finally {
      admission?.release();
    }
  }

  private async meet(trouble: ClaudeTrouble, model: string): Promise<undefined> {
    const { checkpoint, log, task } = this.of;
    const { verdict } = trouble;
    const errors = checkpoint.record.errors + 1;
    const overloads = isOverload(trouble) ? (checkpoint.record.overloads ?? 0) + 1 : 0;
    checkpoint.note({ errors, overloads });
    if (trouble.mayBeBilled) await checkpoint.bookLostCall();
    else await checkpoint.save({ pendingMicroUsd: 0 });
    const { requestId, message } = trouble;
    log.info({ verdict, requestId, errors, model, detail: message }, 'model call brought no answer');
    if (verdict.act === 'pause') {
      const { reason: pause, resetAtMs } = verdict;
      throw new Parked({ for: 'limit', pause, ...(resetAtMs !== undefined && { resetAtMs }) });
    }
    if (verdict.act === 'fatal') throw failed(verdict.type, message);
    const isHopeless = !verdict.isRefusal && errors >= ERRORS_BEFORE_FAILURE;
    if (isHopeless || (overloads >= OVERLOADS_BEFORE_FALLBACK && hasFallback(task, checkpoint.record)))
      throw failed(FAILURES.claudeUnavailable, message);
    await this.wait(verdict.afterMs ?? backoffMs(errors), errors, message);
    return undefined;
  }

  private async wait(afterMs: number, errors: number, message: string): Promise<void> {
    const ms = errors % ERRORS_BEFORE_PAUSE === 0 ? Math.max(afterMs, PAUSE_MS) : afterMs;
    if (ms <= WAIT_IN_PLACE_MS) return this.of.clock.pause(ms);
    if (ms <= WAIT_BY_RETRY_MS && errors % ERRORS_BEFORE_PAUSE !== 0) throw new RetryLater(message, ms);
    throw new Parked({ for: 'limit', pause: 'rate_limit', resetAtMs: Date.now() + ms });
  }
}

function isTrouble(error: unknown): error is ClaudeTrouble {
  return error instanceof Error && error.name === 'ClaudeTrouble';
}

/** The model has no room for anybody (529), which is not our own limit (429). */
function isOverload({ verdict }: ClaudeTrouble): boolean {
  return verdict.act === 'retry' && verdict.isOverload === true;
}

/** 1 s, 2 s, 4 s … up to a minute, with jitter, so that a fleet does not come back as one. */
function backoffMs(errors: number): number {
  return Math.min(1000 * 2 ** (errors - 1), LONGEST_BACKOFF_MS) * (0.5 + Math.random() / 2);
}
