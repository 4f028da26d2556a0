import { expect } from 'vitest';
import type { Lineage } from '../../client/fleet-client/lineage.ts';
import { reopen } from '../../client/fleet-client/reopen.ts';
import { decodeGraph } from '../../workflows/contract/graph.ts';
import type { BatchInput, BatchState, FleetInput, Window } from '../../workflows/contract/messages.ts';
import { SUBAGENT_STATUSES, statusOfLetter } from '../../workflows/contract/statuses.ts';
import type {
  AdmitRequest,
  GateRequest,
  Parents,
  Rollout,
  ScriptRef,
  SettleRequest,
  UnitOutcome,
} from '../../workflows/contract/units.ts';
import { BatchLedger } from '../../workflows/dispatcher/batch-ledger.ts';
import { Dispatcher } from '../../workflows/dispatcher/dispatcher.ts';
import { PlayedParents, expectResults } from './played-parents.ts';

/** mulberry32: a schedule is its seed. */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

interface LiveBatch {
  input: BatchInput;
  ledger: BatchLedger;
  windows: Window[];
  states: BatchState[];
  running: Map<number, number>;
  asked: Set<number>;
}

export interface WorldOptions {
  count: number;
  concurrency: number;
  budgetMicroUsd: number | null;
  sliceMicroUsd: number;
  prerequisites: number[][] | null;
  failIf: { rate?: number; count?: number } | null;
  /** How deep subagents may spawn; absent: none does. */
  mostDepth?: number;
  maxTotalAgents?: number;
  hasScript?: boolean;
  rollout?: Rollout;
  /** As `loadWaves` gives them. */
  waves?: string;
}

/**
 * Root and batches as Temporal would run them, with everything that may vary left to a seed: the order in which windows
 * and states arrive, how subagents end, what a person asks, which batch dies. Keeps its own books to hold against theirs.
 */
export class FleetWorld {
  root: Dispatcher;
  readonly ends = new Map<string, number>();
  readonly batches = new Map<number, LiveBatch>();
  trueSpentMicroUsd = 0;
  highestConcurrency: number;
  faults = { deaths: 0, pauses: 0, stops: 0, parks: 0, cancels: 0, runs: 0, cuts: 0 };
  readonly parents: PlayedParents;
  /** Updates that have not been acknowledged: while one waits, no run ends. */
  private waiting: (() => boolean)[] = [];
  private isHandingOver = false;
  /** While a lowered budget is being taken back: what may be spent until everyone is back. */
  private ceilingMicroUsd = 0;
  /** By batch and offset: what a dispatch that came back had spent. */
  private readonly spentByUnit = new Map<string, number>();
  private readonly pendingSettles: SettleRequest[] = [];
  private readonly pendingDeaths: { number: number; request: SettleRequest; outcomes: UnitOutcome[] }[] = [];
  private readonly pendingAsks: (() => void)[] = [];
  private readonly random: (bound: number) => number;
  private readonly options: WorldOptions;
  budgetMicroUsd: number | null;

  constructor(options: WorldOptions, seed: number) {
    this.random = randomFrom(seed);
    this.options = options;
    this.parents = new PlayedParents(this.random, options.count, options.mostDepth ?? 0);
    this.highestConcurrency = options.concurrency;
    this.budgetMicroUsd = options.budgetMicroUsd;
    const input: FleetInput = {
      v: 1,
      fleetId: 'f',
      name: 'world',
      manifest: 'sha256:0',
      count: options.count,
      hasGraph: options.prerequisites !== null,
      maxTimeoutMs: 1,
      agentsQueue: 'q',
      generation: 1,
      startedAtMs: 0,
      limits: {
        concurrency: options.concurrency,
        budgetMicroUsd: options.budgetMicroUsd,
        sliceMicroUsd: options.sliceMicroUsd,
        failIf: options.failIf,
        ...(options.maxTotalAgents !== undefined && { maxTotalAgents: options.maxTotalAgents }),
      },
      ...(options.hasScript && { hasScript: true }),
      ...(options.rollout && { rollout: options.rollout }),
    };
    this.root = new Dispatcher(input, options.prerequisites, options.waves);
    this.obeyOrders();
  }

  /** One event, chosen at random: a message arrives, a subagent comes back, a person asks, a batch dies. */
  step(isCalm: boolean): void {
    const events = this.possible(isCalm);
    if (events.length > 0) events[this.random(events.length)]!();
    this.settleDown();
    this.obeyOrders();
    this.check();
  }

