import { Budget, type Mark } from './budget.ts';
import type { Demand, Taken } from './demand.ts';
import { Outlook, type Begun } from './outlook.ts';
import { OutputHold, type HoldMark } from './output-hold.ts';
import { BUDGET_NAMES, readRateReport, type BudgetName } from './rate-headers.ts';
import { Throttle } from './throttle.ts';

/** Until the first answer has told the limits, or that there are none. */
const FIRST_CALLS = 5;
/** Paces the start where no limit is told: per minute. */
const UNTOLD_LIMIT = 48_000;
const UNTOLD_DOUBLING_MS = 500;
const EMPTY_LEVEL = 0.05;
const SHORTEST_STEP_MS = 2_000;

/** A call that was let go, as the books have it. */
export interface Entry {
  readonly demand: Demand;
  readonly marks: ReadonlyMap<BudgetName, Mark>;
  readonly begun: Begun;
  readonly holdMark: HoldMark;
  /** Output tokens the provider is thought to have taken already. */
  readonly held: number;
}

/** All that bounds the calls of one class now: the provider's budgets, our own caution, and a wait it asked for. */
export class Allowance {
  readonly #budgets: ReadonlyMap<BudgetName, Budget> = new Map(BUDGET_NAMES.map((name) => [name, new Budget()]));
  readonly #untold = new Budget();
  readonly #throttle: Throttle;
  readonly #outlook: Outlook;
  readonly #hold = new OutputHold();
  #outstanding = 0;
  #hasHeard = false;
  #isWanted = false;
  #pausedUntilMs = 0;

  constructor(nowMs: number) {
    this.#throttle = new Throttle(nowMs);
    this.#outlook = new Outlook(nowMs);
    this.#untold.report(
      { limit: UNTOLD_LIMIT, remaining: UNTOLD_LIMIT, capacity: UNTOLD_LIMIT },
      this.#untold.mark(nowMs),
    );
  }

  /** Until a call of this demand may go; 0: now. `isPatient`: it has been the next to go for long. */
  waitMs(demand: Demand, nowMs: number, isPatient: boolean): number {
    if (nowMs < this.#pausedUntilMs) return this.#pausedUntilMs - nowMs;
    if (!this.#hasHeard && this.#outstanding >= FIRST_CALLS) return Infinity;
    this.#advance(nowMs);
    const waits = this.#active().map(([name, budget]) => budget.waitMs(this.#needed(name, demand), nowMs, isPatient));
    const waitMs = Math.max(0, ...waits);
    this.#isWanted = waitMs > 0;
    return waitMs;
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
    const held = this.#hold.isHeld ? demand.maxTokens : 0;
    for (const [name, budget] of this.#budgets) budget.charge(amountOf(name, { input: demand.input, output: held }));
    this.#hold.begin(demand.maxTokens);
    const marks = new Map([...this.#budgets].map(([name, budget]) => [name, budget.mark(nowMs)]));
    const begun = this.#outlook.begin(demand.output, nowMs);
    return { demand, marks, begun, held, holdMark: this.#hold.mark(nowMs) };
  }

  /** The headers of an answer whose call was let go with this entry. */
  report(headers: Headers, { marks, holdMark }: Entry, nowMs: number): void {
    this.#advance(nowMs);
    this.#hasHeard = true;
    for (const [name, budget] of this.#budgets) {
      const report = readRateReport(headers, name, nowMs);
      const mark = marks.get(name);
      if (report === undefined || mark === undefined) continue;
      budget.report(report, mark);
      if (name === 'output-tokens') this.#hold.report(report, holdMark);
    }
  }

  /**
   * What the call took in the end; undefined: nothing. More or less than expected shows in the level and in what is expected
   * next, so the pace is not corrected for it.
   */
  end({ demand, begun, held }: Entry, actual: Taken | undefined, nowMs: number): void {
    this.#advance(nowMs);
    this.#hasHeard = true;
    this.#outstanding -= 1;
    this.#outlook.end(begun, nowMs);
    this.#hold.end(demand.maxTokens, actual?.output ?? 0);
    for (const [name, budget] of this.#budgets) {
      const charged = amountOf(name, { input: demand.input, output: held });
      budget.charge((actual === undefined ? 0 : amountOf(name, actual)) - charged);
    }
  }

  /** The call was never made: another may go in its place. After one that was refused none may, that would be a burst. */
  giveBack({ demand }: Entry): void {
    for (const [name, budget] of this.#active()) budget.giveBack(amountOf(name, demand));
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
    const stepMs = Math.max(SHORTEST_STEP_MS, 2 * this.#outlook.durationMs);
    const doublingMs = this.#isTold ? stepMs : UNTOLD_DOUBLING_MS;
    this.#throttle.advance(nowMs, { isWanted: this.#isWanted, level: this.#level(nowMs), doublingMs, stepMs });
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

  /** What must be left for the provider to let the call begin. */
  #needed(name: BudgetName, { input, output, maxTokens }: Demand): number {
    return amountOf(name, { input, output: this.#hold.isHeld ? maxTokens : output });
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

function amountOf(name: BudgetName, { input, output }: Taken): number {
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
