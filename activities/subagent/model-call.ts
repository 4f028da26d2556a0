import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import type { Claude, ClaudeAnswer, ClaudeCall, ClaudeTrouble } from '../claude/claude.ts';
import type { Log } from '../observe/log.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Clock } from './clock.ts';
import { Ended, Parked, RetryLater } from './ending.ts';
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

/**
 * Makes one call and stays with it until it has an answer worth keeping: reserves its worst case first, waits where the
 * provider asks, books what was lost. Throws `Parked`, `RetryLater` or `Ended`; the record is saved before each.
 */
export class ModelCall {
  private readonly claude: Claude;
  private readonly task: Task;
  private readonly checkpoint: Checkpoint;
  private readonly purse: Purse;
  private readonly clock: Clock;
  private readonly log: Log;
  private wantedTokens = USUAL_MAX_TOKENS;

  constructor(parts: { claude: Claude; log: Log }, task: Task, checkpoint: Checkpoint, purse: Purse, clock: Clock) {
    this.claude = parts.claude;
    this.log = parts.log;
    this.task = task;
    this.checkpoint = checkpoint;
    this.purse = purse;
    this.clock = clock;
  }

  /** The worst case of the next call, so that it can be written down together with the turn before it. 0: not affordable. */
  worstCaseOf(call: Omit<ClaudeCall, 'maxTokens'>): number {
    try {
      return this.purse.allow(call, this.checkpoint, this.wantedTokens).worstMicroUsd;
    } catch {
      return 0; // the loop meets the same refusal, and acts on it, when it makes the call
    }
  }

  async answer(call: Omit<ClaudeCall, 'maxTokens'>): Promise<ClaudeAnswer> {
    for (;;) {
      if (this.clock.isWantedBack) throw new Parked({ for: 'drain' });
      const { maxTokens, worstMicroUsd } = this.purse.allow(call, this.checkpoint, this.wantedTokens);
      await this.checkpoint.intend(worstMicroUsd);
      const answer = await this.attempt({ ...call, maxTokens });
      if (!answer) continue;
      this.checkpoint.bookAnswer(answer.costMicroUsd, answer.usage);
      if (answer.stopReason !== 'max_tokens') {
        this.wantedTokens = USUAL_MAX_TOKENS;
        return answer;
      }
      await this.askForMore(call, maxTokens);
    }
  }

  /** A cut answer may hold a cut tool call that looks whole (reference/anthropic.md §3): it is thrown away. */
  private async askForMore(call: Omit<ClaudeCall, 'maxTokens'>, maxTokens: number): Promise<void> {
    await this.checkpoint.save({});
    if (maxTokens < Math.min(this.wantedTokens, this.purse.longestAnswer)) {
      this.purse.askForWhole(call, this.checkpoint, this.wantedTokens); // throws: money cut it short, not the model
      return;
    }
    if (this.wantedTokens >= USUAL_MAX_TOKENS * MAX_TOKENS_GROWTH || maxTokens >= this.purse.longestAnswer) {
      const message = `its answer does not end within ${maxTokens.toString()} tokens`;
      throw new Ended({ status: 'failed', error: { type: FAILURES.claudeMaxTokens, message } });
    }
    this.wantedTokens *= MAX_TOKENS_GROWTH;
  }

  /** undefined: no answer, and the call may be made again now. */
  private async attempt(call: ClaudeCall): Promise<ClaudeAnswer | undefined> {
    try {
      return await this.clock.during(() =>
        this.claude.call(call, { signal: this.clock.signal, stallMs: this.task.stallTimeoutMs }),
      );
    } catch (error) {
      if (this.clock.signal.aborted) {
        await this.checkpoint.bookLostCall();
        throw this.clock.signal.reason === 'timeout' ? timedOut(this.task.timeoutMs) : new Parked({ for: 'drain' });
      }
      if (!isTrouble(error)) throw error;
      return await this.meet(error);
    }
  }

  private async meet(trouble: ClaudeTrouble): Promise<undefined> {
    const { verdict } = trouble;
    const errors = this.checkpoint.record.errors + 1;
    if (!trouble.mayBeBilled) await this.checkpoint.save({ errors, pendingMicroUsd: 0 });
    else {
      await this.checkpoint.bookLostCall();
      this.checkpoint.note({ errors });
    }
    this.log.info(
      { verdict, requestId: trouble.requestId, errors, detail: trouble.message },
      'model call brought no answer',
    );
    if (verdict.act === 'pause') {
      const { reason: pause, resetAtMs } = verdict;
      throw new Parked({ for: 'limit', pause, ...(resetAtMs !== undefined && { resetAtMs }) });
    }
    if (verdict.act === 'fatal')
      throw new Ended({ status: 'failed', error: { type: verdict.type, message: trouble.message } });
    if (!verdict.isRefusal && errors >= ERRORS_BEFORE_FAILURE)
      throw new Ended({ status: 'failed', error: { type: FAILURES.claudeUnavailable, message: trouble.message } });
    await this.wait(verdict.afterMs ?? backoffMs(errors), errors, trouble.message);
    return undefined;
  }

  private async wait(afterMs: number, errors: number, message: string): Promise<void> {
    const ms = errors % ERRORS_BEFORE_PAUSE === 0 ? Math.max(afterMs, PAUSE_MS) : afterMs;
    if (ms <= WAIT_IN_PLACE_MS) return this.clock.pause(ms);
    if (ms <= WAIT_BY_RETRY_MS && errors % ERRORS_BEFORE_PAUSE !== 0) throw new RetryLater(message, ms);
    throw new Parked({ for: 'limit', pause: 'rate_limit', resetAtMs: Date.now() + ms });
  }
}

function isTrouble(error: unknown): error is ClaudeTrouble {
  return error instanceof Error && error.name === 'ClaudeTrouble';
}

/** 1 s, 2 s, 4 s … up to a minute, with jitter, so that a fleet does not come back as one. */
function backoffMs(errors: number): number {
  return Math.min(1000 * 2 ** (errors - 1), LONGEST_BACKOFF_MS) * (0.5 + Math.random() / 2);
}

export function timedOut(timeoutMs: number): Ended {
  const message = `not done within its timeout of ${Math.round(timeoutMs / 1000).toString()} s`;
  return new Ended({ status: 'timed_out', error: { type: FAILURES.timedOut, message } });
}
