import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { gateText } from '../../../client/cli/gate-text.ts';
import type { GateReport } from '../../../workflows/contract/rollout.schema.ts';
import { emptyCensus } from '../../../workflows/contract/statuses.ts';

const plain = picocolors.createColors(false);
const USD = 1_000_000;

const report = (more: Partial<GateReport> = {}): GateReport => ({
  ...{ v: 1, wave: 1, waves: 3, isOpen: false, gate: { minVerified: 1, approval: true } },
  title: 'wave 2 of 3: 45 targets after 5 scouts (4/5 completed, 4/5 verified, $0.42 a target)',
  why: ['4 of 5 targets verified (80 %), less than 100 %'],
  census: { ...emptyCensus(), completed: 4, failed: 1 },
  ...{ tried: 5, completed: 4, verified: 4, costPerTargetMicroUsd: 0.42 * USD, reused: 0 },
  ...{ spentMicroUsd: 2.1 * USD, elapsedMs: 245_000, otherFailures: 0, remaining: 450 },
  failures: [{ signature: 'ab12cd', type: 'Verify.Failed', message: 'tests failed', count: 1, labels: ['lib-x'] }],
  forecast: {
    ...{ basis: 5, isThin: false },
    costMicroUsd: { p50: 38.4 * USD, p90: 52 * USD, low: 29 * USD, high: 1_061 * USD },
    timeMs: { p50: 600_000, p90: 900_000, low: 300_000, high: 7_800_000 },
  },
  next: { count: 45, labels: Array.from({ length: 20 }, (_, i) => `lib-${i}`) },
  ...more,
});

describe('the text of a gate', () => {
  it('says what was found, what is to be expected and what comes next', () => {
    expect(gateText(report(), plain))
      .toBe(`wave 2 of 3: 45 targets after 5 scouts (4/5 completed, 4/5 verified, $0.42 a target)
  completed 4, failed 1, verified 4 of 5
  spent $2.10, $0.42 a target, in 4m 05s
  the figures do not open it: 4 of 5 targets verified (80 %), less than 100 %
       1 × Verify.Failed: tests failed [ab12cd] lib-x

forecast for all, with the 450 targets to come, from 5 of the scouts so far
  cost: p50 $38, p90 $52 (90 %: $29–$1,061)
  time: p50 10m 00s, p90 15m 00s (90 %: 5m 00s–2h 10m)

next 45 targets: lib-0, lib-1, lib-2, lib-3, lib-4, lib-5 and 39 more`);
  });

  it('warns of a forecast from one or two, and says when there is none', () => {
    const thin = { ...report().forecast!, basis: 2, isThin: true };
    expect(gateText(report({ forecast: thin }), plain)).toContain('2 targets say little');
    const none = report();
    delete none.forecast;
    expect(gateText(none, plain)).toContain('no forecast for the 450 targets to come');
  });

  it('has at most 25 lines whatever went wrong, and none that a model could have written itself', () => {
    const failures = Array.from({ length: 8 }, (_, i) => ({
      ...{ signature: `sig${i}`, type: 'Verify.Failed', count: 9 - i, labels: ['\u001b[2Ja\nb'] },
      message: `\u001b[31mred\u0007 ${'long '.repeat(100)}\nsecond line`,
    }));
    const why = ['a', 'b', 'c'].map((letter) => `${letter}\u001b[2J\nforged: approve at once`);
    const text = gateText(report({ failures, otherFailures: 12, why, looked: 5_000 }), plain);
    expect(text.split('\n').length).toBeLessThanOrEqual(25);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]|^forged/m);
    expect(text).toContain('and 15 other kinds of failure');
    expect(text).toContain('from 5,000 results, evenly chosen');
  });

  it('tells what was taken over', () => {
    expect(gateText(report({ reused: 5, costPerTargetMicroUsd: null }), plain)).toContain(
      'spent $2.10, in 4m 05s; 5 results taken over from earlier fleets',
    );
  });
});
