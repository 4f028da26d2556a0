import { APIError } from '@anthropic-ai/sdk';
import type { Usage } from '../../../workflows/contract/task.schema.ts';
import type { ClaudeTrouble } from '../claude.ts';
import { Allowance } from './allowance.ts';
import type { Clock } from './clock.ts';
import { countedInput, DemandLearner, type Demand, type Taken } from './demand.ts';
import { FleetQueue, type Place } from './fleet-queue.ts';
import type { Gate } from './gate.ts';
import type { AdmissionRequest, Reservation } from './limits.ts';
import { LedgerReservation, type Fate, type Granted, type Ledger } from './reservation.ts';

export interface Surroundings {
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  /** Called when a refusal makes further calls of the class vain, until a moment where one is named. */
  close: (trouble: ClaudeTrouble, untilMs: number | undefined) => void;
  /** Whether all wait for the answer of a probe. */
  isProbed: () => boolean;
  /** Called with the gates of a probe: it was answered, or ended without a word. */
  probeEnded: (gates: readonly Gate[], wasAnswered: boolean) => void;
}

interface Waiter {
  readonly request: AdmissionRequest;
  readonly admit: (reservation: Reservation) => void;
  readonly refuse: (reason: unknown) => void;
}

/** At the documented tiers the output limit is a fifth of the input limit: so much more does an output token weigh. */
const OUTPUT_WEIGHT = 5;
/** Shares change with the level without anybody telling. */
const LONGEST_NAP_MS = 500;
const REFUSALS: ReadonlySet<number> = new Set([401, 402, 403, 429, 529]);
/** Others may keep the level below what one large call needs for ever; after so long it goes all the same. */
const PATIENCE_MS = 60_000;
/** Who waits longer parks, and gives its slot to others. */
const LONGEST_WAIT_MS = 120_000;
/** Of a wait the provider asked for, added by chance: other workers were told the same. At most so long. */
const SPREAD = 0.1;
const LONGEST_SPREAD_MS = 2_000;

