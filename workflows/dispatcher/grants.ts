import type { FleetLimits, Window } from '../contract/messages.ts';
import type { ParkReason } from '../contract/units.ts';
import { batchPermits, batchSize } from '../policy/admission.ts';
import type { Holdings } from './holdings.ts';
import type { Units } from './units.ts';

/** What a new batch starts with: indexes with their slices, and its first window. */
export interface Grant {
  taken: [index: number, sliceMicroUsd: number | null][];
  window: Window;
}

/** Deals out what is free: who is next gets a permit and a slice, a parent that waits has one kept back. */
export class Grants {
  /** What those need who found their slice used up. */
  private readonly needs = new Map<number, number>();
  private readonly units: Units;
  private readonly holdings: Holdings;

  constructor(units: Units, holdings: Holdings) {
    this.units = units;
    this.holdings = holdings;
  }

  /** What it parked for decides what it is given next. */
  note(index: number, reason: ParkReason): void {
    if (reason.for === 'budget') this.needs.set(index, reason.needMicroUsd);
    if (reason.for === 'spawn') this.holdings.keepBack(index, this.atLeast(index));
  }
  forget(index: number): void {
    this.needs.delete(index);
    this.holdings.release(index);
  }

  /** Whether someone in the queue waits for money that a batch may hold idle. */
  get isShort(): boolean {
    const next = this.units.peek();
    return next !== undefined && (this.slice(next) ?? 0) > this.holdings.freeFor(next);
  }

  /** A batch of those next in the queue; undefined where nobody is, or no permit or money for the first. */
  fill(): Grant | undefined {
    const permits = batchPermits(this.holdings.freePermits);
    if (permits <= 0) return undefined;
    const taken: Grant['taken'] = [];
    let purse = 0;
    for (let next = this.units.peek(); next !== undefined; next = this.units.peek()) {
      if (taken.length >= batchSize(permits)) break;
      const slice = this.slice(next);
      const money = this.holdings.freeFor(next) - purse;
      // The first must be affordable; later ones may live on what the earlier give back.
      if (taken.length === 0 && slice !== null && slice > money) break;
      purse += Math.min(slice ?? 0, Math.max(0, money));
      taken.push([this.units.take()!, slice]);
      this.holdings.release(next);
    }
    if (taken.length === 0) return undefined;
    const purseMicroUsd = this.limits.budgetMicroUsd === null ? null : purse;
    const window = { epoch: 1, permits: Math.min(permits, taken.length), admits: true, purseMicroUsd, stop: [] };
    return { taken, window };
  }

  private slice(index: number): number | null {
    return this.limits.budgetMicroUsd === null ? null : this.atLeast(index);
  }
  private atLeast(index: number): number {
    return Math.max(this.limits.sliceMicroUsd, this.needs.get(index) ?? 0);
  }
  private get limits(): FleetLimits {
    return this.holdings.limits;
  }
}