  private possible(isCalm: boolean): (() => void)[] {
    const events: (() => void)[] = [];
    for (const [number, batch] of this.batches) {
      if (batch.windows.length > 0) events.push(() => batch.ledger.obey(batch.windows.shift()!));
      if (batch.states.length > 0) events.push(() => this.root.heard(batch.states.shift()!));
      const offsets = [...batch.running.keys()];
      for (let i = 0; i < Math.min(3, offsets.length); i++) {
        const offset = offsets[this.random(offsets.length)]!;
        events.push(() => batch.running.has(offset) && this.comeBack(batch, offset, isCalm));
      }
      if (!isCalm && this.random(35) === 0) events.push(() => this.kill(number, batch));
    }
    for (const request of this.pendingSettles) events.push(() => this.settle(request));
    for (const death of this.pendingDeaths) events.push(() => this.bury(death));
    for (const answer of this.pendingAsks) events.push(() => this.answer(answer));
    if (!isCalm && this.random(4) === 0) events.push(() => this.steer());
    return events;
  }

  private steer(): void {
    const index = this.random(this.root.units.count);
    switch (this.random(11)) {
      case 10:
        return this.decide(this.random(3) > 0);
      case 0:
        this.faults.pauses++;
        return this.root.pauseFor('user');
      case 1:
      case 2:
        return this.root.resume();
      case 3: {
        const concurrency = 1 + this.random(12);
        this.highestConcurrency = Math.max(this.highestConcurrency, concurrency);
        return this.root.set({ concurrency });
      }
      case 4:
        this.faults.stops++;
        this.waiting.push(() => this.root.haveEnded([index]));
        return this.root.stop([index]);
      case 5:
        this.waiting.push(() => this.root.haveEnded([index]));
        return this.root.skip([index]);
      case 6:
        this.isHandingOver = true;
        return this.root.handOver();
      case 7:
        return this.root.retry([index]);
      case 8:
        if (this.random(12) > 0) return;
        this.faults.cancels++;
        this.waiting.push(() => this.root.isFinished);
        return this.root.cancel();
      default:
        if (this.budgetMicroUsd === null) return;
        return this.setBudget(this.budgetMicroUsd + this.random(400) - 150);
    }
  }

  private setBudget(microUsd: number): void {
    const before = this.budgetMicroUsd!;
    this.budgetMicroUsd = Math.max(0, microUsd);
    if (this.budgetMicroUsd < before) {
      this.faults.cuts++;
      this.ceilingMicroUsd = Math.max(this.ceilingMicroUsd, before);
    }
    this.root.set({ budgetMicroUsd: this.budgetMicroUsd });
  }

  /** What the root does once everyone is back: it goes on as a new run. */
  private continueAsNew(): void {
    this.waiting = this.waiting.filter((isDone) => !isDone());
    if (!this.isHandingOver || this.root.isFinished || !this.root.isHandedOver || this.waiting.length > 0) return;
    if (this.batches.size > 0 || this.pendingSettles.length + this.pendingAsks.length > 0)
      throw new Error('handed over with work under way');
    const before = this.root.status();
    this.startRun(this.root.next());
    this.faults.runs++;
    // A failure policy looks anew at what a retry has taken back.
    if (!this.options.failIf) expect(this.root.status()).toEqual(before);
  }

  private comeBack(batch: LiveBatch, offset: number, isCalm: boolean): void {
    const slice = batch.running.get(offset)!;
    const spentMicroUsd = this.random(slice + 1);
    batch.running.delete(offset);
    this.spentByUnit.set(`${batch.input.batch}/${offset}`, spentMicroUsd);
    this.trueSpentMicroUsd += spentMicroUsd;
    const [index, generation] = batch.input.units[offset]!;
    const roll = this.random(isCalm ? 4 : 12);
    const parked = (reason: Extract<UnitOutcome, { kind: 'parked' }>['reason']): UnitOutcome => {
      this.faults.parks++;
      return { kind: 'parked', reason, spentMicroUsd };
    };
    if (batch.asked.has(offset) && roll > 0) return batch.ledger.came(offset, parked({ for: 'drain' }));
    if (roll === 5) return batch.ledger.came(offset, parked({ for: 'drain' }));
    if (roll === 6 && this.budgetMicroUsd !== null)
      return batch.ledger.came(offset, parked({ for: 'budget', needMicroUsd: 1 + this.random(40) }));
    if (roll === 7) return batch.ledger.came(offset, parked({ for: 'limit', pause: 'usage_limit' }));
    const ask = this.parents.ask(index, generation, this.root.units.depth(index), isCalm);
    if (ask) return batch.ledger.came(offset, { kind: 'parked', reason: ask, spentMicroUsd });
    const status = roll < 4 ? 'completed' : SUBAGENT_STATUSES[this.random(4)]!;
    this.recordEnd(index, generation);
    batch.ledger.came(offset, { kind: 'ended', status, spentMicroUsd });
  }

