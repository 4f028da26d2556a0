import { Draws } from './draws.ts';
import { TargetModel, type Distribution } from './target-model.ts';
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
  /** Longest timeout of those to come: a target takes no longer, whatever its tail says. */
  longestMs?: number;
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

const SCENARIOS = { sum: 2_000, clock: 500 };
/** So many scouts, and half of the scenarios of a sum take them as they stand. */
const EVEN_AT = 20;
/** Few targets are drawn one by one, since their sum has the shape of its parts; of many the moments say enough. */
const MOST_DRAWN = 40;
/** Of a wall clock so many are drawn in all scenarios together; what comes before them is a sum. */
const MOST_CLOCKED = 1_000_000;
/** What the interval leaves out below and above: less than 5 %, since the model is but a model. */
const TAILS = { low: 0.025, high: 0.02 };

/**
 * What all targets together will cost, and how long those to come will take. Undefined: nothing that was tried says
 * anything. Pure, and the same for the same input.
 */
export function forecast(input: ForecastInput): Forecast | undefined {
  const { tried, remaining, concurrency, spentMicroUsd, longestMs = Infinity } = input;
  const costs = tried.map(({ costMicroUsd }) => costMicroUsd);
  const durations = tried.map(({ durationMs }) => durationMs);
  if (!costs.some((cost) => cost > 0) || !durations.some((duration) => duration > 0)) return undefined;
  return {
    basis: tried.length,
    isThin: tried.length < 3,
    costMicroUsd: mapped(forecastSum(costs, remaining), (amount) => Math.round(spentMicroUsd + amount)),
    timeMs: mapped(forecastClock(durations, { count: remaining, concurrency, longest: longestMs }), Math.round),
  };
}

/** The sum of `count` amounts more like these, one of which is above 0. Fewer scenarios are quicker and rougher. */
export function forecastSum(amounts: readonly number[], count: number, scenarios = SCENARIOS.sum): Quantiles {
  return quantiles(sums(new TargetModel(amounts), count, scenarios, new Draws(1)));
}

export interface ClockInput {
  count: number;
  concurrency: number;
  /** None takes longer; same unit as the durations. `Infinity`: nobody knows. */
  longest: number;
}

/** When `count` targets more are done, `concurrency` of them at once, if each takes as long as others like these. */
export function forecastClock(
  durations: readonly number[],
  { longest, ...of }: ClockInput,
  scenarios = SCENARIOS.clock,
): Quantiles {
  const bound = Math.max(longest, ...durations);
  return quantiles(clocks(new TargetModel(durations), { ...of, longest: bound, scenarios }, new Draws(2)));
}

/** Outcomes of the same scenarios, taken lightly, as they are likely to be, and warily. */
interface Outcomes {
  light: number[];
  likely: number[];
  wary: number[];
}

function sums(model: TargetModel, count: number, scenarios: number, draws: Draws): Outcomes {
  const likely: number[] = [];
  const wary: number[] = [];
  const share = model.seen.length / (model.seen.length + EVEN_AT);
  for (let i = 0; i < scenarios; i++) {
    const scenario = model.scenario(draws);
    const one = draws.uniform() < share ? scenario.mixed : scenario.smooth;
    const dear = scenario.wary(one);
    likely.push(sum(one, count, draws));
    wary.push(dear === one ? likely[i]! : sum(dear, count, draws));
  }
  return { light: likely, likely, wary };
}

/** Of few targets each is drawn; of many, log-normal with the moments of the sum (Fenton and Wilkinson). */
function sum(of: Distribution, count: number, draws: Draws): number {
  if (count <= MOST_DRAWN) {
    let total = 0;
    for (let i = 0; i < count; i++) total += of.draw();
    return total;
  }
  const { mean, variance } = of;
  const squares = Math.log1p(variance / (count * mean * mean));
  return count * mean * Math.exp(Math.sqrt(squares) * draws.normal() - squares / 2);
}

/**
 * The last ones to end decide about a wall clock, so that what a distribution says of its tail matters more than its
 * mean: lightly nobody takes longer than a scout did, warily the tail is smooth as often as not, and there may be a dear
 * kind.
 */
function clocks(
  model: TargetModel,
  { count, concurrency, longest, scenarios }: ClockInput & { scenarios: number },
  draws: Draws,
): Outcomes {
  const outcomes: Outcomes = { light: [], likely: [], wary: [] };
  // What comes before the last ones keeps all slots busy, and its sum says how long.
  const drawn = Math.min(count, Math.max(Math.floor(MOST_CLOCKED / scenarios), 2 * concurrency));
  const clock = (of: Distribution): number => {
    const head = count > drawn ? sum(of, count - drawn, draws) / concurrency : 0;
    return wallClock(
      Array.from({ length: drawn }, () => Math.min(longest, of.draw())),
      concurrency,
      head,
    );
  };
  for (let i = 0; i < scenarios; i++) {
    const { seen, smooth, mixed, wary } = model.scenario(draws);
    const one = draws.uniform() < 0.5 ? mixed : smooth;
    const dear = wary(one);
    const [light, likely] = [clock(seen), clock(one)];
    outcomes.light.push(light);
    outcomes.likely.push(likely);
    outcomes.wary.push(dear === one ? likely : clock(dear));
  }
  return outcomes;
}

function quantiles({ light, likely, wary }: Outcomes): Quantiles {
  const p50 = at(likely, 0.5);
  const p90 = Math.max(p50, at(wary, 0.9));
  return { p50, p90, low: Math.min(p50, at(light, TAILS.low)), high: Math.max(p90, at(wary, 1 - TAILS.high)) };
}

function at(amounts: readonly number[], share: number): number {
  const sorted = Float64Array.from(amounts).sort();
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
