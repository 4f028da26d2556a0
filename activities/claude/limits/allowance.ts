import { Budget, type Mark } from './budget.ts';
import type { Demand } from './demand.ts';
import { Outlook, type Begun } from './outlook.ts';
import { BUDGET_NAMES, readRateReport, type BudgetName } from './rate-headers.ts';
import { Throttle } from './throttle.ts';

/** Until the first answer has told the limits, or that there are none. */
const FIRST_CALLS = 5;
/** Paces the start where no limit is told: per minute. */
const UNTOLD_LIMIT = 48_000;
const UNTOLD_DOUBLING_MS = 500;
const EMPTY_LEVEL = 0.05;
const SHORTEST_DOUBLING_MS = 2_000;

/** A call that was let go, as the books have it. */
export interface Entry {
  readonly demand: Demand;
  readonly marks: ReadonlyMap<BudgetName, Mark>;
  readonly begun: Begun;
}

/** All that bounds the calls of one class now: the provider's budgets, our own caution, and a wait it asked for. */
export class Allowance {
  readonly #budgets: ReadonlyMap<BudgetName, Budget> = new Map(BUDGET_NAMES.map((name) => [name, new Budget()]));
  readonly #untold = new Budget();
  readonly #throttle: Throttle;
  readonly #outlook: Outlook;
  #outstanding = 0;
  #hasHeard = false;
  #pausedUntilMs = 0;

  constructor(nowMs: number) {
    this.#throttle = new Throttle(nowMs);
    this.#outlook = new Outlook(nowMs);
    this.#untold.report({ limit: UNTOLD_LIMIT, remaining: UNTOLD_LIMIT }, this.#untold.mark(nowMs));
  }

  /** Until a call of this demand may go; 0: now. */
  waitMs(demand: Demand, nowMs: number): number {
    if (nowMs < this.#pausedUntilMs) return this.#pausedUntilMs - nowMs;
    if (!this.#hasHeard && this.#outstanding >= FIRST_CALLS) return Infinity;
    this.#advance(nowMs);
    const waits = this.#active().map(([name, budget]) => budget.waitMs(amountOf(name, demand), nowMs));
    return Math.max(0, ...waits);
  }

  take(demand: Demand, nowMs: number): Entry {
    this.#outstanding += 1;
    let part = 1 / UNTOLD_LIMIT;
    for (const [name, budget] of this.#active()) {
      const amount = amountOf(name, demand);
      budget.take(amount);
      if (budget.limit !== undefined && budget !== this.#untold) part = Math.max(part, amount / budget.limit);
    }
    this.#throttle.use(part);
    for (const [name, budget] of this.#budgets) budget.charge(chargedAtOnce(name, demand));
    const marks = new Map([...this.#budgets].map(([name, budget]) => [name, budget.mark(nowMs)]));
    return { demand, marks, begun: this.#outlook.begin(demand.output, nowMs) };
  }

  /** The headers of an answer whose call was let go with this entry. */
  report(headers: Headers, { marks }: Entry, nowMs: number): void {
    this.#advance(nowMs);
    this.#hasHeard = true;
    for (const [name, budget] of this.#budgets) {
      const report = readRateReport(headers, name, nowMs);
      const mark = marks.get(name);
      if (report !== undefined && mark !== undefined) budget.report(report, mark);
    }
  }

  /** What the call took in the end; undefined: nothing, it counts as never made. */
  end({ demand, begun }: Entry, actual: Demand | undefined, nowMs: number): void {
    this.#advance(nowMs);
    this.#hasHeard = true;
    this.#outstanding -= 1;
    this.#outlook.end(begun, nowMs);
    // More or less than expected shows in the level, and in what is expected next: only what was not used at all comes back.
    if (actual === undefined) for (const [name, budget] of this.#active()) budget.take(-amountOf(name, demand));
    for (const [name, budget] of this.#budgets) {
      budget.charge((actual === undefined ? 0 : amountOf(name, actual)) - chargedAtOnce(name, demand));
    }
  }

  /** A refusal. Those an empty budget explains are no reason for caution beyond its level. */
  cut(isGrowth: boolean, nowMs: number): void {
    this.#advance(nowMs);
    if (!isGrowth && this.#level(nowMs) <= EMPTY_LEVEL) return;
    this.#throttle.cut(isGrowth);
  }

  pause(untilMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
    for (const budget of [...this.#budgets.values(), this.#untold]) budget.forfeit(this.#pausedUntilMs);
  }

  #advance(nowMs: number): void {
    const isTold = this.#isTold;
    const { durationMs } = this.#outlook;
    const doublingMs = isTold ? Math.max(SHORTEST_DOUBLING_MS, 2 * durationMs) : UNTOLD_DOUBLING_MS;
    this.#throttle.advance(nowMs, this.#level(nowMs), doublingMs);
    this.#outlook.advance(nowMs);
    for (const [name, budget] of this.#active()) {
      const isOutput = name === 'output-tokens' || name === 'tokens';
      budget.advance(
        nowMs,
        this.#throttle.share >= 1 ? Infinity : this.#throttle.share,
        isOutput ? this.#outlook.ahead : 0,
      );
    }
  }

  /** Of the scarcest budget. */
  #level(nowMs: number): number {
    return Math.min(1, ...this.#active().map(([, budget]) => budget.level(nowMs)));
  }

  get #isTold(): boolean {
    return [...this.#budgets.values()].some(({ limit }) => limit !== undefined);
  }

  /** The budgets that count; the sum of tokens only for a provider that does not tell them apart. */
  #active(): [BudgetName, Budget][] {
    const told = [...this.#budgets].filter(([, { limit }]) => limit !== undefined);
    if (told.length === 0) return this.#throttle.share < 1 ? [['requests', this.#untold]] : [];
    const isApart = told.some(([name]) => name === 'input-tokens' || name === 'output-tokens');
    return isApart ? told.filter(([name]) => name !== 'tokens') : told;
  }
}

function amountOf(name: BudgetName, { input, output }: Demand): number {
  switch (name) {
    case 'requests':
      return 1;
    case 'input-tokens':
      return input;
    case 'output-tokens':
      return output;
    case 'tokens':
      return input + output;
  }
}

/** What the provider counts when a call begins; output counts when it has been made. */
function chargedAtOnce(name: BudgetName, demand: Demand): number {
  return amountOf(name, { ...demand, output: 0 });
}
