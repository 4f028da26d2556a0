import type { BatchInput, BatchState, FleetInput, FleetStatus, Window } from '../contract/messages.ts';
import {
  UNIT_LETTERS as L,
  statusOfLetter,
  type FleetState,
  type PauseReason,
  type SubagentStatus,
} from '../contract/statuses.ts';
import type {
  Admission,
  AdmitRequest,
  GateRequest,
  ParkReason,
  Parents,
  ScriptOutcome,
  ScriptRef,
  SettleRequest,
  UnitOutcome,
} from '../contract/units.ts';
import { finalState, mustStop } from '../policy/verdict.ts';
import { Dispatches } from './dispatches.ts';
import {
  DEPENDENCY_FAILED,
  Endings,
  GIVEN_UP,
  NOT_ATTEMPTED,
  ORPHANED,
  SKIPPED,
  STOPPED,
  type Ending,
} from './endings.ts';
import type { Ask } from './family.ts';
import { Grants } from './grants.ts';
import { Holdings } from './holdings.ts';
import { Life } from './life.ts';
import { Tree } from './tree.ts';
import type { Units } from './units.ts';
import type { Judgement } from './waves.ts';

/** What the root must do next; each is given out once. */
export interface Orders {
  open: BatchInput[];
  windows: { batch: number; window: Window }[];
  settle: SettleRequest[];
  admit?: AdmitRequest;
  exchange?: ScriptRef;
  judge?: GateRequest;
}

/**
 * The one dispatcher of a tree: queue → batches → states → census. Pure: events in, orders out, so that a property test
 * can drive it through any schedule. Always true: permits free + held = the fleet's, money free + in purses + spent =
 * the fleet's, and every subagent ends once.
 */
export class Dispatcher {
  readonly units: Units;
  private readonly tree: Tree;
  private readonly holdings: Holdings;
  private readonly grants: Grants;
  private readonly parkReasons = new Map<number, ParkReason>();
  private readonly endings = new Endings();
  private readonly dispatches: Dispatches;
  private readonly life: Life;
  /** The request that is being admitted: one at a time, since the indexes of the next depend on it. */
  private admitting: { ask: Ask; isNew: boolean } | undefined;
  /** Everyone is on the way back, to go on under new limits. */
  private isRecalling = false;
  /** Everyone is on the way back, to go on in the next run. */
  private isHandingOver = false;

  private readonly input: FleetInput;

  /** `waves` as `loadWaves` gives them; only read with a rollout. */
  constructor(input: FleetInput, prerequisites: readonly (readonly number[])[] | null, waves = '') {
    const { carry } = input;
    this.input = input;
    this.tree = new Tree(input, prerequisites, waves);
    this.units = this.tree.units;
    this.holdings = new Holdings(input.limits, carry?.spentMicroUsd ?? 0);
    this.grants = new Grants(this.units, this.holdings);
    const { tree, holdings, grants, endings } = this;
    this.dispatches = new Dispatches(input, { tree, holdings, grants, endings }, carry?.batches ?? 0);
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
    // From the last, since each goes back to the head of its line.
    for (let offset = batch.indexes.length - 1; offset >= 0; offset--)
      if (state.units[offset] === L.inBatch) this.cameBackUnstarted(batch.indexes[offset]!);
    this.judge();
  }

