import { DEFAULT_CONCURRENCY } from '../../workflows/contract/limits.ts';
import type { FaultList } from './fault-list.ts';
import { MONEY_HINT, parseMicroUsd } from './money.ts';
import type { PlanSettings } from './plan-settings.ts';
import type { FleetPlan } from './plan.ts';
import { describe } from './shape-faults.ts';

type Limits = Pick<FleetPlan, 'maxConcurrentAgents' | 'maxBudgetMicroUsd' | 'maxTotalAgents' | 'maxDepth' | 'failIf'>;

/** The limits of a fleet without a file that could state them. */
export function limitsOfFlags({ overrides, defaults = {} }: PlanSettings, faults: FaultList): Limits {
  const { concurrency, maxAgents, maxDepth } = overrides;
  return {
    maxConcurrentAgents: concurrency ?? defaults.concurrency ?? DEFAULT_CONCURRENCY,
    maxBudgetMicroUsd: budgetOfFlag(overrides, faults) ?? null,
    failIf: null,
    ...(maxAgents !== undefined && { maxTotalAgents: maxAgents }),
    ...(maxDepth !== undefined && { maxDepth }),
  };
}

/** `--budget` in micro-dollars; undefined: it was not given, or is none. */
export function budgetOfFlag({ budgetUsd }: PlanSettings['overrides'], faults: FaultList): number | undefined {
  const amount = budgetUsd === undefined ? undefined : parseMicroUsd(budgetUsd);
  if (budgetUsd !== undefined && amount === undefined)
    faults.addElsewhere('--budget', `the budget is ${describe(budgetUsd)}`, `write ${MONEY_HINT}`);
  return amount;
}
