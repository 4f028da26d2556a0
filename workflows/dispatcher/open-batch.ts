import type { BatchState, Window } from '../contract/messages.ts';

/**
 * What the root knows of a batch it opened: every window it may still be acting on, and its newest state. Permits and
 * money taken away count as free only once a state of that window's epoch has said so.
 */
export class OpenBatch {
  state: BatchState | undefined;
  /** Windows from the newest one acknowledged onwards; the last is the newest sent. */
  private windows: Window[];

  /** Manifest indexes, in the order of `BatchInput.units`. */
  readonly indexes: readonly number[];
  /** How deep its units stand at the least. */
  readonly depth: number;

  constructor(indexes: readonly number[], first: Window, depth = 0) {
    this.indexes = indexes;
    this.depth = depth;
    this.windows = [first];
  }

  get window(): Window {
    return this.windows.at(-1)!;
  }
  /** In flight, as far as known; before its first state a batch is taken to fill what it was given. */
  get holding(): number {
    return this.state?.holding ?? Math.min(this.heldPermits, this.indexes.length);
  }
  /** Permits it could use. */
  get usable(): number {
    return this.state ? this.state.holding + this.state.wants : this.indexes.length;
  }
  /** Permits it is to keep: without those it has left unused, as it was told. */
  get kept(): number {
    if (!this.state) return this.window.permits;
    const mayUse = this.windows.map(({ permits, spare = 0 }) => permits - spare);
    return Math.min(this.window.permits, Math.max(this.state.holding, ...mayUse));
  }
  /** Permits nobody else may have. */
  get heldPermits(): number {
    return Math.max(this.state?.holding ?? 0, ...this.windows.map(({ permits }) => permits));
  }
  /** Money nobody else may have. */
  get heldMicroUsd(): number {
    return Math.max(...this.windows.map(({ purseMicroUsd }) => purseMicroUsd ?? 0));
  }
  get spentMicroUsd(): number {
    return this.state?.spentMicroUsd ?? 0;
  }
  /** Indexes that have neither ended nor come back, as far as known. */
  get unheard(): number[] {
    return this.indexes.filter((_, offset) => ['b', 'r'].includes(this.state?.units[offset] ?? 'b'));
  }

  /** Takes a newer state; false for one that is not newer. */
  accept(state: BatchState): boolean {
    if (this.state && state.seq <= this.state.seq) return false;
    this.state = state;
    this.windows = this.windows.filter(({ epoch }) => epoch >= state.epoch);
    return true;
  }

  /** The next window to send, or undefined where nothing changes. */
  change(next: Omit<Window, 'epoch'>): Window | undefined {
    const { permits, spare, purseMicroUsd, admits, stop } = this.window;
    if (
      permits === next.permits &&
      spare === next.spare &&
      purseMicroUsd === next.purseMicroUsd &&
      admits === next.admits &&
      stop.length === next.stop.length &&
      stop.every((index, i) => index === next.stop[i])
    )
      return undefined;
    const window = { epoch: this.window.epoch + 1, ...next };
    this.windows.push(window);
    return window;
  }
}
