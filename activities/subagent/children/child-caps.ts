import { MICRO_USD } from '../../../workflows/contract/limits.ts';
import type { Task } from '../../../workflows/contract/task.schema.ts';

/** What a parent with a cap has for those it spawns. */
export interface CapOf {
  /** Left of its own cap once it has kept a last turn; undefined: it has no cap. */
  leftMicroUsd: number | undefined;
  /** The least that a subagent with this task can begin with. */
  leastMicroUsd: (task: Task) => number;
}

/**
 * Caps for subagents of a parent that has one, so that the tree stays within it: those given must fit, the others share
 * the rest evenly. Faults are sentences for the parent.
 */
export function withCaps(
  tasks: readonly Task[],
  { leftMicroUsd, leastMicroUsd }: CapOf,
): { tasks: Task[]; grantedMicroUsd: number } | { faults: string[] } {
  if (leftMicroUsd === undefined) return { tasks: [...tasks], grantedMicroUsd: 0 };
  const left = Math.max(0, Math.floor(leftMicroUsd));
  const given = tasks.reduce((sum, { maxBudgetMicroUsd = 0 }) => sum + maxBudgetMicroUsd, 0);
  const uncapped = tasks.filter(({ maxBudgetMicroUsd }) => maxBudgetMicroUsd === undefined).length;
  const says = `${usd(left)} of your own budget can be given away; you keep a last turn`;
  if (given > left) return { faults: [`\`max_budget_usd\`: the tasks ask for ${usd(given)}, and ${says}`] };
  const share = uncapped === 0 ? 0 : Math.floor((left - given) / uncapped);
  const capped = tasks.map((task) => ({ ...task, maxBudgetMicroUsd: task.maxBudgetMicroUsd ?? share }));
  const poor = capped.find((task) => task.maxBudgetMicroUsd < leastMicroUsd(task));
  if (poor)
    return {
      faults: [
        `${poor.label}: ${usd(poor.maxBudgetMicroUsd)} does not pay its first answer, which may cost ${usd(leastMicroUsd(poor))}; ${says}: spawn fewer, or do the work yourself`,
      ],
    };
  return { tasks: capped, grantedMicroUsd: capped.reduce((sum, task) => sum + task.maxBudgetMicroUsd, 0) };
}

const usd = (microUsd: number): string => `$${(microUsd / MICRO_USD).toFixed(4)}`;
