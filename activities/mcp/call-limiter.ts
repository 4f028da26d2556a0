import { pause, untilAborted } from './waiting.ts';

/** Calls of one server, over all that share it: so many at once, so many begun in a second, the others in line. */
export class CallLimiter {
  readonly #gapMs: number;
  #free: number;
  /** When the next may begin, on `performance.now()`'s clock. */
  #nextMs = 0;
  readonly #line = new Set<() => void>();

  constructor({ callsPerSecond, callsInFlight }: { callsPerSecond: number; callsInFlight: number }) {
    this.#gapMs = 1_000 / callsPerSecond;
    this.#free = callsInFlight;
  }

  /** Runs the task once its turn has come. Rejects as the task does, or with `signal.reason` while it waits. */
  async run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    await this.#enter(signal);
    try {
      await this.#turn(signal);
      return await task();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#line.add(resolve);
    try {
      await untilAborted(promise, signal);
    } catch (error) {
      // Room may have come in the same moment: then it goes on to the next.
      if (!this.#line.delete(resolve)) this.#leave();
      throw error;
    }
  }

  /** One that leaves while it waits has used its turn up: no worse than a call that ends early. */
  async #turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    const turn = Math.max(now, this.#nextMs);
    this.#nextMs = turn + this.#gapMs;
    if (turn > now) await pause(turn - now, signal);
  }

  #leave(): void {
    const [next] = this.#line;
    if (next === undefined) this.#free += 1;
    else {
      this.#line.delete(next);
      next();
    }
  }
}
