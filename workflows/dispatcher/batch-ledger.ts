import { STATE_EVERY } from '../contract/limits.ts';
import type { BatchInput, BatchState, Window } from '../contract/messages.ts';
import { UNIT_LETTERS as L, type UnitLetter } from '../contract/statuses.ts';
import type { ParkReason, UnitOutcome } from '../contract/units.ts';

/** What one batch keeps: its units, its window, what it may start, whom it must take back, when it speaks up. Pure. */
export class BatchLedger {
  private readonly letters: UnitLetter[];
  private readonly offsets = new Map<number, number>();
  private readonly parked = new Map<number, ParkReason>();
  private readonly recalled = new Set<number>();
  private window: Window;
  private head = 0;
  private unstarted: number;
  private holding = 0;
  private spentMicroUsd = 0;
  private reservedMicroUsd = 0;
  private seq = 0;
  private ends = 0;
  private said: { ends: number; parked: number; idle: number; isStarved: boolean };
  /** A window took something away: the root counts it as free once it hears from us. */
  private owesAnswer = false;

  private readonly input: BatchInput;

  constructor(input: BatchInput) {
    this.input = input;
    this.window = input.window;
    this.letters = input.units.map(() => L.inBatch);
    this.unstarted = input.units.length;
    input.units.forEach(([index], offset) => this.offsets.set(index, offset));
    this.said = { ends: 0, parked: 0, idle: 0, isStarved: false };
  }

  /** The newest window wins; an older one that arrives late changes nothing. */
  obey(window: Window): void {
    if (window.epoch <= this.window.epoch) return;
    this.owesAnswer ||=
      window.permits < this.window.permits ||
      (window.purseMicroUsd ?? 0) < (this.window.purseMicroUsd ?? 0) ||
      window.stop.length > 0 ||
      !window.admits;
    this.window = window;
    for (const index of window.stop) {
      const offset = this.offsets.get(index);
      if (offset === undefined || this.letters[offset] !== L.inBatch) continue;
      this.letters[offset] = L.queued; // given back before it started
      this.unstarted--;
    }
  }

  /** Offset of the next unit to start, or undefined while the window does not allow one. */
  startNext(): number | undefined {
    if (this.holding >= this.usable || !this.window.admits || !this.affordsNext()) return undefined;
    const offset = this.head++;
    this.letters[offset] = L.running;
    this.unstarted--;
    this.holding++;
    this.reservedMicroUsd += this.slice(offset);
    return offset;
  }

  /** Offsets of running units to ask back: those the root stopped, and the newest ones above the permits. */
  recall(): number[] {
    const running: number[] = [];
    const back: number[] = [];
    const take = (offset: number): void => {
      this.recalled.add(offset);
      back.push(offset);
    };
    for (const index of this.window.stop) {
      const offset = this.offsets.get(index);
      if (offset !== undefined && this.letters[offset] === L.running && !this.recalled.has(offset)) take(offset);
    }
    let excess = this.holding - this.recalledRunning() - this.window.permits;
    if (excess <= 0) return back;
    this.letters.forEach((letter, offset) => {
      if (letter === L.running && !this.recalled.has(offset)) running.push(offset);
    });
    for (; excess > 0 && running.length > 0; excess--) take(running.pop()!);
    return back;
  }

  came(offset: number, outcome: UnitOutcome): void {
    this.holding--;
    this.reservedMicroUsd -= this.slice(offset);
    this.spentMicroUsd += outcome.spentMicroUsd;
    this.ends++;
    if (outcome.kind === 'ended') this.letters[offset] = L[outcome.status];
    else {
      this.letters[offset] = L.parked;
      this.parked.set(offset, outcome.reason);
    }
  }

  /** Nothing in flight and nothing it may start: it ends, and what is left goes back. */
  get isDone(): boolean {
    return this.holding === 0 && (this.window.permits === 0 || !this.window.admits || !this.affordsNext());
  }

  /** Whether the root could act on what has changed since it last heard. */
  get hasNews(): boolean {
    const { said } = this;
    const step = Math.max(1, Math.floor(this.input.units.length * STATE_EVERY));
    return (
      this.owesAnswer ||
      this.parked.size > said.parked ||
      this.ends - said.ends >= (this.input.reportsEnds ? 1 : step) ||
      this.idle() - said.idle >= (this.window.spare ? 1 : Math.max(1, Math.floor(this.window.permits * STATE_EVERY))) ||
      (this.isStarved() && !said.isStarved)
    );
  }

  /** The next state to send; from now on its content is no news. */
  speak(): BatchState {
    this.owesAnswer = false;
    this.said = {
      ends: this.ends,
      parked: this.parked.size,
      idle: this.idle(),
      isStarved: this.isStarved(),
    };
    return {
      v: 1,
      batch: this.input.batch,
      seq: ++this.seq,
      epoch: this.window.epoch,
      holding: this.holding,
      wants: this.window.admits ? this.unstarted : 0,
      units: this.letters.join(''),
      parked: [...this.parked],
      spentMicroUsd: this.spentMicroUsd,
      reservedMicroUsd: this.reservedMicroUsd,
    };
  }

  private recalledRunning(): number {
    let sum = 0;
    for (const offset of this.recalled) if (this.letters[offset] === L.running) sum++;
    return sum;
  }

  private slice(offset: number): number {
    return this.input.units[offset]?.[2] ?? 0;
  }

  /** Whether there is a next unit and the purse covers its slice. */
  private affordsNext(): boolean {
    while (this.head < this.letters.length && this.letters[this.head] !== L.inBatch) this.head++;
    if (this.head >= this.letters.length) return false;
    const { purseMicroUsd } = this.window;
    return (
      purseMicroUsd === null || purseMicroUsd - this.spentMicroUsd - this.reservedMicroUsd >= this.slice(this.head)
    );
  }

  /** Permits it may start with. */
  private get usable(): number {
    return this.window.permits - (this.window.spare ?? 0);
  }
  /** Permits it cannot use. */
  private idle(): number {
    const startable = Math.min(this.unstarted, Math.max(0, this.usable - this.holding));
    return Math.max(0, this.window.permits - this.holding - startable);
  }

  private isStarved(): boolean {
    return this.unstarted > 0 && this.holding < this.window.permits && !this.affordsNext();
  }
}