  private recordEnd(index: number, generation: number): void {
    const key = `${index}/${generation}`;
    this.ends.set(key, (this.ends.get(key) ?? 0) + 1);
    this.parents.ends(index, generation);
  }

  /** What the activities of a root's parents come back with, some time later. */
  private takeAsks(admit?: AdmitRequest, exchange?: ScriptRef, judge?: GateRequest): void {
    if (admit) this.pendingAsks.push(() => this.root.admitted(this.parents.admit(admit)));
    const hasEnded = (index: number): boolean => this.root.units.isEnded(index);
    if (exchange)
      this.pendingAsks.push(() => {
        if (!this.root.isEndingEarly) return this.root.exchanged(this.parents.exchange(exchange, hasEnded));
        this.parents.breakOff(exchange, hasEnded);
        this.root.notExchanged();
      });
    if (judge) this.pendingAsks.push(() => this.root.judged(this.parents.judge(judge)));
  }

  private answer(answer: () => void): void {
    this.pendingAsks.splice(this.pendingAsks.indexOf(answer), 1);
    answer();
  }

  /** A person retries what failed of the ended fleet: its next generation begins with what the summary tells. */
  nextGeneration(): void {
    const { units, parents } = this.root;
    const { carry, ...input } = this.root.next();
    this.root.finish();
    const before = { units: units.text, generations: units.raisedGenerations };
    const again = reopen(before, 'failed', this.lineage(parents?.spawned ?? []));
    const next: FleetInput = {
      ...input,
      generation: input.generation + 1,
      carry: {
        ...{ units: again.units, generations: again.generations, parked: [], batches: 0, state: 'running' },
        spentMicroUsd: carry!.spentMicroUsd,
        ...(parents && { parents }),
      },
    };
    this.startRun(next);
    this.spentByUnit.clear();
    this.obeyOrders();
  }

  /** As Temporal would hand it over. */
  private startRun(input: FleetInput): void {
    const { prerequisites, waves } = this.options;
    this.root = new Dispatcher(JSON.parse(JSON.stringify(input)) as FleetInput, prerequisites, waves);
    this.isHandingOver = false;
  }

  private lineage(spawned: Parents['spawned']): Lineage {
    const prerequisites = [...(this.options.prerequisites ?? Array.from({ length: this.options.count }, () => []))];
    const parents: (number | undefined)[] = [...prerequisites].map(() => undefined);
    for (const [count, by, , graph] of spawned) {
      prerequisites.push(...(graph === null ? Array.from({ length: count }, () => []) : decodeGraph(graph, count)));
      for (let i = 0; i < count; i++) parents.push(by === 'script' ? undefined : by);
    }
    return { prerequisites, parents };
  }

  /** A person looks at the oldest thing that is asked. */
  decide(isApproved: boolean): void {
    const asked = this.root.status().approvals?.[0];
    if (!asked) return;
    if (this.root.decide('another', true)) throw new Error('approved what nobody asked');
    if (!this.root.decide(asked.hash, isApproved)) throw new Error('what is asked may not be decided');
  }

  /** A batch vanishes; what ran in it has spent something nobody heard of. */
  private kill(number: number, batch: LiveBatch): void {
    this.faults.deaths++;
    this.batches.delete(number);
    const request = this.root.unsettledOf(number)!;
    const told = batch.ledger.speak();
    const outcomes = request.units.map(({ index }): UnitOutcome => {
      const offset = batch.input.units.findIndex(([other]) => other === index);
      const status = statusOfLetter(told.units[offset]!);
      const spent = this.spentIn(batch, offset);
      if (status) return { kind: 'ended', status, spentMicroUsd: spent };
      return { kind: 'parked', reason: { for: 'drain' }, spentMicroUsd: spent };
    });
    this.pendingDeaths.push({ number, request, outcomes });
  }

