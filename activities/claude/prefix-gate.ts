/** A call's place behind the gate. One of the two is called once the outcome is known; what comes after the first is ignored. */
export interface Passage {
  /** Its response has begun, so the prefix can be read from the cache. */
  started(): void;
  /** It failed, was aborted or was never made. */
  gaveUp(): void;
}

export interface PrefixGateOptions {
  /** Longest wait for another call's response to begin. */
  maxWaitMs?: number;
  /** Epoch milliseconds. */
  now?: () => number;
}

/** A first response that has not begun by now is no reason for a fleet to stand still. */
const MAX_WAIT_MS = 60_000;
const SWEEP_PREFIXES = 10_000;

interface Prefix {
  warmUntilMs: number;
  /** The passage that warms it; nobody else goes while it is under way. */
  leader: Passage | undefined;
  /** Oldest first, who is the next to lead; calling one lets it go. */
  waiting: Map<Passage, () => void>;
}

/**
 * Warm-first: of calls with an equal prefix the first goes alone until its response begins, for only then can the provider's
 * cache be read; the rest follow. A leader that fails hands on to the next; who has waited too long goes anyway.
 */
export class PrefixGate {
  readonly #prefixes = new Map<string, Prefix>();
  readonly #maxWaitMs: number;
  readonly #now: () => number;
  #sweepAt = SWEEP_PREFIXES;

  constructor({ maxWaitMs = MAX_WAIT_MS, now = Date.now }: PrefixGateOptions = {}) {
    this.#maxWaitMs = maxWaitMs;
    this.#now = now;
  }

  /** Prefixes remembered. */
  get size(): number {
    return this.#prefixes.size;
  }

  /** Whether a call with this prefix is expected to read it from the cache. */
  isWarm(key: string): boolean {
    return (this.#prefixes.get(key)?.warmUntilMs ?? 0) > this.#now();
  }

  /**
   * Resolves when the call may go. `ttlMs`: how long the cache keeps the prefix after its last use. Rejects with
   * `signal.reason` when that aborts the wait.
   */
  async pass(key: string, ttlMs: number, signal: AbortSignal): Promise<Passage> {
    signal.throwIfAborted();
    const prefix = this.#prefix(key);
    const passage = this.#passage(prefix, ttlMs);
    if (this.isWarm(key)) return passage;
    if (prefix.leader === undefined) prefix.leader = passage;
    else await this.#wait(prefix, passage, signal);
    return passage;
  }

  #passage(prefix: Prefix, ttlMs: number): Passage {
    let isOver = false;
    const once = (end: () => void) => (): void => {
      if (!isOver) end();
      isOver = true;
    };
    const passage: Passage = {
      started: once(() => {
        prefix.warmUntilMs = this.#now() + ttlMs;
        prefix.leader = undefined;
        for (const go of [...prefix.waiting.values()]) go();
      }),
      gaveUp: once(() => {
        if (prefix.leader !== passage) return;
        const [next] = prefix.waiting;
        prefix.leader = next?.[0];
        next?.[1]();
      }),
    };
    return passage;
  }

  async #wait(prefix: Prefix, passage: Passage, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        prefix.waiting.delete(passage);
      };
      const go = (): void => {
        end();
        resolve();
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        prefix.leader = passage;
        go();
      }, this.#maxWaitMs);
      signal.addEventListener('abort', onAbort, { once: true });
      prefix.waiting.set(passage, go);
    });
  }

  #prefix(key: string): Prefix {
    const known = this.#prefixes.get(key);
    if (known !== undefined) return known;
    if (this.#prefixes.size >= this.#sweepAt) this.#sweep();
    const fresh: Prefix = { warmUntilMs: 0, leader: undefined, waiting: new Map() };
    this.#prefixes.set(key, fresh);
    return fresh;
  }

  #sweep(): void {
    for (const [key, { leader, waiting }] of this.#prefixes)
      if (leader === undefined && waiting.size === 0 && !this.isWarm(key)) this.#prefixes.delete(key);
    this.#sweepAt = Math.max(SWEEP_PREFIXES, 2 * this.#prefixes.size);
  }
}
