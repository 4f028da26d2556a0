import { MAX_OPEN_BATCHES } from '../contract/limits.ts';
import type {
  BatchInput,
  BatchState,
  FleetCarry,
  FleetInput,
  FleetLimits,
  FleetStatus,
  Window,
} from '../contract/messages.ts';
import { FAILURES } from '../contract/failures.ts';
import {
  UNIT_LETTERS as L,
  statusOfLetter,
  type FleetState,
  type PauseReason,
  type SubagentStatus,
} from '../contract/statuses.ts';
import type { ParkReason, SettleRequest, UnitOutcome } from '../contract/units.ts';
import { batchPermits, batchSize } from '../policy/admission.ts';
import { finalState, mustStop } from '../policy/verdict.ts';
import { OpenBatch } from './open-batch.ts';
import { Units } from './units.ts';

/** What the root must do next; each is given out once. */
export interface Orders {
  open: BatchInput[];
  windows: { batch: number; window: Window }[];
  settle: SettleRequest[];
}

type Ending = { status: SubagentStatus; type: string; message: string };

const STOPPED: Ending = { status: 'stopped', type: FAILURES.stopped, message: 'stopped by a person' };
const SKIPPED: Ending = { status: 'skipped', type: FAILURES.skippedByUser, message: 'skipped by a person' };

/**
 * The one dispatcher of a tree: queue → batches → states → census. Pure: events in, orders out, so that a property test
 * can drive it through any schedule. Always true: permits free + held = the fleet's, money free + in purses + spent =
 * the fleet's, and every subagent ends once.
 */
export class Dispatcher {
  readonly units: Units;
  private readonly batches = new Map<number, OpenBatch>();
  private readonly needs = new Map<number, number>();
  private readonly parkReasons = new Map<number, ParkReason>();
  private readonly endings = new Map<number, Ending>();
  private readonly settling = new Set<number>();
  private limits: FleetLimits;
  private spentMicroUsd: number;
  private batchCount: number;
  private mode: FleetState | 'failing' | 'cancelling';
  private pause: { reason: PauseReason; resetAtMs?: number } | undefined;
  private isRecalling = false;

  private readonly input: FleetInput;

  constructor(input: FleetInput, prerequisites: readonly (readonly number[])[] | null) {
    const { carry } = input;
    this.input = input;
    this.units = new Units(input.count, prerequisites, carry);
    this.limits = input.limits;
    this.spentMicroUsd = carry?.spentMicroUsd ?? 0;
    this.batchCount = carry?.batches ?? 0;
    this.mode = carry?.state === 'paused' ? 'paused' : 'running';
    if (carry?.reason)
      this.pause = { reason: carry.reason, ...(carry.resetAtMs !== undefined && { resetAtMs: carry.resetAtMs }) };
    for (const [index, reason] of carry?.parked ?? []) this.note(index, reason);
    this.judge();
  }

  // ---- what happened -------------------------------------------------------------------------------------------

  /** A batch said how it stands. Repeats and late ones do no harm. */
  heard(state: BatchState): void {
    const batch = this.batches.get(state.batch);
    if (!batch) return;
    const before = batch.state?.units;
    if (!batch.accept(state)) return;
    const reasons = new Map(state.parked);
    for (let offset = 0; offset < state.units.length; offset++) {
      const letter = state.units[offset]!;
      if (letter === before?.[offset]) continue;
      const index = batch.indexes[offset]!;
      const status = statusOfLetter(letter);
      if (status) this.end(index, status);
      else if (letter === L.parked) this.cameBack(index, reasons.get(offset) ?? { for: 'drain' });
      else if (letter === L.running) this.units.started[index] = true;
      else if (letter === L.queued) this.cameBackUnstarted(index);
    }
    this.judge();
  }

  /** A batch returned: its last state is its return value, and what it did not start goes back to the queue. */
  closed(state: BatchState): void {
    const batch = this.batches.get(state.batch);
    if (!batch) return;
    this.heard(state);
    this.batches.delete(state.batch);
    this.spentMicroUsd += state.spentMicroUsd;
    for (let offset = 0; offset < batch.indexes.length; offset++)
      if (state.units[offset] === L.inBatch) this.cameBackUnstarted(batch.indexes[offset]!);
    this.judge();
  }

  /** Units of a dead batch nobody heard the end of: to be settled from the store before they may go on. */
  unsettledOf(number: number): SettleRequest | undefined {
    const batch = this.batches.get(number);
    if (!batch) return undefined;
    const lost = batch.indexes.filter((_, offset) =>
      [L.inBatch, L.running].includes(batch.letterBefore(offset) as never),
    );
    return this.request(lost, null, number);
  }

