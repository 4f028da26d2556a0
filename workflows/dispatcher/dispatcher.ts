import { MAX_OPEN_BATCHES, REPORT_EACH_END } from '../contract/limits.ts';
import type { BatchInput, BatchState, FleetCarry, FleetInput, FleetStatus, Window } from '../contract/messages.ts';
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
import { Endings, GIVEN_UP, SKIPPED, STOPPED, type Ending } from './endings.ts';
import { Holdings } from './holdings.ts';
import { Life } from './life.ts';
import { OpenBatch } from './open-batch.ts';
import { Units } from './units.ts';

/** What the root must do next; each is given out once. */
export interface Orders {
  open: BatchInput[];
  windows: { batch: number; window: Window }[];
  settle: SettleRequest[];
}

/**
 * The one dispatcher of a tree: queue → batches → states → census. Pure: events in, orders out, so that a property test
 * can drive it through any schedule. Always true: permits free + held = the fleet's, money free + in purses + spent =
 * the fleet's, and every subagent ends once.
 */
export class Dispatcher {
  readonly units: Units;
  private readonly holdings: Holdings;
  private readonly needs = new Map<number, number>();
  private readonly parkReasons = new Map<number, ParkReason>();
  private readonly endings = new Endings();
  /** The newest dispatch number given out. */
  private dispatches: number;
  private readonly life: Life;
  /** Everyone is on the way back, to go on under new limits. */
  private isRecalling = false;
  /** Everyone is on the way back, to go on in the next run. */
  private isHandingOver = false;

  private readonly input: FleetInput;

  constructor(input: FleetInput, prerequisites: readonly (readonly number[])[] | null) {
    const { carry } = input;
    this.input = input;
    this.units = new Units(input.count, prerequisites, carry);
    this.holdings = new Holdings(input.limits, carry?.spentMicroUsd ?? 0);
    this.dispatches = carry?.batches ?? 0;
    this.life = new Life(carry);
    for (const [index, reason] of carry?.parked ?? []) this.note(index, reason);
    this.judge();
  }

  /** A batch said how it stands. Repeats and late ones do no harm. */
  heard(state: BatchState): void {
    const batch = this.holdings.batches.get(state.batch);
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
    const batch = this.holdings.batches.get(state.batch);
    if (!batch) return;
    this.heard(state);
    this.holdings.close(state.batch);
    for (let offset = 0; offset < batch.indexes.length; offset++)
      if (state.units[offset] === L.inBatch) this.cameBackUnstarted(batch.indexes[offset]!);
    this.judge();
  }

  /** Units of a dead batch nobody heard the end of: to be settled from the store before they may go on. */
  unsettledOf(number: number): SettleRequest | undefined {
    const batch = this.holdings.batches.get(number);
    return batch && this.request(batch.unheard, null, number);
  }

  /** The store has told how a dead batch's units stand. Its permits and its purse are free from here on. */
  lost(number: number, request: SettleRequest, outcomes: readonly UnitOutcome[]): void {
    if (!this.holdings.batches.has(number)) return;
    this.holdings.close(number);
    request.units.forEach(({ index }, i) => {
      const outcome = outcomes[i]!;
      this.holdings.book(outcome.spentMicroUsd);
      if (outcome.kind === 'ended') this.end(index, outcome.status);
      else this.cameBack(index, outcome.reason);
    });
    this.judge();
  }

  /**
   * `settleSubagents` has committed the ends it was asked for. What the dispatches spent was counted when they came back;
   * what comes on top is a call that a full disk had kept from being written down.
   */
  settled(request: SettleRequest, outcomes: readonly UnitOutcome[]): void {
    request.units.forEach(({ index }, i) => {
      const outcome = outcomes[i]!;
      this.endings.settled(index);
      this.holdings.book(outcome.spentMicroUsd);
      this.end(index, outcome.kind === 'ended' ? outcome.status : (request.end?.status ?? 'stopped'));
    });
    this.judge();
  }

  pauseFor(reason: PauseReason, resetAtMs?: number): void {
    this.life.pauseFor(reason, resetAtMs);
  }

  resume(): void {
    this.life.resume();
    this.judge(); // what came back during the pause may have been too much
  }

