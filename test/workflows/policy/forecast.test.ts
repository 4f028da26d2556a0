import { describe, expect, it } from 'vitest';
import { forecast, forecastClock, forecastSum, type Tried } from '../../../workflows/policy/forecast.ts';
import { wallClock } from '../../../workflows/policy/wall-clock.ts';
import { COST_WORLDS, SCOUTS, TO_COME } from '../../support/cost-worlds.ts';
import { coverageOf } from '../../support/forecast-coverage.ts';

const TRIALS = 40;
const tried = (...costs: number[]): Tried[] => costs.map((costMicroUsd) => ({ costMicroUsd, durationMs: 60_000 }));
const of = (costs: number[], more: Partial<Parameters<typeof forecast>[0]> = {}) =>
  forecast({ tried: tried(...costs), remaining: 100, concurrency: 10, spentMicroUsd: 0, ...more });

describe('the 90 % interval', () => {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  it('holds the actual total in at least 88 of 100 simulations, in every world and for every number of scouts', () => {
    const found = [...COST_WORLDS].flatMap(([name, world]) =>
      SCOUTS.flatMap((scouts) =>
        TO_COME.map((count) => {
          const coverage = coverageOf({
            ...{ world, scouts, count, trials: TRIALS, seed: scouts * 7_919 + count * 31 },
            forecaster: (seen, n) => forecastSum(seen, n, 150),
            outcome: (amounts) => amounts.reduce((sum, amount) => sum + amount, 0),
          });
          return { name, scouts, ...coverage };
        }),
      ),
    );
    const by = (key: 'name' | 'scouts', value: unknown): typeof found => found.filter((cell) => cell[key] === value);
    for (const name of COST_WORLDS.keys())
      expect(mean(by('name', name).map(({ within }) => within)), name).toBeGreaterThanOrEqual(0.88);
    for (const scouts of SCOUTS)
      expect(mean(by('scouts', scouts).map(({ within }) => within)), `${scouts}`).toBeGreaterThanOrEqual(0.88);
    // Not by saying anything at all: with more scouts it closes in on one who knows the world.
    const width = (scouts: number): number => mean(by('scouts', scouts).map((cell) => cell.width));
    expect(width(3)).toBeLessThan(8);
    expect(width(10)).toBeLessThan(width(3) * 0.6);
    expect(width(30)).toBeLessThan(2);
  });

  it('holds the actual wall clock as often', () => {
    const found = [...COST_WORLDS]
      .filter((_, i) => i % 2 === 0)
      .flatMap(([, world]) =>
        [5, 30].map((scouts) =>
          coverageOf({
            ...{ world, scouts, count: 60, trials: 40, seed: scouts },
            forecaster: (seen, count) => forecastClock(seen, { count, concurrency: 8, longest: Infinity }, 60),
            outcome: (amounts) => wallClock(amounts, 8),
          }),
        ),
      );
    expect(mean(found.map(({ within }) => within))).toBeGreaterThanOrEqual(0.88);
  });
});

describe('a forecast', () => {
  it('is the same for the same input, in order and in whole micro-dollars and milliseconds', () => {
    const one = of([300_000, 500_000, 450_000, 1_200_000, 380_000], { spentMicroUsd: 2_830_000 })!;
    expect(of([300_000, 500_000, 450_000, 1_200_000, 380_000], { spentMicroUsd: 2_830_000 })).toEqual(one);
    for (const { p50, p90, low, high } of [one.costMicroUsd, one.timeMs]) {
      expect([low, p50, p90, high]).toEqual([low, p50, p90, high].toSorted((a, b) => a - b));
      expect([low, p50, p90, high].every(Number.isInteger)).toBe(true);
    }
    expect(one.costMicroUsd.low).toBeGreaterThan(2_830_000);
    expect(one).toMatchObject({ basis: 5, isThin: false });
  });

  it('knows nothing from nobody, or from targets that cost nothing', () => {
    expect(of([])).toBeUndefined();
    expect(of([0, 0])).toBeUndefined();
  });

  it('is thin from one or two, and wider the fewer there are', () => {
    const relative = (costs: number[]): number => {
      const { costMicroUsd } = of(costs)!;
      return (costMicroUsd.high - costMicroUsd.low) / costMicroUsd.p50;
    };
    expect(of([400_000])).toMatchObject({ basis: 1, isThin: true });
    expect(of([400_000, 500_000])!.isThin).toBe(true);
    const many = Array.from({ length: 30 }, (_, i) => 400_000 + 10_000 * (i % 7));
    expect(relative([400_000])).toBeGreaterThan(relative(many.slice(0, 5)));
    expect(relative(many.slice(0, 5))).toBeGreaterThan(relative(many));
  });

  it('takes targets that cost nothing for a share of those to come', () => {
    const some = [400_000, 500_000, 450_000, 420_000, 480_000];
    const half = of([...some, 0, 0, 0, 0, 0])!.costMicroUsd.p50;
    const all = of([...some, ...some])!.costMicroUsd.p50;
    expect(half / all).toBeGreaterThan(0.35);
    expect(half / all).toBeLessThan(0.65);
  });

  it('is what was spent where nothing is to come', () => {
    expect(of([400_000, 500_000, 300_000], { remaining: 0, spentMicroUsd: 1_200_000 })).toMatchObject({
      costMicroUsd: { p50: 1_200_000, p90: 1_200_000, low: 1_200_000, high: 1_200_000 },
      timeMs: { p50: 0, high: 0 },
    });
  });

  it('lets no target take longer than its timeout, and more at once take less', () => {
    const slow = of([400_000, 500_000, 300_000], { longestMs: 60_000 })!.timeMs;
    expect(slow.high).toBe(600_000);
    expect(of([400_000, 500_000, 300_000])!.timeMs.high).toBeGreaterThan(600_000);
    const wide = of([400_000, 500_000, 300_000], { longestMs: 60_000, concurrency: 100 })!.timeMs;
    expect(wide.high).toBe(60_000);
  });

  it('is made for a hundred thousand targets too', () => {
    const { costMicroUsd, timeMs } = of([400_000, 500_000, 300_000], { remaining: 100_000, concurrency: 500 })!;
    expect(costMicroUsd.p50 / 100_000).toBeGreaterThan(250_000);
    expect(costMicroUsd.p50 / 100_000).toBeLessThan(700_000);
    expect(timeMs.low).toBeGreaterThan(60_000 * 100);
  });
});
