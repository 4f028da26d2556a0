import { maySpawn, SMALL_FLEET, type FleetPlan } from '../spec/plan.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { money, plural } from './figures.ts';
import { askYesNo, type Terminal } from './terminal.ts';

export interface SpendingQuestion {
  plan: FleetPlan;
  isSimulated: boolean;
  /** `--yes` */
  isAgreed: boolean;
}

/**
 * Real money and more than a dozen subagents, those that may be spawned included: says what it comes to, then asks on a
 * terminal. Elsewhere a fleet known to have so many goes on only with a budget or `--yes` (contracts §5); one that may
 * come to have them is told how to bound it. Throws `CommandFailure` 2 otherwise; nothing was started.
 */
export async function confirmSpending(
  { plan, isSimulated, isAgreed }: SpendingQuestion,
  terminal: Terminal,
): Promise<void> {
  if (isSimulated || plan.tasks.length + maySpawn(plan) <= SMALL_FLEET) return;
  terminal.say(spendingText(plan));
  if (isAgreed) return;
  if (terminal.isInteractive) {
    if (await askYesNo('Start it?')) return;
    throw new CommandFailure(EXIT.usage, 'not started', undefined, 'declined');
  }
  if (plan.maxBudgetMicroUsd !== null) return;
  if (plan.tasks.length <= SMALL_FLEET) return terminal.say(`nothing bounds what it may spend: ${remedy(plan)}`);
  throw new CommandFailure(EXIT.usage, `${count(plan)} with real Claude and no budget`, remedy(plan), 'no_budget');
}

/** Count, models, budget and the most it can cost. */
export function spendingText(plan: FleetPlan): string {
  const { tasks, script, maxBudgetMicroUsd } = plan;
  const models = [...new Set([...(script ? [script.defaults] : []), ...tasks].map(({ model }) => model))].join(', ');
  const budget = maxBudgetMicroUsd === null ? 'no budget' : `budget ${money(maxBudgetMicroUsd)}`;
  return `${count(plan)} on ${models}, ${budget}, worst case ${worstCase(plan)}`;
}

function count(plan: FleetPlan): string {
  const more = maySpawn(plan);
  return `${more > 0 ? 'up to ' : ''}${plural(plan.tasks.length + more, 'subagent')}`;
}

function remedy(plan: FleetPlan): string {
  const inFile = plan.kind === undefined ? ', write maxBudgetUsd into the file' : '';
  const agree = plan.tasks.length > SMALL_FLEET ? ', or agree with --yes' : ' or --max-agents N';
  return `give --budget USD${inFile}${agree}`;
}

/**
 * The fleet's budget, or what the caps of its tasks add up to, whichever is less: what a subagent spawns counts against
 * its own cap.
 */
function worstCase({ tasks, script, maxBudgetMicroUsd }: FleetPlan): string {
  const caps = tasks.filter(({ isEligible }) => isEligible).map((task) => task.maxBudgetMicroUsd ?? Infinity);
  const most = Math.min(script ? Infinity : caps.reduce((sum, cap) => sum + cap, 0), maxBudgetMicroUsd ?? Infinity);
  return most === Infinity ? 'unbounded' : money(most);
}
