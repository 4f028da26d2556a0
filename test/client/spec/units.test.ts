import { expect, test } from 'vitest';
import { parseDuration } from '../../../client/spec/duration.ts';
import { parseMicroUsd } from '../../../client/spec/money.ts';

test.each([
  [600_000, 600_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['0s', undefined],
  ['10 minutes', undefined],
  ['31d', undefined],
  [-1, undefined],
  [1.5, undefined],
  [null, undefined],
])('%j lasts %s ms', (written, ms) => {
  expect(parseDuration(written)).toBe(ms);
});

test.each([
  [5, 5_000_000],
  [0.29, 290_000],
  ['1.1', 1_100_000],
  ['$2.50', 2_500_000],
  [0.0000001, undefined],
  [0, undefined],
  ['2,50', undefined],
  [Number.NaN, undefined],
  [1e9, undefined],
])('%j is %s micro-dollars', (written, microUsd) => {
  expect(parseMicroUsd(written)).toBe(microUsd);
});