  set({ concurrency, budgetMicroUsd }: { concurrency?: number; budgetMicroUsd?: number }): void {
    const before = this.holdings.limits;
    this.holdings.limits = {
      ...before,
      ...(concurrency !== undefined && { concurrency }),
      ...(budgetMicroUsd !== undefined && { budgetMicroUsd }),
    };
    if (budgetMicroUsd === undefined) return;
    // Those in flight have slices without bound, or of more money than there is now: they come back first.
    if (before.budgetMicroUsd === null || this.holdings.freeMicroUsd < 0) this.isRecalling = true;
    const isRaised = budgetMicroUsd > (before.budgetMicroUsd ?? Infinity);
    if (isRaised && this.life.isPausedForMoney) this.resume();
  }

  /** Does nothing once the fleet has ended. */
  cancel(): void {
    this.life.cancel();
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
    if (!this.life.isSteerable) return;
    const failed = ['failed', 'timed_out', 'budget_reached', 'stopped', 'not_attempted'] as const;
    this.units.retry(indexes === 'failed' ? [...this.units.inState(...failed.map((status) => L[status]))] : indexes);
  }

  /** Before a continue-as-new: everything comes back, and nothing is granted in this run any more. */
  handOver(): void {
    this.isHandingOver = true;
  }

  /** Whether a stop or skip of these has come to its end. */
  haveEnded(indexes: readonly number[]): boolean {
    return indexes.every((index) => this.units.isEnded(index) || this.units.letter(index) === undefined);
  }
  get isFinished(): boolean {
    return this.units.hasEnded && this.isQuiet;
  }
  /** All is back, and `carry` tells everything that the next run needs. */
  get isHandedOver(): boolean {
    return this.isHandingOver && this.isQuiet && this.endings.isEmpty;
  }

  orders(): Orders {
    const settle = this.orderSettlements();
    if (this.holdings.batches.size === 0) this.isRecalling = false;
    const windows = this.orderWindows();
    const open = this.isGranting ? this.orderBatches() : [];
    this.pauseWhenBroke();
    return { open, windows, settle };
  }

  get state(): { state: FleetState; reason?: PauseReason; resetAtMs?: number } {
    return this.life.state;
  }

  /** Every subagent has ended: the state follows from the census. */
  finish(): 'completed' | 'failed' | 'cancelled' {
    return this.life.end(finalState(this.units.census, this.holdings.limits.failIf, this.life.isCancelling));
  }

  status(): FleetStatus {
    const { units, input, holdings } = this;
    const inBatch = units.countOf(L.inBatch);
    return {
      v: 1,
      id: input.fleetId,
      name: input.name,
      ...this.state,
      count: units.count,
      census: { ...units.census },
      waiting: units.countOf(L.waiting),
      running: holdings.holding,
      queued: units.countOf(L.queued) + inBatch - Math.min(holdings.holding, inBatch),
      parked: units.countOf(L.parked),
      generation: input.generation,
      concurrency: holdings.limits.concurrency,
      budgetMicroUsd: holdings.limits.budgetMicroUsd,
      spentMicroUsd: holdings.spentMicroUsd,
      startedAtMs: input.startedAtMs,
    };
  }

  /** What the next run starts with. */
  next(): FleetInput {
    const parked = [...this.parkReasons].filter(([index]) => this.units.letter(index) === L.parked);
    const carry: FleetCarry = {
      units: this.units.text,
      generations: this.units.raisedGenerations,
      parked,
      spentMicroUsd: this.holdings.spentMicroUsd,
      batches: this.dispatches,
      ...this.state,
    };
    return { ...this.input, limits: this.holdings.limits, carry };
  }

  private get isGranting(): boolean {
    return this.life.isRunning && !this.isRecalling && !this.isHandingOver;
  }
  private get isQuiet(): boolean {
    return this.holdings.batches.size === 0 && !this.endings.isSettling;
  }

  private slice(index: number): number | null {
    const { budgetMicroUsd, sliceMicroUsd } = this.holdings.limits;
    if (budgetMicroUsd === null) return null;
    return Math.max(sliceMicroUsd, this.needs.get(index) ?? 0);
  }

  private end(index: number, status: SubagentStatus): void {
    this.units.end(index, status);
    this.endings.forget(index);
    this.needs.delete(index);
    this.parkReasons.delete(index);
  }

  private cameBack(index: number, reason: ParkReason): void {
    this.units.park(index);
    this.note(index, reason);
    if (reason.for === 'limit' && !this.endings.of(index)) this.pauseFor(reason.pause, reason.resetAtMs);
  }

