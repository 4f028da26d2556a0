import { Draws } from '../../workflows/policy/draws.ts';
import type { Quantiles } from '../../workflows/policy/forecast.ts';
import type { World } from './cost-worlds.ts';

export interface Coverage {
  /** Share of trials whose actual outcome lay in the interval, below it, and at most at its p90. */
  within: number;
  below: number;
  atMostP90: number;
  /** Median of the interval's width over the median outcome, and the same of one who knows the world. */
  width: number;
  oracleWidth: number;
}

export interface Trials {
  world: World;
  scouts: number;
  count: number;
  trials: number;
  seed: number;
  /** What a forecaster says about amounts it has seen. */
  forecaster: (seen: readonly number[], count: number) => Quantiles;
  /** What truly comes of the amounts to come. */
  outcome: (amounts: readonly number[]) => number;
}

/** How often a forecast holds that sees a few of a world and is asked about others of it. Seeded: the same every time. */
export function coverageOf({ world, scouts, count, trials, seed, forecaster, outcome }: Trials): Coverage {
  const draws = new Draws(seed);
  const some = (n: number): number[] => Array.from({ length: n }, () => world(draws));
  const actual: number[] = [];
  const widths: number[] = [];
  let [within, below, atMostP90] = [0, 0, 0];
  for (let i = 0; i < trials; i++) {
    const { low, high, p90 } = forecaster(some(scouts), count);
    const truth = outcome(some(count));
    actual.push(truth);
    widths.push(high - low);
    if (truth < low) below++;
    else if (truth <= high) within++;
    if (truth <= p90) atMostP90++;
  }
  const middle = quantile(actual, 0.5);
  return {
    within: within / trials,
    below: below / trials,
    atMostP90: atMostP90 / trials,
    width: quantile(widths, 0.5) / middle,
    oracleWidth: (quantile(actual, 0.95) - quantile(actual, 0.05)) / middle,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))]!;
}
