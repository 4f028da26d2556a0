import { expect, test } from 'vitest';
import { findCycle } from '../../../workflows/policy/graph.ts';

test('a graph without cycles has none, shared prerequisites included', () => {
  expect(findCycle([[], [0], [0], [1, 2]])).toBeNull();
});

test('names the cycle in order, without the way that led there', () => {
  expect(findCycle([[1], [2], [3], [1]])).toEqual([1, 2, 3]);
});

test('a task that waits for itself is a cycle of one', () => {
  expect(findCycle([[], [1]])).toEqual([1]);
});

test('a chain of 100,000 is walked without recursion', () => {
  const chain = Array.from({ length: 100_000 }, (_, i) => (i + 1 < 100_000 ? [i + 1] : []));
  expect(findCycle(chain)).toBeNull();
  chain[99_999] = [99_998];
  expect(findCycle(chain)).toEqual([99_998, 99_999]);
});
