import type { FleetPlan } from '../spec/plan.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { money, plural } from './figures.ts';
import { askYesNo, type Terminal } from './terminal.ts';

/** Up to so many nobody is asked. */
const SMALL_FLEET = 12;

export interface SpendingQuestion {
  plan: FleetPlan;
  isSimulated: boolean;
  /** `--yes` */
  isAgreed: boolean;
}

/**
 * Real money and more than a dozen subagents: says what it comes to, then asks on a terminal; elsewhere it goes on only
 * with a budget or `--yes`. Throws `CommandFailure` 2 otherwise; nothing was started.
 */
export async function confirmSpending(
  { plan, isSimulated, isAgreed }: SpendingQuestion,
  terminal: Terminal,
): Promise<void> {
  if (isSimulated || plan.tasks.length <= SMALL_FLEET) return;
  terminal.say(spendingText(plan));
  if (isAgreed) return;
  if (terminal.isInteractive) {
    if (await askYesNo('Start it?')) return;
    throw new CommandFailure(EXIT.usage, 'not started', undefined, 'declined');
  }
  if (plan.maxBudgetMicroUsd !== null) return;
  const hint = 'give --budget USD, write maxBudgetUsd into the file, or agree with --yes';
  throw new CommandFailure(
    EXIT.usage,
    `${plan.tasks.length} subagents with real Claude and no budget`,
    hint,
    'no_budget',
  );
}

/** Count, models, budget and the most it can cost. */
export function spendingText(plan: FleetPlan): string {
  const models = [...new Set(plan.tasks.map(({ model }) => model))].join(', ');
  const budget = plan.maxBudgetMicroUsd === null ? 'no budget' : `budget ${money(plan.maxBudgetMicroUsd)}`;
  return `${plural(plan.tasks.length, 'subagent')} on ${models}, ${budget}, worst case ${worstCase(plan)}`;
}

/** The fleet's budget, or what the caps of its tasks add up to, whichever is less. */
function worstCase({ tasks, maxBudgetMicroUsd }: FleetPlan): string {
  const caps = tasks.filter(({ isEligible }) => isEligible).map((task) => task.maxBudgetMicroUsd ?? Infinity);
  const most = Math.min(
    caps.reduce((sum, cap) => sum + cap, 0),
    maxBudgetMicroUsd ?? Infinity,
  );
  return most === Infinity ? 'unbounded' : money(most);
}