  private note(index: number, reason: ParkReason): void {
    this.parkReasons.set(index, reason);
    if (reason.for === 'budget') this.needs.set(index, reason.needMicroUsd);
  }

  private cameBackUnstarted(index: number): void {
    this.units.giveBack(index);
    const ending = this.endings.of(index);
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
    const { life, units } = this;
    if (life.isRunning && mustStop(units.census, this.holdings.limits.failIf)) life.fail();
    if (!life.isFailing && !life.isCancelling) return;
    for (const index of [...units.inState(L.queued, L.waiting)]) this.end(index, 'not_attempted');
    const ending = life.isFailing ? GIVEN_UP : STOPPED;
    for (const index of units.inState(L.parked)) this.mustEnd(index, ending);
  }

  private mustEnd(index: number, ending: Ending): void {
    this.endings.ask(index, ending);
    this.units.withhold(index);
  }

  private request(indexes: readonly number[], end: Ending | null, dispatch: number): SettleRequest {
    const epoch = this.epoch(dispatch);
    const units = indexes.map((index) => ({ index, generation: this.units.generation(index), epoch }));
    return { fleetId: this.input.fleetId, manifest: this.input.manifest, units, end };
  }

  /** Each is a dispatch of its own, so that it fences, and counts, apart from those before it. */
  private orderSettlements(): SettleRequest[] {
    const groups = this.endings.take((index) => this.units.letter(index) === L.parked);
    return [...groups].map(([ending, indexes]) => this.request(indexes, ending, ++this.dispatches));
  }

  private orderWindows(): Orders['windows'] {
    const { holdings } = this;
    const targets = holdings.permitTargets(this.isGranting ? 'grant' : this.life.isFailing ? 'keep' : 'take');
    const orders: Orders['windows'] = [];
    for (const [number, batch] of holdings.batches) {
      const stop = batch.indexes.filter((index) => this.endings.of(index) && this.units.letter(index) === L.inBatch);
      const window = batch.change({
        permits: targets.get(number)!,
        admits: !this.life.isFailing && !this.life.isCancelling,
        purseMicroUsd: holdings.purseFor(batch, this.isGranting, this.isShort()),
        stop,
      });
      if (window) orders.push({ batch: number, window });
    }
    return orders;
  }

  /** Whether someone in the queue waits for money that a batch may hold idle. */
  private isShort(): boolean {
    const next = this.units.peek();
    return next !== undefined && this.holdings.freeMicroUsd < (this.slice(next) ?? 0);
  }

  private orderBatches(): BatchInput[] {
    const opened: BatchInput[] = [];
    while (this.holdings.batches.size < MAX_OPEN_BATCHES) {
      const permits = batchPermits(this.holdings.freePermits);
      const batch = permits > 0 ? this.openBatch(permits) : undefined;
      if (!batch) break;
      opened.push(batch);
    }
    return opened;
  }

  private openBatch(permits: number): BatchInput | undefined {
    let money = this.holdings.freeMicroUsd;
    const isBounded = this.holdings.limits.budgetMicroUsd !== null;
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
    const number = ++this.dispatches;
    const window: Window = {
      epoch: 1,
      permits: Math.min(permits, units.length),
      admits: true,
      purseMicroUsd: isBounded ? purse : null,
      stop: [],
    };
    const indexes = units.map(([index]) => index);
    this.holdings.batches.set(number, new OpenBatch(indexes, window));
    return {
      v: 1,
      fleetId: this.input.fleetId,
      batch: number,
      epoch: this.epoch(number),
      manifest: this.input.manifest,
      units,
      reportsEnds: this.units.count <= REPORT_EACH_END || indexes.some((index) => this.units.hasDependents(index)),
      window,
      maxTimeoutMs: this.input.maxTimeoutMs,
      agentsQueue: this.input.agentsQueue,
    };
  }

  /** Grows with every dispatch of a fleet, over its generations too, so that it fences what came before. */
  private epoch(dispatch: number): number {
    return this.input.generation * 1_000_000 + dispatch;
  }

  /** The next slice does not fit, and nothing in flight can give money back. */
  private pauseWhenBroke(): void {
    if (!this.isGranting || !this.isQuiet) return;
    const next = this.units.peek();
    if (next !== undefined && (this.slice(next) ?? 0) > this.holdings.freeMicroUsd) this.pauseFor('budget_reached');
  }
}