  /** The store has told how a dead batch's units stand. Its permits and its purse are free from here on. */
  lost(number: number, request: SettleRequest, outcomes: readonly UnitOutcome[]): void {
    const batch = this.batches.get(number);
    if (!batch) return;
    this.batches.delete(number);
    this.spentMicroUsd += batch.spentMicroUsd;
    request.units.forEach(({ index }, i) => {
      const outcome = outcomes[i]!;
      this.spentMicroUsd += outcome.spentMicroUsd;
      if (outcome.kind === 'ended') this.end(index, outcome.status);
      else this.cameBack(index, outcome.reason);
    });
    this.judge();
  }

  /** `settleSubagents` has committed the ends it was asked for. What those spent was counted when they came back. */
  settled(request: SettleRequest, outcomes: readonly UnitOutcome[]): void {
    request.units.forEach(({ index }, i) => {
      const outcome = outcomes[i]!;
      this.settling.delete(index);
      this.end(index, outcome.kind === 'ended' ? outcome.status : (request.end?.status ?? 'stopped'));
    });
    this.judge();
  }

  // ---- what a person asks --------------------------------------------------------------------------------------

  pauseFor(reason: PauseReason, resetAtMs?: number): void {
    if (this.mode !== 'running' && this.mode !== 'paused') return;
    // A person's pause outranks a provider's: its reset must not wake the fleet.
    if (this.pause?.reason === 'user' && reason !== 'user') return;
    this.mode = 'paused';
    this.pause = { reason, ...(resetAtMs !== undefined && { resetAtMs }) };
  }

  resume(): void {
    if (this.mode !== 'paused') return;
    this.mode = 'running';
    this.pause = undefined;
  }

  set({ concurrency, budgetMicroUsd }: { concurrency?: number; budgetMicroUsd?: number }): void {
    // Those in flight have slices without bound: they come back before a first budget can be kept.
    if (budgetMicroUsd !== undefined && this.limits.budgetMicroUsd === null) this.isRecalling = true;
    const isRaised = budgetMicroUsd !== undefined && budgetMicroUsd > (this.limits.budgetMicroUsd ?? Infinity);
    this.limits = {
      ...this.limits,
      ...(concurrency !== undefined && { concurrency }),
      ...(budgetMicroUsd !== undefined && { budgetMicroUsd }),
    };
    if (isRaised && this.pause?.reason === 'budget_reached') this.resume();
  }

  cancel(): void {
    if (this.mode !== 'cancelled') this.mode = 'cancelling';
    this.pause = undefined;
    this.judge();
  }

  stop(indexes: readonly number[]): void {
    this.endSoon(indexes, STOPPED);
  }
  skip(indexes: readonly number[]): void {
    this.endSoon(indexes, SKIPPED);
  }

  /** Nothing while a cancel or the failure policy is ending the fleet: the closed fleet can be retried whole. */
  retry(indexes: readonly number[] | 'failed'): void {
    if (this.mode !== 'running' && this.mode !== 'paused') return;
    const failed = ['failed', 'timed_out', 'budget_reached', 'stopped', 'not_attempted'] as const;
    this.units.retry(indexes === 'failed' ? [...this.units.inState(...failed.map((status) => L[status]))] : indexes);
  }

  /** Before a continue-as-new: everything comes back, nothing is granted. */
  recall(): void {
    this.isRecalling = true;
  }

  // ---- what follows --------------------------------------------------------------------------------------------

  /** Whether a stop or skip of these has come to its end. */
  haveEnded(indexes: readonly number[]): boolean {
    return indexes.every((index) => this.units.isEnded(index));
  }
  get hasOpenBatches(): boolean {
    return this.batches.size > 0;
  }
  get isFinished(): boolean {
    return this.units.hasEnded && this.batches.size === 0 && this.settling.size === 0;
  }
  get isQuiet(): boolean {
    return this.batches.size === 0 && this.settling.size === 0;
  }

  orders(): Orders {
    const settle = this.orderSettlements();
    if (this.isRecalling && this.batches.size === 0 && this.mode !== 'cancelling') this.isRecalling = false;
    const windows = this.orderWindows();
    const open = this.isGranting ? this.orderBatches() : [];
    this.pauseWhenBroke();
    return { open, windows, settle };
  }

  get state(): { state: FleetState; reason?: PauseReason; resetAtMs?: number } {
    if (this.mode === 'paused') return { state: 'paused', ...this.pause! };
    return { state: this.mode === 'failing' || this.mode === 'cancelling' ? 'running' : this.mode };
  }

  /** Every subagent has ended: the state follows from the census. */
  finish(): 'completed' | 'failed' | 'cancelled' {
    return (this.mode = finalState(this.units.census, this.limits.failIf, this.mode === 'cancelling'));
  }

