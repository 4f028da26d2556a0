import { HAND_BACK_GRACE_MS } from '../../workflows/contract/limits.ts';

/** Why work was broken off. */
export type Interruption = 'handBack' | 'timeout';

/**
 * A subagent's time: active milliseconds against its timeout, and the wish to have it back (cancel, pause, a lower
 * concurrency, a drain). Work in flight may go on for a moment after that wish, then it is aborted.
 */
export class Clock implements Disposable {
  /** Aborts what is in flight: `reason` is an `Interruption`. */
  readonly signal: AbortSignal;
  private readonly controller = new AbortController();
  private readonly back: AbortSignal;
  private readonly timeoutMs: number;
  private activeMs: number;
  private since: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private grace: NodeJS.Timeout | undefined;
  private readonly onBack = (): void => {
    this.grace = setTimeout(() => this.controller.abort('handBack' satisfies Interruption), HAND_BACK_GRACE_MS);
  };

  constructor(back: AbortSignal, timeoutMs: number, activeMs: number) {
    this.signal = this.controller.signal;
    this.back = back;
    this.timeoutMs = timeoutMs;
    this.activeMs = activeMs;
    if (back.aborted) this.onBack();
    else back.addEventListener('abort', this.onBack, { once: true });
  }

  /** It is wanted back: start nothing new. */
  get isWantedBack(): boolean {
    return this.back.aborted;
  }

  get elapsedMs(): number {
    return Math.round(this.activeMs + (this.since === undefined ? 0 : performance.now() - this.since));
  }

  get isOver(): boolean {
    return this.elapsedMs >= this.timeoutMs;
  }

  /** Runs `work` as active time. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.since = performance.now();
    const left = Math.min(Math.max(1, this.timeoutMs - this.activeMs), 2_147_483_647);
    this.timer = setTimeout(() => this.controller.abort('timeout' satisfies Interruption), left);
    try {
      return await work();
    } finally {
      clearTimeout(this.timer);
      this.activeMs = this.elapsedMs;
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
}
