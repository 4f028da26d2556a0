import type { Clock } from '../../../../activities/claude/limits/clock.ts';

interface Event {
  atMs: number;
  act: () => void;
  isCancelled: boolean;
}

/** Time that passes as fast as what happens in it can be computed; events of one moment in the order they were made. */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #buckets = new Map<number, Event[]>();

  constructor(startMs = Date.UTC(2026, 10, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, act: () => void): () => void {
    const atMs = this.#nowMs + Math.max(1, Math.ceil(ms));
    const event: Event = { atMs, act, isCancelled: false };
    const bucket = this.#buckets.get(atMs);
    if (bucket === undefined) this.#buckets.set(atMs, [event]);
    else bucket.push(event);
    return () => void (event.isCancelled = true);
  }

  async sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => void this.after(ms, resolve));
  }

  /** Lets so much time pass, with all that happens in it. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    while (this.#nowMs < endMs) {
      this.#nowMs += 1;
      const bucket = this.#buckets.get(this.#nowMs);
      if (bucket === undefined) continue;
      for (const { act, isCancelled } of bucket) if (!isCancelled) act();
      this.#buckets.delete(this.#nowMs);
      await settled();
    }
  }
}

/** Until all promises that can be kept have been. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