  status(): FleetStatus {
    const { units, input, limits } = this;
    return {
      v: 1,
      id: input.fleetId,
      name: input.name,
      ...this.state,
      count: units.count,
      census: { ...units.census },
      waiting: units.countOf(L.waiting),
      running: this.holding(),
      queued: units.countOf(L.queued, L.inBatch) - Math.min(this.holding(), units.countOf(L.inBatch)),
      parked: units.countOf(L.parked),
      generation: input.generation,
      concurrency: limits.concurrency,
      budgetMicroUsd: limits.budgetMicroUsd,
      spentMicroUsd: this.spent(),
      startedAtMs: input.startedAtMs,
    };
  }

  carry(): FleetCarry {
    return {
      units: this.units.text,
      generations: this.units.raisedGenerations,
      parked: [...this.parkReasons].filter(([index]) => this.units.letter(index) === L.parked),
      spentMicroUsd: this.spentMicroUsd,
      batches: this.batchCount,
      ...this.state,
    };
  }
  get currentLimits(): FleetLimits {
    return this.limits;
  }

  // ---- inside --------------------------------------------------------------------------------------------------

  private get isGranting(): boolean {
    return this.mode === 'running' && !this.isRecalling;
  }

  private spent(): number {
    let sum = this.spentMicroUsd;
    for (const batch of this.batches.values()) sum += batch.spentMicroUsd;
    return sum;
  }
  private holding(): number {
    let sum = 0;
    for (const batch of this.batches.values()) sum += batch.holding;
    return sum;
  }
  private freePermits(): number {
    let free = this.limits.concurrency;
    for (const batch of this.batches.values()) free -= batch.heldPermits;
    return free;
  }
  /** Money nobody holds; Infinity without a budget. */
  private freeMicroUsd(): number {
    if (this.limits.budgetMicroUsd === null) return Infinity;
    let free = this.limits.budgetMicroUsd - this.spentMicroUsd;
    for (const batch of this.batches.values()) free -= batch.heldMicroUsd;
    return free;
  }
  private slice(index: number): number | null {
    if (this.limits.budgetMicroUsd === null) return null;
    return Math.max(this.limits.sliceMicroUsd, this.needs.get(index) ?? 0);
  }

  private end(index: number, status: SubagentStatus): void {
    this.units.end(index, status);
    this.endings.delete(index);
    this.needs.delete(index);
    this.parkReasons.delete(index);
  }

  private cameBack(index: number, reason: ParkReason): void {
    this.units.park(index);
    this.note(index, reason);
    if (reason.for === 'limit' && !this.endings.has(index)) this.pauseFor(reason.pause, reason.resetAtMs);
  }

  private note(index: number, reason: ParkReason): void {
    this.parkReasons.set(index, reason);
    if (reason.for === 'budget') this.needs.set(index, reason.needMicroUsd);
  }

  private cameBackUnstarted(index: number): void {
    this.units.giveBack(index);
    const ending = this.endings.get(index);
    if (ending && this.units.letter(index) === L.queued) this.end(index, ending.status);
  }

  /** Those never started end at once; those under way end when they came back and the store has their partial result. */
  private endSoon(indexes: readonly number[], ending: Ending): void {
    for (const index of indexes) {
      const letter = this.units.letter(index);
      if (letter === L.queued || letter === L.waiting) this.end(index, ending.status);
      else if (letter === L.parked || letter === L.inBatch) this.mustEnd(index, ending);
    }
    this.judge();
  }

  /** Early stop and cancel: what has not started never will. */
  private judge(): void {
    if (this.mode === 'running' && mustStop(this.units.census, this.limits.failIf)) this.mode = 'failing';
    if (this.mode !== 'failing' && this.mode !== 'cancelling') return;
    for (const index of [...this.units.inState(L.queued, L.waiting)]) this.end(index, 'not_attempted');
    for (const index of this.units.inState(L.parked)) this.mustEnd(index, STOPPED);
  }

  /** The first to ask decides how it ends. */
  private mustEnd(index: number, ending: Ending): void {
    if (!this.endings.has(index)) this.endings.set(index, ending);
    this.units.withhold(index);
  }

  private request(indexes: readonly number[], end: Ending | null, batch = this.batchCount): SettleRequest {
    const units = indexes.map((index) => ({
      index,
      generation: this.units.generation(index),
      epoch: this.epoch(batch),
    }));
    return { fleetId: this.input.fleetId, manifest: this.input.manifest, units, end };
  }

  private orderSettlements(): SettleRequest[] {
    const byStatus = new Map<Ending, number[]>();
    for (const [index, ending] of this.endings) {
      if (this.units.letter(index) !== L.parked || this.settling.has(index)) continue;
      this.settling.add(index);
      byStatus.set(ending, [...(byStatus.get(ending) ?? []), index]);
    }
    return [...byStatus].map(([ending, indexes]) => this.request(indexes, ending));
  }

