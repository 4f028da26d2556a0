import { Draws } from './draws.ts';
import { TargetModel, type Moments, type Scenario } from './target-model.ts';
import { wallClock } from './wall-clock.ts';

/** What one target took that was tried, however it ended. One whose result was taken over says nothing: leave it out. */
export interface Tried {
  costMicroUsd: number;
  durationMs: number;
}

export interface ForecastInput {
  tried: readonly Tried[];
  /** Targets still to come. */
  remaining: number;
  /** Of them at once. */
  concurrency: number;
  spentMicroUsd: number;
}

/** Quantiles: the median, what 9 of 10 stay below, and the interval that holds 9 of 10. */
export interface Quantiles {
  p50: number;
  p90: number;
  low: number;
  high: number;
}

export interface Forecast {
  /** Targets it rests on. */
  basis: number;
  /** They are one or two: the interval says more about other fleets than about this one. */
  isThin: boolean;
  /** Of all, what was spent included; whole micro-dollars. */
  costMicroUsd: Quantiles;
  /** From now until the last one has ended, without waits for people; whole milliseconds. */
  timeMs: Quantiles;
}

const SCENARIOS = 2_000;
/** Few targets are drawn one by one, since their sum has the shape of its parts; of many the moments say enough. */
const MOST_DRAWN = 40;
/** Scenarios of a wall clock, and targets drawn in all of them together. */
const CLOCKS = { scenarios: 500, targets: 1_000_000 };
/** What the interval leaves out at either end: less than 5 %, since the model is but a model. */
const TAIL = 0.03;

/**
 * What all targets together will cost, and how long those to come will take. Undefined: nothing that was tried says
 * anything. Pure, and the same for the same input.
 */
export function forecast({ tried, remaining, concurrency, spentMicroUsd }: ForecastInput): Forecast | undefined {
  const costs = tried.map(({ costMicroUsd }) => costMicroUsd);
  const durations = tried.map(({ durationMs }) => durationMs);
  if (!costs.some((cost) => cost > 0) || !durations.some((duration) => duration > 0)) return undefined;
  const rest = totals(new TargetModel(costs), remaining, new Draws(1));
  const add = (amount: number): number => Math.round(spentMicroUsd + amount);
  return {
    basis: tried.length,
    isThin: tried.length < 3,
    costMicroUsd: mapped(quantiles(rest), add),
    timeMs: mapped(quantiles(clocks(new TargetModel(durations), remaining, concurrency, new Draws(2))), Math.round),
  };
}

/** The same scenarios twice: without and with a dear kind that nobody saw. */
interface Outcomes {
  plain: Float64Array;
  wary: Float64Array;
}

/** Sums of `count` targets. */
function totals(model: TargetModel, count: number, draws: Draws): Outcomes {
  const outcomes = { plain: new Float64Array(SCENARIOS), wary: new Float64Array(SCENARIOS) };
  for (let i = 0; i < SCENARIOS; i++) {
    const scenario = model.scenario(draws);
    const isSame = scenario.wary === scenario.plain;
    if (count <= MOST_DRAWN) {
      for (let k = 0; k < count; k++) {
        const { plain, wary } = scenario.draw();
        outcomes.plain[i]! += plain;
        outcomes.wary[i]! += wary;
      }
    } else {
      outcomes.plain[i] = sum(scenario.plain, count, draws);
      outcomes.wary[i] = isSame ? outcomes.plain[i]! : sum(scenario.wary, count, draws);
    }
  }
  return outcomes;
}

/** Log-normal with the moments of the sum (Fenton and Wilkinson). */
function sum({ mean, variance }: Moments, count: number, draws: Draws): number {
  const squares = Math.log1p(variance / (count * mean * mean));
  return count * mean * Math.exp(Math.sqrt(squares) * draws.normal() - squares / 2);
}

function clocks(model: TargetModel, count: number, concurrency: number, draws: Draws): Outcomes {
  const { scenarios, targets } = CLOCKS;
  const outcomes = { plain: new Float64Array(scenarios), wary: new Float64Array(scenarios) };
  // What comes before the last ones keeps all slots busy, and its sum says how long.
  const drawn = Math.min(count, Math.max(targets / scenarios, 2 * concurrency));
  for (let i = 0; i < scenarios; i++) {
    const scenario = model.scenario(draws);
    const lengths = drawLengths(scenario, drawn);
    for (const kind of ['plain', 'wary'] as const) {
      const head = count > drawn ? sum(scenario[kind], count - drawn, draws) / concurrency : 0;
      outcomes[kind][i] = wallClock(lengths[kind], concurrency, head);
    }
  }
  return outcomes;
}

function drawLengths(scenario: Scenario, count: number): { plain: number[]; wary: number[] } {
  const lengths = { plain: new Array<number>(count), wary: new Array<number>(count) };
  for (let k = 0; k < count; k++) ({ plain: lengths.plain[k], wary: lengths.wary[k] } = scenario.draw());
  return lengths;
}

/** Its lower end is as if there were no dear kind, its upper ones as if there may be one. */
function quantiles({ plain, wary }: Outcomes): Quantiles {
  plain.sort();
  wary.sort();
  const p50 = at(plain, 0.5);
  const p90 = Math.max(p50, at(wary, 0.9));
  return { p50, p90, low: at(plain, TAIL), high: Math.max(p90, at(wary, 1 - TAIL)) };
}

function at(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below]!;
  return low + ((sorted[below + 1] ?? low) - low) * (place - below);
}

const mapped = ({ p50, p90, low, high }: Quantiles, change: (amount: number) => number): Quantiles => ({
  p50: change(p50),
  p90: change(p90),
  low: change(low),
  high: change(high),
});
