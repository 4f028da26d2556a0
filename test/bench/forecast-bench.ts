import { forecastClock, forecastSum } from '../../workflows/policy/forecast.ts';
import { wallClock } from '../../workflows/policy/wall-clock.ts';
import { COST_WORLDS, SCOUTS, TO_COME } from '../support/cost-worlds.ts';
import { coverageOf, type Trials } from '../support/forecast-coverage.ts';

/**
 * `node test/bench/forecast-bench.ts [trials]`: how often the truth lies in a forecast's interval, for each world, number
 * of scouts and of targets to come: share of trials within, below, and at most at the p90; then the interval's width in
 * medians of the truth, and in brackets the width for one who knows the world.
 */
const trials = Number(process.argv[2] ?? 400);
const CONCURRENCY = 20;

type Kind = Pick<Trials, 'forecaster' | 'outcome' | 'trials'> & { counts: readonly number[] };

const kinds: Record<string, Kind> = {
  cost: {
    counts: TO_COME,
    trials,
    forecaster: (seen, count) => forecastSum(seen, count, 500),
    outcome: (amounts) => amounts.reduce((sum, amount) => sum + amount, 0),
  },
  // Every length is drawn, so that fewer trials of fewer targets take as long.
  time: {
    counts: [10, 100],
    trials: Math.ceil(trials / 4),
    forecaster: (seen, count) => forecastClock(seen, { count, concurrency: CONCURRENCY, longest: Infinity }, 100),
    outcome: (amounts) => wallClock(amounts, CONCURRENCY),
  },
};

const percent = (share: number): string => (share * 100).toFixed(0);

for (const [kind, { counts, ...how }] of Object.entries(kinds)) {
  const cells: { name: string; within: number }[] = [];
  for (const [name, world] of COST_WORLDS) {
    for (const scouts of SCOUTS) {
      const row = counts.map((count) => {
        const found = coverageOf({ world, scouts, count, seed: scouts * 7_919 + count * 31, ...how });
        cells.push({ name: `${name}, ${scouts} scouts, ${count} to come`, within: found.within });
        const shares = [found.within, found.below, found.atMostP90].map(percent).join('/');
        return `${count}: ${shares} ${found.width.toFixed(1)} (${found.oracleWidth.toFixed(2)})`;
      });
      process.stdout.write(`${kind}  ${name.padEnd(15)} ${String(scouts).padStart(2)} scouts  ${row.join('   ')}\n`);
    }
  }
  const worst = cells.toSorted((a, b) => a.within - b.within).slice(0, 5);
  const mean = cells.reduce((sum, { within }) => sum + within, 0) / cells.length;
  process.stdout.write(`${kind}: mean ${percent(mean)} %, least\n`);
  for (const { name, within } of worst) process.stdout.write(`  ${percent(within)} % ${name}\n`);
}