  private orderWindows(): Orders['windows'] {
    const targets = this.permitTargets();
    const orders: Orders['windows'] = [];
    for (const [number, batch] of this.batches) {
      const stop = batch.indexes.filter((index) => this.endings.has(index) && this.units.letter(index) === L.inBatch);
      const window = batch.change({
        permits: targets.get(number)!,
        admits: this.mode !== 'failing' && this.mode !== 'cancelling',
        purseMicroUsd: this.purseFor(batch),
        stop,
      });
      if (window) orders.push({ batch: number, window });
    }
    return orders;
  }

  private permitTargets(): Map<number, number> {
    const targets = new Map<number, number>();
    const isOpen = this.isGranting || this.mode === 'failing';
    let left = isOpen ? this.limits.concurrency : 0;
    for (const [number, batch] of this.batches) {
      const target = Math.min(batch.window.permits, batch.usable, left);
      targets.set(number, target);
      left -= target;
    }
    if (!this.isGranting) return targets;
    let free = Math.min(left, this.freePermits());
    for (const [number, batch] of this.batches) {
      const more = Math.min(free, batchPermits(batch.usable) - targets.get(number)!);
      if (more <= 0 || batch.state === undefined || batch.state.wants === 0) continue;
      targets.set(number, targets.get(number)! + more);
      free -= more;
    }
    return targets;
  }

  private purseFor(batch: OpenBatch): number | null {
    if (this.limits.budgetMicroUsd === null) return batch.window.purseMicroUsd;
    const purse = batch.window.purseMicroUsd ?? 0;
    if (!batch.state) return purse;
    const used = batch.state.spentMicroUsd + batch.state.reservedMicroUsd;
    if (batch.state.wants === 0) return this.isShort() ? Math.min(purse, used) : purse;
    const slice = this.limits.sliceMicroUsd;
    if (!this.isGranting || purse - used >= slice) return purse;
    const more = Math.min(this.freeMicroUsd(), batch.state.wants * slice);
    return more >= slice ? purse + more : purse;
  }

  /** Whether someone in the queue waits for money that a batch may hold idle. */
  private isShort(): boolean {
    const next = this.units.peek();
    return next !== undefined && this.freeMicroUsd() < (this.slice(next) ?? 0);
  }

  private orderBatches(): BatchInput[] {
    const opened: BatchInput[] = [];
    while (this.batches.size < MAX_OPEN_BATCHES) {
      const permits = batchPermits(this.freePermits());
      const batch = permits > 0 ? this.openBatch(permits) : undefined;
      if (!batch) break;
      opened.push(batch);
    }
    return opened;
  }

  private openBatch(permits: number): BatchInput | undefined {
    let money = this.freeMicroUsd();
    const isBounded = this.limits.budgetMicroUsd !== null;
    const units: BatchInput['units'] = [];
    let purse = 0;
    for (
      let next = this.units.peek();
      next !== undefined && units.length < batchSize(permits);
      next = this.units.peek()
    ) {
      const slice = this.slice(next);
      // The first must be affordable; later ones may live on what the earlier give back.
      if (units.length === 0 && slice !== null && slice > money) break;
      const granted = Math.min(slice ?? 0, Math.max(0, money));
      money -= granted;
      purse += granted;
      units.push([this.units.take()!, this.units.generation(next), slice]);
    }
    if (units.length === 0) return undefined;
    const number = ++this.batchCount;
    const window: Window = {
      epoch: 1,
      permits: Math.min(permits, units.length),
      admits: true,
      purseMicroUsd: isBounded ? purse : null,
      stop: [],
    };
    const indexes = units.map(([index]) => index);
    this.batches.set(number, new OpenBatch(indexes, window));
    return {
      v: 1,
      fleetId: this.input.fleetId,
      batch: number,
      epoch: this.epoch(number),
      manifest: this.input.manifest,
      units,
      reportsEnds: indexes.some((index) => this.units.hasDependents(index)),
      window,
      maxTimeoutMs: this.input.maxTimeoutMs,
      agentsQueue: this.input.agentsQueue,
    };
  }

  /** Grows with every batch of a fleet, over its generations too, so that it fences what came before. */
  private epoch(batch: number): number {
    return this.input.generation * 1_000_000 + batch;
  }

  /** The next slice does not fit, and nothing in flight can give money back. */
  private pauseWhenBroke(): void {
    if (!this.isGranting || this.batches.size > 0 || this.settling.size > 0) return;
    const next = this.units.peek();
    if (next !== undefined && (this.slice(next) ?? 0) > this.freeMicroUsd()) this.pauseFor('budget_reached');
  }
}
