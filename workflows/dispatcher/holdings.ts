import type { FleetLimits } from '../contract/messages.ts';
import { batchPermits } from '../policy/admission.ts';
import type { OpenBatch } from './open-batch.ts';

export interface PermitTarget {
  permits: number;
  /** As in `Window`. */
  spare?: number;
}

/** What the open batches hold of the fleet's permits and money, and what of both nobody holds. */
export class Holdings {
  readonly batches = new Map<number, OpenBatch>();
  limits: FleetLimits;
  private closedMicroUsd: number;
  /** By subagent: money that only it may be granted. */
  private readonly keptBack = new Map<number, number>();
  private keptBackMicroUsd = 0;

  constructor(limits: FleetLimits, spentMicroUsd: number) {
    this.limits = limits;
    this.closedMicroUsd = spentMicroUsd;
  }

  /** The batch has ended, or is as good as ended: its permits and its purse are free, what it spent stays spent. */
  close(number: number): void {
    this.closedMicroUsd += this.batches.get(number)?.spentMicroUsd ?? 0;
    this.batches.delete(number);
  }

  /** Spent outside what batches told. */
  book(microUsd: number): void {
    this.closedMicroUsd += microUsd;
  }

  get spentMicroUsd(): number {
    let sum = this.closedMicroUsd;
    for (const batch of this.batches.values()) sum += batch.spentMicroUsd;
    return sum;
  }
  /** In flight, as far as known. */
  get holding(): number {
    let sum = 0;
    for (const batch of this.batches.values()) sum += batch.holding;
    return sum;
  }
  /** Handed to batches, and waiting there for a permit. */
  get unstarted(): number {
    let sum = 0;
    for (const batch of this.batches.values()) sum += Math.max(0, batch.usable - batch.holding);
    return sum;
  }
  get freePermits(): number {
    let free = this.limits.concurrency;
    for (const batch of this.batches.values()) free -= batch.heldPermits;
    return free;
  }
  /** Money nobody holds; Infinity without a budget. Negative while a lowered budget is being taken back. */
  get freeMicroUsd(): number {
    if (this.limits.budgetMicroUsd === null) return Infinity;
    let free = this.limits.budgetMicroUsd - this.closedMicroUsd;
    for (const batch of this.batches.values()) free -= batch.heldMicroUsd;
    return free;
  }

  /** A parent that waits can always report: nobody else gets this much of what is free, until it does. */
  keepBack(index: number, microUsd: number): void {
    this.release(index);
    this.keptBack.set(index, microUsd);
    this.keptBackMicroUsd += microUsd;
  }
  release(index: number): void {
    this.keptBackMicroUsd -= this.keptBack.get(index) ?? 0;
    this.keptBack.delete(index);
  }
  /** Money one subagent may be granted: of what is kept back, a parent's own; where that is not covered, all there is. */
  freeFor(index: number): number {
    return this.keptBack.has(index) ? this.freeMicroUsd : this.freeMicroUsd - this.keptBackMicroUsd;
  }

  /**
   * The permits each batch is to have: what it can use of what it has, within the fleet's concurrency; with `grant` also
   * of what is free. `take`: none. `ahead` tells how many in the queue come before what a batch has not started.
   */
  permitTargets(
    intent: 'grant' | 'keep' | 'take',
    ahead: (batch: OpenBatch) => number = () => 0,
  ): Map<number, PermitTarget> {
    const targets = new Map<number, PermitTarget>();
    let left = intent === 'take' ? 0 : this.limits.concurrency;
    for (const [number, batch] of this.batches) {
      const permits = Math.min(intent === 'grant' ? batch.kept : batch.window.permits, batch.usable, left);
      targets.set(number, { permits });
      left -= permits;
    }
    if (intent !== 'grant') return targets;
    let free = Math.min(left, this.freePermits);
    for (const [number, batch] of this.batches) {
      const target = targets.get(number)!;
      const more = Math.min(free - ahead(batch), batchPermits(batch.usable) - target.permits);
      if (more <= 0 || batch.state?.wants === 0) continue;
      target.permits += more;
      free -= more;
      left -= more;
    }
    for (const [number, batch] of this.batches) {
      const target = targets.get(number)!;
      const spare = Math.min(target.permits, ahead(batch) - left);
      if (spare <= 0) continue;
      target.spare = spare;
      left += spare;
    }
    return targets;
  }

  /** The purse a batch is to have: more when it has none left to start with, less when it is done and money is short. */
  purseFor(batch: OpenBatch, isGranting: boolean, isShort: boolean): number | null {
    if (this.limits.budgetMicroUsd === null) return batch.window.purseMicroUsd;
    const purse = batch.window.purseMicroUsd ?? 0;
    if (!batch.state) return purse;
    const used = batch.state.spentMicroUsd + batch.state.reservedMicroUsd;
    if (batch.state.wants === 0) return isShort ? Math.min(purse, used) : purse;
    const slice = this.limits.sliceMicroUsd;
    if (!isGranting || purse - used >= slice) return purse;
    const more = Math.min(this.freeMicroUsd - this.keptBackMicroUsd, batch.state.wants * slice);
    return more >= slice ? purse + more : purse;
  }
}