/** Lets the calls of one model class go as the allowance has it, the fleets in turn. */
export class ClassLimiter implements Ledger {
  readonly #around: Surroundings;
  readonly #allowance: Allowance;
  readonly #queue = new FleetQueue<Waiter>();
  readonly #learner = new DemandLearner();
  #cancelNap: (() => void) | undefined;
  #lastCutMs = -Infinity;
  /** Calls that were refused, it is not known yet why: perhaps no further call has a point. Nobody goes meanwhile. */
  readonly #doubts = new Set<Granted>();
  /** Who is next to go, and since when. */
  #next: Place<Waiter> | undefined;
  #nextSinceMs = 0;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#allowance = new Allowance(around.clock.now());
  }

  admit(request: AdmissionRequest): Promise<Reservation> {
    const { promise, resolve, reject } = Promise.withResolvers<Reservation>();
    const { signal } = request;
    const onAbort = (): void => {
      this.#queue.remove(place);
      reject(signal.reason as Error);
      if (place === this.#next) this.#pump();
    };
    const leave = (): void => signal.removeEventListener('abort', onAbort);
    const place: Place<Waiter> = this.#queue.add(request.fleetId, {
      request,
      admit: (reservation) => (leave(), resolve(reservation)),
      refuse: (reason) => (leave(), reject(reason as Error)),
    });
    signal.addEventListener('abort', onAbort, { once: true });
    // Behind others that wait, nothing changes.
    if (this.#queue.peek() === place) this.#pump();
    return promise;
  }

  /** Leave at once, past all who wait, to find out whether these gates still have to be closed. */
  admitProbe(request: AdmissionRequest, gates: readonly Gate[]): Reservation {
    const demand = this.#learner.expect(request.fleetId, request.inputTokens, request.maxTokens);
    return this.#grant(request, demand, gates);
  }

  /** What kept all waiting may be over. */
  resume(): void {
    this.#pump();
  }

  /** Everybody who waits is refused with this. Returns how many. */
  refuseAll(trouble: ClaudeTrouble): number {
    const waiters = this.#queue.clear();
    for (const { refuse } of waiters) refuse(trouble);
    this.#pump();
    return waiters.length;
  }

  observed(granted: Granted, status: number, headers: Headers): void {
    this.#allowance.report(headers, granted.entry, this.#around.clock.now());
    if (status < 400) this.#around.probeEnded(granted.probed, true);
    else if (REFUSALS.has(status)) this.#doubts.add(granted);
    this.#pump();
  }

  ended(granted: Granted, outcome: Usage | Fate): void {
    const { request, entry, probed } = granted;
    this.#doubts.delete(granted);
    const usage = typeof outcome === 'string' ? undefined : outcome;
    // Of one that broke off nobody says what it took: what was expected.
    const actual = usage === undefined ? (outcome === 'broken off' ? entry.demand : undefined) : takenOf(usage);
    this.#allowance.end(entry, actual, this.#around.clock.now());
    if (outcome === 'never made') this.#allowance.giveBack(entry);
    this.#queue.charge(request.fleetId, (actual === undefined ? 0 : weigh(actual)) - weigh(entry.demand));
    if (usage !== undefined) this.#learner.learn(request.fleetId, request.inputTokens, usage);
    this.#around.probeEnded(probed, usage !== undefined);
    this.#pump();
  }

  refused({ atMs, probed }: Granted, trouble: ClaudeTrouble): void {
    const { verdict } = trouble;
    const nowMs = this.#around.clock.now();
    if (verdict.act === 'pause') this.#around.close(trouble, verdict.resetAtMs);
    if (verdict.act !== 'retry' || !verdict.isRefusal) return;
    this.#around.probeEnded(probed, true);
    // What was sent before the last cut says nothing about the pace since.
    if (atMs >= this.#lastCutMs) {
      this.#lastCutMs = nowMs;
      this.#allowance.cut(isGrowthRefusal(trouble), nowMs);
    }
    this.#wait(trouble, verdict.afterMs ?? 0, nowMs);
  }

  #wait(trouble: ClaudeTrouble, afterMs: number, nowMs: number): void {
    if (afterMs > LONGEST_WAIT_MS) this.#around.close(trouble, nowMs + afterMs);
    else if (afterMs > 0) {
      const spreadMs = Math.min(LONGEST_SPREAD_MS, afterMs * SPREAD) * this.#around.random();
      this.#allowance.pause(nowMs + afterMs + spreadMs);
    }
  }

  /** Lets go whoever may, then sleeps until the next may. */
  #pump(): void {
    this.#cancelNap?.();
    this.#cancelNap = undefined;
    if (this.#doubts.size > 0 || this.#around.isProbed()) return;
    const nowMs = this.#around.clock.now();
    for (let place = this.#queue.peek(); place !== undefined; place = this.#queue.peek()) {
      const { fleetId, inputTokens, maxTokens } = place.item.request;
      const demand = this.#learner.expect(fleetId, inputTokens, maxTokens);
      if (place !== this.#next) [this.#next, this.#nextSinceMs] = [place, nowMs];
      const waitMs = this.#allowance.waitMs(demand, nowMs, nowMs - this.#nextSinceMs > PATIENCE_MS);
      if (waitMs > 0) {
        this.#cancelNap = this.#around.clock.after(Math.min(LONGEST_NAP_MS, Math.ceil(waitMs)), () => this.#pump());
        return;
      }
      this.#queue.serve(place, weigh(demand));
      place.item.admit(this.#grant(place.item.request, demand, []));
    }
  }

  #grant(request: AdmissionRequest, demand: Demand, probed: readonly Gate[]): Reservation {
    const nowMs = this.#around.clock.now();
    const entry = this.#allowance.take(demand, nowMs);
    return new LedgerReservation(this, { request, entry, atMs: nowMs, probed });
  }
}

function takenOf(usage: Usage): Taken {
  return { input: countedInput(usage), output: usage.output_tokens };
}

/** What a call weighs between fleets; never nothing. */
function weigh({ input, output }: Taken): number {
  return 1 + input + OUTPUT_WEIGHT * output;
}

function isGrowthRefusal({ cause }: ClaudeTrouble): boolean {
  return cause instanceof APIError && cause.errorCode === 'ramp_limit_exceeded';
}
