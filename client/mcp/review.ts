import { realpath } from 'node:fs/promises';
import { DEFAULT_MAX_TOTAL_AGENTS, MICRO_USD } from '../../workflows/contract/limits.ts';
import { isInside } from '../spec/places.ts';
import { maySpawn, SMALL_FLEET, type FleetPlan, type PlannedTask } from '../spec/plan.ts';
import type { ServerLimits } from './server-limits.ts';
import { ToolFailure } from './tool-failure.ts';
import { narrow, narrowScript, refuseBeyond } from './within-ceiling.ts';

export interface ReviewOptions {
  isSimulated: boolean;
  /** Whether a task, by its place, leaves its permissions to others: it gets what the ceiling leaves of them. */
  isModest: (index: number) => boolean;
  /** Hears what was made less than was asked for. */
  onNote: (note: string) => void;
}

/**
 * The plan within what this server allows: places, permissions, number and money. Throws `ToolFailure` for what its
 * author must change; nothing of the plan has been run or taken yet.
 */
export async function review(plan: FleetPlan, limits: ServerLimits, options: ReviewOptions): Promise<FleetPlan> {
  if (plan.eligible !== undefined)
    throw new ToolFailure(
      'not_allowed',
      '`eligible` runs a command on this machine outside any sandbox, which no call over MCP may',
      'remove it, list the targets, or have a person run `muster run` on the file',
    );
  const { ceiling } = limits;
  const roots = await rootsOf(plan, limits);
  const narrowed = plan.tasks.map((task, index) => narrow(task, roots(task), ceiling, options.isModest(index)));
  const script = plan.script && narrowScript(plan.script, roots(plan.script.defaults), ceiling);
  refuseBeyond([...narrowed, ...(script ? [{ label: plan.name, ...script }] : [])]);
  const tasks = narrowed.map(({ task }) => task);
  const counted = count({ ...plan, tasks, ...(script && { script: script.script }) }, limits);
  return bounded(counted, limits, options);
}

type Placed = { workspace: PlannedTask['workspace'] };

/** Tells the root a task or script lies in. Throws `ToolFailure` where one lies in none. */
async function rootsOf(
  { tasks, script }: FleetPlan,
  { roots, cwd }: ServerLimits,
): Promise<(placed: Placed) => string> {
  const known = new Map<string, string>();
  for (const { workspace } of [...tasks, ...(script ? [script.defaults] : [])]) {
    if (!('directory' in workspace) || known.has(workspace.directory)) continue;
    const real = await realpath(workspace.directory);
    const root = roots.find((each) => isInside(real, each));
    if (root === undefined) throw outside('a working directory', workspace.directory, cwd);
    known.set(workspace.directory, root);
  }
  return ({ workspace }) => ('directory' in workspace ? known.get(workspace.directory)! : cwd);
}

/** Says that a path lies where no call may work. */
export function outside(what: string, path: string, cwd: string): ToolFailure {
  return new ToolFailure(
    'outside',
    `${what}, ${path}, lies outside ${cwd}`,
    `name one inside, or have a person start the server with \`muster mcp --add-dir DIR\``,
  );
}

/** Its own tasks and those it may spawn, within the server's number. */
function count(plan: FleetPlan, { maxAgents }: ServerLimits): FleetPlan {
  if (maxAgents === undefined) return plan;
  const { tasks, maxTotalAgents = DEFAULT_MAX_TOTAL_AGENTS } = plan;
  if (tasks.length > maxAgents)
    throw new ToolFailure(
      'too_many',
      `${tasks.length} tasks are more than the ${maxAgents} that this server allows`,
      'call with fewer, or have a person raise `muster mcp --max-agents`',
    );
  return { ...plan, maxTotalAgents: Math.min(maxTotalAgents, maxAgents - tasks.length) };
}

function bounded(plan: FleetPlan, limits: ServerLimits, { isSimulated, onNote }: ReviewOptions): FleetPlan {
  const { tasks } = plan;
  const asked = plan.maxBudgetMicroUsd;
  const cap = limits.budgetMicroUsd;
  const budget = asked === null ? cap : Math.min(asked, cap ?? Infinity);
  if (asked !== null && cap !== null && asked > cap)
    onNote(`the budget is $${cap / MICRO_USD}, which is this server's cap`);
  const more = maySpawn(plan);
  const possible = tasks.length + more;
  if (!isSimulated && budget === null && possible > SMALL_FLEET)
    throw new ToolFailure(
      'no_budget',
      `${more > 0 ? 'up to ' : ''}${possible} subagents on the real Claude and no budget`,
      `pass \`budget_usd\` (a hard cap), ${more > 0 ? `\`max_agents\` of at most ${Math.max(1, SMALL_FLEET - tasks.length)}, ` : ''}or \`simulate: true\``,
    );
  return { ...plan, maxBudgetMicroUsd: budget };
}
