import type { ActivitySlotInfo, CustomSlotSupplier, SlotPermit, SlotReleaseContext } from '@temporalio/worker';

/**
 * A fixed number of activity slots that can be closed: then no poll begins any more, while those under way are answered.
 * The SDK by itself breaks its polls off when a worker shuts down, and a task that Temporal hands to one at that
 * moment is lost until its heartbeat timeout.
 */
export class ClosingSlots implements CustomSlotSupplier<ActivitySlotInfo> {
  readonly type = 'custom';
  #free: number;
  /** Each belongs to a poll. */
  #reserved = 0;
  #isClosed = false;
  readonly #waiting = new Set<() => void>();
  readonly #answered = Promise.withResolvers<void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves once the polls under way are answered, which one on a queue without work may not be for a minute. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#unreserve(0);
    return this.#answered.promise;
  }

  reserveSlot(_: unknown, signal: AbortSignal): Promise<SlotPermit> {
    const permit = this.tryReserveSlot();
    if (permit) return Promise.resolve(permit);
    return new Promise((resolve, reject) => {
      const take = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve({});
      };
      const giveUp = (): void => {
        this.#waiting.delete(take);
        reject(signal.reason as Error);
      };
      this.#waiting.add(take);
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  tryReserveSlot(): SlotPermit | null {
    if (this.#isClosed || this.#free === 0) return null;
    this.#free--;
    this.#reserved++;
    return {};
  }

  markSlotUsed(): void {
    this.#unreserve(1);
  }

  releaseSlot({ slotInfo }: Pick<SlotReleaseContext<ActivitySlotInfo>, 'slotInfo'>): void {
    this.#free++;
    if (!slotInfo) this.#unreserve(1); // its poll brought nothing
    const [next] = this.#waiting;
    if (!next || !this.tryReserveSlot()) return;
    this.#waiting.delete(next);
    next();
  }

  #unreserve(count: number): void {
    this.#reserved -= count;
    if (this.#isClosed && this.#reserved === 0) this.#answered.resolve();
  }
}