  /** Units of a dead batch nobody heard the end of: to be settled from the store before they may go on. */
  unsettledOf(number: number): SettleRequest | undefined {
    const batch = this.holdings.batches.get(number);
    return batch && this.dispatches.request(batch.unheard, null, number);
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

  /** The root's answer to the newest `admit` lies in the store. */
  admitted(admission: Admission): void {
    const { ask, isNew } = this.admitting!;
    this.admitting = undefined;
    this.tree.admit(ask, isNew, admission);
    this.judge();
  }

  /** The newest `admit` can never be answered: its parent ends by that. */
  notAdmitted(error: { type: string; message: string }): void {
    const { spawner } = this.admitting!.ask;
    this.admitting = undefined;
    if (spawner === 'script') this.tree.endScript({ error });
    else this.endSoon([spawner], { status: 'failed', ...error });
    this.judge();
  }

  /** The newest `exchange` came back. */
  exchanged(outcome: ScriptOutcome): void {
    this.tree.exchanged(outcome);
    this.judge();
  }

  /** The newest `exchange` was broken off, as an early end asks for. */
  notExchanged(): void {
    this.tree.script?.lost();
    this.judge();
  }

  /** The newest `judge` came back. */
  judged(verdict: Judgement): void {
    if (this.tree.waves?.judged(verdict)) this.tree.openWave();
    this.judge();
  }

  /** False where nothing of this hash is asked at the moment. A rejected gate ends the fleet as a cancel does. */
  decide(hash: string, isApproved: boolean): boolean {
    if (!this.life.isSteerable || !this.tree.approvals.some((asked) => asked.hash === hash)) return false;
    if (!this.tree.decide(hash, isApproved)) this.life.cancel();
    this.judge();
    return true;
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
    this.judge();
  }
  skip(indexes: readonly number[]): void {
    this.endSoon(indexes, SKIPPED);
    this.judge();
  }

  /** Nothing while a cancel or the failure policy is ending the fleet: the closed fleet can be retried whole. */
  retry(indexes: readonly number[] | 'failed'): void {
    if (!this.life.isSteerable) return;
    this.units.retry(indexes === 'failed' ? this.tree.failed : indexes);
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
    const mayGoOn = this.tree.script && !this.tree.script.outcome && this.life.isSteerable;
    return this.units.hasEnded && this.isQuiet && !mayGoOn;
  }
  /** A cancel or the failure policy is ending it: no answer of a script is waited for. */
  get isEndingEarly(): boolean {
    return this.life.isCancelling || this.life.isFailing;
  }
  /** Nothing is under way, and what is next has not been given out. */
  get isQuiet(): boolean {
    const isAsking = this.admitting || this.tree.script?.isOut || this.tree.waves?.isJudging;
    return this.holdings.batches.size === 0 && !this.endings.isSettling && !isAsking;
  }
  /** Its parents have done something, and nothing is under way: the moment to change runs. */
  get isBetween(): boolean {
    return this.isQuiet && this.endings.isEmpty && this.tree.hasGrown;
  }
  /** All is back, and `carry` tells everything that the next run needs. */
  get isHandedOver(): boolean {
    return this.isHandingOver && this.isQuiet && this.endings.isEmpty;
  }

  orders(): Orders {
    const { life, dispatches } = this;
    const settle = dispatches.settlements();
    if (this.holdings.batches.size === 0) this.isRecalling = false;
    const judge = this.orderGate();
    const intent = this.isGranting ? 'grant' : life.isFailing ? 'keep' : 'take';
    const windows = dispatches.windows(intent, !life.isFailing && !life.isCancelling);
    const open = this.isGranting ? dispatches.batches() : [];
    const admit = this.orderAdmission();
    const exchange = this.orderExchange();
    this.pauseWhenBroke();
    return { open, windows, settle, ...(admit && { admit }), ...(exchange && { exchange }), ...(judge && { judge }) };
  }

  get state(): { state: FleetState; reason?: PauseReason; resetAtMs?: number } {
    return this.waitsForPerson ? { state: 'paused', reason: 'approval' } : this.life.state;
  }

  /** Every subagent has ended: the state follows from the census, or from how its script ended. */
  finish(): 'completed' | 'failed' | 'cancelled' {
    const { script, waves } = this.tree;
    const byCensus = finalState(this.units.census, this.holdings.limits.failIf, this.life.isCancelling);
    const hasThrown = script?.outcome && 'error' in script.outcome;
    return this.life.end(byCensus === 'completed' && (hasThrown || waves?.isLineStopped) ? 'failed' : byCensus);
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
      ...this.tree.status(this.life.isSteerable),
    };
  }

  /** What its parents have done, for the next generation; undefined: there is only a plan. */
  get parents(): Parents | undefined {
    return this.tree.parents;
  }

  /** What the next run starts with. */
  next(): FleetInput {
    const parked = [...this.parkReasons].filter(([index]) => this.units.letter(index) === L.parked);
    return {
      ...this.input,
      limits: this.holdings.limits,
      carry: {
        units: this.units.text,
        generations: this.units.raisedGenerations,
        parked,
        spentMicroUsd: this.holdings.spentMicroUsd,
        batches: this.dispatches.count,
        ...this.life.state,
        ...this.tree.carry,
      },
    };
  }

  private get isGranting(): boolean {
    return this.life.isRunning && !this.isRecalling && !this.isHandingOver;
  }

  /** It asks something, and nothing else can go on. */
  private get waitsForPerson(): boolean {
    if (!this.life.isRunning || this.tree.approvals.length === 0) return false;
    const isIdle = this.isQuiet && this.endings.isEmpty && this.units.peek() === undefined;
    return isIdle && !this.tree.isAsking && !this.tree.script?.isDue(true);
  }

