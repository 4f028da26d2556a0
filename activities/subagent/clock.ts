import { HAND_BACK_GRACE_MS, REPORT_RESERVE } from '../../workflows/contract/limits.ts';

/** Why work was broken off. */
export type Interruption = 'handBack' | 'timeout';

/** Longest delay of a timer. */
const LONGEST_MS = 2_147_483_647;

/** What of a timeout is kept for a report, in milliseconds. */
export function reportReserveMs(timeoutMs: number): number {
  return Math.min(REPORT_RESERVE.mostMs, timeoutMs * REPORT_RESERVE.share);
}

/**
 * A subagent's time: active milliseconds against its timeout, and the wish to have it back (cancel, pause, a lower
 * concurrency, a drain). A model call in flight may go on for a moment after that wish, a tool is broken off at once. The end
 * of the timeout is kept for a report: until `useReserve` time is up before it.
 */
export class Clock implements Disposable {
  /** Aborts once it is wanted back. */
  readonly back: AbortSignal;
  private readonly timeoutMs: number;
  private limitMs: number;
  private calls = new AbortController();
  private tools = new AbortController();
  private activeMs: number;
  private since: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private grace: NodeJS.Timeout | undefined;
  private readonly onBack = (): void => {
    this.tools.abort('handBack' satisfies Interruption);
    this.grace = setTimeout(() => this.calls.abort('handBack' satisfies Interruption), HAND_BACK_GRACE_MS);
  };

  constructor(back: AbortSignal, timeoutMs: number, activeMs: number) {
    this.back = back;
    this.timeoutMs = timeoutMs;
    this.limitMs = timeoutMs - reportReserveMs(timeoutMs);
    this.activeMs = activeMs;
    if (back.aborted) this.onBack();
    else back.addEventListener('abort', this.onBack, { once: true });
  }

  /** Aborts a model call in flight: `reason` is an `Interruption`. Ask for it anew for each call. */
  get signal(): AbortSignal {
    return this.calls.signal;
  }
  /** The same for a tool or a verification. */
  get toolSignal(): AbortSignal {
    return this.tools.signal;
  }

  /** It is wanted back: start nothing new. */
  get isWantedBack(): boolean {
    return this.back.aborted;
  }

  get elapsedMs(): number {
    return Math.round(this.activeMs + (this.since === undefined ? 0 : performance.now() - this.since));
  }

  get isOver(): boolean {
    return this.elapsedMs >= this.limitMs;
  }

  /** From here on all of the timeout may be used. */
  useReserve(): void {
    this.limitMs = this.timeoutMs;
    if (this.calls.signal.reason === 'timeout') this.calls = new AbortController();
    if (this.tools.signal.reason === 'timeout') this.tools = new AbortController();
    if (this.back.aborted) this.tools.abort('handBack' satisfies Interruption);
  }

  /** Undoes `useReserve`. */
  keepReserve(): void {
    this.limitMs = this.timeoutMs - reportReserveMs(this.timeoutMs);
  }

  /** Runs `work` as active time. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.since = performance.now();
    const left = Math.min(Math.max(1, this.limitMs - this.activeMs), LONGEST_MS);
    const limitMs = this.limitMs;
    let leastMs = 0;
    this.timer = setTimeout(() => {
      leastMs = limitMs; // timers run early by what their tick took: once it is up, it is up
      this.onTimeout();
    }, left);
    try {
      return await work();
    } finally {
      clearTimeout(this.timer);
      this.activeMs = Math.max(this.elapsedMs, leastMs);
      this.since = undefined;
    }
  }

  /** Waits outside active time; returns early once it is wanted back. */
  async pause(ms: number): Promise<void> {
    if (this.back.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.back.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.back.addEventListener('abort', done, { once: true });
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    clearTimeout(this.grace);
    this.back.removeEventListener('abort', this.onBack);
  }

  private onTimeout(): void {
    this.calls.abort('timeout' satisfies Interruption);
    this.tools.abort('timeout' satisfies Interruption);
  }
}
