import { describe, expect, it } from 'vitest';
import { worstCaseMicroUsd } from '../../../activities/claude/prices.ts';
import { sliceMicroUsd, type SlicedTask } from '../../../client/fleet-client/slice.ts';
import { MICRO_USD } from '../../../workflows/contract/limits.ts';

const task = (more: Partial<SlicedTask> = {}): SlicedTask => ({
  model: 'claude-sonnet-5-5',
  prompt: 'Find it.',
  context: [],
  ...more,
});
const slice = (tasks: SlicedTask[], budgetMicroUsd: number | null, concurrency: number): number =>
  sliceMicroUsd({ tasks, budgetMicroUsd, concurrency, worstCase: worstCaseMicroUsd });
const firstCall = worstCaseMicroUsd('claude-sonnet-5-5', 6_000 + 'Find it.'.length, 1_024);
const many = (count: number, more: Partial<SlicedTask> = {}): SlicedTask[] =>
  Array.from({ length: count }, () => task(more));

describe('sliceMicroUsd', () => {
  it('deals out half of the budget to those in flight', () => {
    expect(slice(many(100), 10 * MICRO_USD, 20)).toBe((10 * MICRO_USD) / 40);
  });

  it('counts no more in flight than there are tasks', () => {
    expect(slice(many(5), 2 * MICRO_USD, 50)).toBe((2 * MICRO_USD) / 10);
  });

  it('is never more than a dollar, and a dollar without a budget', () => {
    expect(slice(many(10), 800 * MICRO_USD, 10)).toBe(MICRO_USD);
    expect(slice(many(10), null, 10)).toBe(MICRO_USD);
  });

  it('covers the first call of a modest task even when the budget cannot be shared so finely', () => {
    expect(slice(many(1_000), MICRO_USD, 1_000)).toBe(firstCall);
  });

  it('follows the middle task: one with a huge prompt makes the slice of the others no larger', () => {
    const huge = task({ prompt: 'x'.repeat(1_000_000) });
    expect(slice([...many(9), huge], MICRO_USD, 1_000)).toBeGreaterThanOrEqual(firstCall);
    expect(slice([...many(9), huge], 0.1 * MICRO_USD, 1_000)).toBe(firstCall);
  });

  it('counts the bytes of prompt and context as tokens', () => {
    const context = [{ text: 'é'.repeat(1_000) }];
    expect(slice(many(3, { context }), 0.001 * MICRO_USD, 3)).toBe(
      worstCaseMicroUsd('claude-sonnet-5-5', 6_008 + 2_000, 1_024),
    );
  });

  it('is no larger than the largest cap of a task, unless one task has none', () => {
    expect(slice(many(10, { maxBudgetMicroUsd: 120_000 }), 800 * MICRO_USD, 10)).toBe(120_000);
    expect(slice([...many(9, { maxBudgetMicroUsd: 120_000 }), task()], 800 * MICRO_USD, 10)).toBe(MICRO_USD);
  });

  it('counts those that may come as well as those that are there', () => {
    const question = { tasks: many(1), budgetMicroUsd: MICRO_USD, concurrency: 5, worstCase: () => 1 };
    expect(sliceMicroUsd(question)).toBe(500_000);
    expect(sliceMicroUsd({ ...question, mayCome: 2 })).toBe(166_667);
    expect(sliceMicroUsd({ ...question, mayCome: 1_000 })).toBe(100_000);
  });

  it('takes a hundred thousand tasks in no time', () => {
    const tasks = many(100_000);
    const before = process.cpuUsage();
    slice(tasks, 100 * MICRO_USD, 50);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(500);
  });
});
