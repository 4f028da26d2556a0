import { expect, it } from 'vitest';
import { isLong, isLongForQuiet } from '../../../workflows/policy/history.ts';

it.each([
  { historyLength: 7_000, historySize: 1_000_000, is: false },
  { historyLength: 7_001, historySize: 1_000_000, is: true },
  { historyLength: 100, historySize: 8_388_608, is: false },
  { historyLength: 100, historySize: 8_388_609, is: true },
])('is long past 7,000 events or 8 MiB: $historyLength events of $historySize bytes', ({ is, ...history }) => {
  expect(isLong(history)).toBe(is);
});

it.each([
  { historyLength: 4_096, historySize: 1_000_000, is: false },
  { historyLength: 4_097, historySize: 1_000_000, is: true },
  { historyLength: 100, historySize: 4_194_304, is: false },
  { historyLength: 100, historySize: 4_194_305, is: true },
])('is long for a quiet root past half of that: $historyLength events of $historySize bytes', ({ is, ...history }) => {
  expect(isLongForQuiet(history)).toBe(is);
});