  private spentIn(batch: LiveBatch, offset: number): number {
    const running = batch.running.get(offset);
    if (running !== undefined) {
      const spent = this.random(running + 1);
      this.trueSpentMicroUsd += spent;
      return spent;
    }
    return this.spentByUnit.get(`${batch.input.batch}/${offset}`) ?? 0;
  }

  private bury(death: (typeof this.pendingDeaths)[number]): void {
    this.pendingDeaths.splice(this.pendingDeaths.indexOf(death), 1);
    this.root.lost(death.number, death.request, death.outcomes);
  }

  private settle(request: SettleRequest): void {
    this.pendingSettles.splice(this.pendingSettles.indexOf(request), 1);
    for (const { index, generation } of request.units) this.recordEnd(index, generation);
    const outcomes = request.units.map((): UnitOutcome => {
      // With a budget it would have had to come out of a slice.
      const spentMicroUsd = this.budgetMicroUsd === null ? this.random(3) : 0;
      this.trueSpentMicroUsd += spentMicroUsd;
      return { kind: 'ended', status: request.end!.status, spentMicroUsd };
    });
    this.root.settled(request, outcomes);
  }

  /** What the batch workflow's loop does after each event. */
  private settleDown(): void {
    for (const [number, batch] of this.batches) {
      for (let offset = batch.ledger.startNext(); offset !== undefined; offset = batch.ledger.startNext())
        batch.running.set(offset, batch.input.units[offset]![2] ?? 20);
      for (const offset of batch.ledger.recall()) batch.asked.add(offset);
      if (batch.ledger.isDone) {
        this.batches.delete(number);
        this.root.closed(batch.ledger.speak());
      } else if (batch.ledger.hasNews && batch.states.length === 0) batch.states.push(batch.ledger.speak());
    }
  }

  obeyOrders(): void {
    const { open, windows, settle, admit, exchange, judge } = this.root.orders();
    for (const input of open)
      this.batches.set(input.batch, {
        input,
        ledger: new BatchLedger(input),
        windows: [],
        states: [],
        running: new Map(),
        asked: new Set(),
      });
    for (const { batch, window } of windows) this.batches.get(batch)?.windows.push(window);
    this.pendingSettles.push(...settle);
    this.takeAsks(admit, exchange, judge);
    this.continueAsNew();
    if (open.length > 0) {
      this.settleDown();
      this.obeyOrders();
    }
  }

  private checkWave(index: number): void {
    const { waves } = this.options;
    const wave = (waves?.charCodeAt(index) ?? 0) - 48;
    if (waves && wave > this.root.status().wave!.open) throw new Error(`subagent ${index} is of wave ${wave}`);
  }

  /** What must hold after every event, by the world's own books. */
  private check(): void {
    let holding = 0;
    let reserved = 0;
    const inFlight = new Set<number>();
    for (const batch of this.batches.values()) {
      holding += batch.running.size;
      for (const [offset, slice] of batch.running) {
        reserved += slice;
        const index = batch.input.units[offset]![0];
        if (inFlight.has(index)) throw new Error(`subagent ${index} is in flight twice`);
        inFlight.add(index);
        this.checkWave(index);
      }
    }
    if (holding > this.highestConcurrency) throw new Error(`${holding} in flight, ${this.highestConcurrency} permits`);
    if (this.batches.size === 0) this.ceilingMicroUsd = this.trueSpentMicroUsd;
    const ceiling = Math.max(this.budgetMicroUsd ?? Infinity, this.ceilingMicroUsd);
    if (this.trueSpentMicroUsd + reserved > ceiling)
      throw new Error(`${this.trueSpentMicroUsd} spent and ${reserved} reserved of ${ceiling}`);
    for (const [key, times] of this.ends) if (times > 1) throw new Error(`subagent ${key} ended ${times} times`);
    const { census } = this.root.units;
    const ended = Object.values(census).reduce((sum, n) => sum + n, 0);
    const letters = [...this.root.units.text].filter((letter) => statusOfLetter(letter)).length;
    const { units } = this.root;
    if (units.count > this.options.count)
      expectResults(units.text, this.options.count, (index) =>
        this.parents.results.has(`${index}/${units.generation(index)}`),
      );
    if (ended !== letters) throw new Error(`census says ${ended}, letters ${letters}`);
  }
}