  private end(index: number, status: SubagentStatus): void {
    this.units.end(index, status);
    this.endings.forget(index);
    this.grants.forget(index);
    this.parkReasons.delete(index);
  }

  private cameBack(index: number, reason: ParkReason): void {
    if (reason.for === 'spawn') {
      this.units.hold(index);
      this.tree.ask(index, reason);
    } else this.units.park(index);
    this.note(index, reason);
    if (reason.for === 'limit' && !this.endings.of(index)) this.pauseFor(reason.pause, reason.resetAtMs);
  }

  /** Kept in the order in which they came back. */
  private note(index: number, reason: ParkReason): void {
    this.parkReasons.delete(index);
    this.parkReasons.set(index, reason);
    this.grants.note(index, reason);
  }

  private cameBackUnstarted(index: number): void {
    this.units.giveBack(index);
    const ending = this.endings.of(index);
    if (ending && this.units.letter(index) !== L.parked && !this.units.isSpawned(index)) this.end(index, ending.status);
  }

  /**
   * Those of the plan that never started end at once. Those under way end when they came back and the store has their
   * partial result, spawned ones when it has any: whoever spawned them reads it.
   */
  private endSoon(indexes: Iterable<number>, ending: Ending): void {
    for (const index of indexes) {
      const letter = this.units.letter(index);
      if (letter === undefined || this.units.isEnded(index)) continue;
      const isUnstarted = letter === L.queued || letter === L.waiting;
      if (isUnstarted && !this.units.isSpawned(index)) this.end(index, ending.status);
      else {
        this.endings.ask(index, ending);
        this.units.withhold(index);
      }
    }
  }

  /** What follows from what has happened: who is left behind, early stop and cancel. What has not started never will. */
  private judge(): void {
    const { life, units, tree } = this;
    this.endSoon(tree.family.takeOrphans(), ORPHANED);
    this.endSoon(units.takeDoomed(), DEPENDENCY_FAILED);
    if (life.isRunning && (mustStop(units.census, this.holdings.limits.failIf) || tree.waves?.isLineStopped))
      life.fail();
    if (life.isFailing || life.isCancelling) {
      this.endSoon([...units.inState(L.queued, L.waiting)], NOT_ATTEMPTED);
      this.endSoon(units.inState(L.parked), life.isFailing ? GIVEN_UP : STOPPED);
    }
  }

  private orderAdmission(): AdmitRequest | undefined {
    if (this.admitting || !this.life.isRunning || this.isHandingOver) return undefined;
    const ask = this.tree.nextAsk((index) => this.endings.of(index) !== undefined);
    if (!ask) return undefined;
    this.admitting = ask;
    const { fleetId } = this.input;
    return { fleetId, ...ask.ask, from: this.units.count, room: this.tree.room };
  }

  private orderExchange(): ScriptRef | undefined {
    const { script } = this.tree;
    if (!script || !this.life.isRunning || this.isHandingOver) return undefined;
    const isIdle = this.units.peek() === undefined && this.holdings.unstarted === 0;
    if (!script.isDue(isIdle)) return undefined;
    const { fleetId, manifest } = this.input;
    const { budgetMicroUsd } = this.holdings.limits;
    return script.speak({ fleetId, manifest, spentMicroUsd: this.holdings.spentMicroUsd, budgetMicroUsd });
  }

  /** Opens waves that no gate holds; else the gate is to be judged. */
  private orderGate(): GateRequest | undefined {
    const { waves } = this.tree;
    if (!waves || !this.life.isRunning || this.isHandingOver) return undefined;
    while (waves.next === 'open') this.tree.openWave();
    if (waves.next !== 'judge') return undefined;
    const { fleetId, manifest, startedAtMs } = this.input;
    return {
      ...{ fleetId, manifest, startedAtMs, ...waves.judge() },
      units: this.units.text,
      generations: this.units.raisedGenerations,
      concurrency: this.holdings.limits.concurrency,
      spentMicroUsd: this.holdings.spentMicroUsd,
    };
  }

  /** The next slice does not fit, and nothing in flight can give money back. */
  private pauseWhenBroke(): void {
    if (!this.isGranting || this.holdings.batches.size > 0 || this.endings.isSettling) return;
    if (this.grants.isShort) this.pauseFor('budget_reached');
  }
}
