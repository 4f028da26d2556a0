import { realpath } from 'node:fs/promises';
import { relative } from 'node:path';
import { DEFAULT_MAX_TOTAL_AGENTS, MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import { attenuate, meet } from '../../workflows/policy/attenuation.ts';
import { isInside } from '../spec/places.ts';
import type { FleetPlan, PlannedTask } from '../spec/plan.ts';
import type { ServerLimits } from './server-limits.ts';
import { ToolFailure } from './tool-failure.ts';

/** Up to so many on the real Claude need no budget (contracts §5). */
const SMALL_FLEET = 12;
const MAX_NAMED = 5;

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
  const roots = await rootsOf(plan.tasks, limits);
  const narrowed = plan.tasks.map((task, index) =>
    narrow(task, roots[index]!, limits.ceiling, options.isModest(index)),
  );
  refuse(narrowed.flatMap(({ label, beyond }) => (beyond.length > 0 ? [`${label}: ${beyond.join(', ')}`] : [])));
  const tasks = narrowed.map(({ task }) => task);
  const counted = count({ ...plan, tasks }, limits);
  return bounded(counted, limits, options);
}

interface Narrowed {
  label: string;
  task: PlannedTask;
  /** What it asked for beyond the ceiling. */
  beyond: string[];
}

/** The ceiling's paths are relative to the server's directory, the task's to its own. */
function narrow(task: PlannedTask, root: string, ceiling: Grant, isModest: boolean): Narrowed {
  const child = 'directory' in task.workspace ? relative(root, task.workspace.directory) : '';
  const directories = { parent: '', child };
  const { label, permissions, mcpServers = [] } = task;
  if (isModest) return { label, task: { ...task, permissions: meet(ceiling, permissions, directories) }, beyond: [] };
  const { grant, beyond } = attenuate(ceiling, permissions, directories);
  const servers = mcpServers.filter((server) => !ceiling.allow.some((rule) => namesServer(rule, server)));
  return {
    label,
    task: { ...task, permissions: grant },
    beyond: [...beyond, ...servers.map((name) => `mcp__${name}`)],
  };
}

const namesServer = (rule: string, server: string): boolean =>
  rule === '*' || rule === 'mcp__*' || rule === `mcp__${server}` || rule.startsWith(`mcp__${server}__`);

function refuse(beyond: readonly string[]): void {
  if (beyond.length === 0) return;
  const more = beyond.length > MAX_NAMED ? ` and ${beyond.length - MAX_NAMED} tasks more` : '';
  throw new ToolFailure(
    'not_allowed',
    `this server does not grant what is asked for (GRANT_INVALID): ${beyond.slice(0, MAX_NAMED).join('; ')}${more}`,
    'ask for less in `permissions`, or have a person start it with `muster mcp --allow RULE`',
  );
}

/** For each task the root it lies in. */
async function rootsOf(tasks: readonly PlannedTask[], { roots, cwd }: ServerLimits): Promise<string[]> {
  const known = new Map<string, string>();
  for (const { label, workspace } of tasks) {
    if (!('directory' in workspace) || known.has(workspace.directory)) continue;
    const real = await realpath(workspace.directory);
    const root = roots.find((each) => isInside(real, each));
    if (root === undefined)
      throw outside(`the working directory of ${JSON.stringify(label)}`, workspace.directory, cwd);
    known.set(workspace.directory, root);
  }
  return tasks.map(({ workspace }) => ('directory' in workspace ? known.get(workspace.directory)! : cwd));
}

/** Says that a path lies where no call may work. */
export function outside(what: string, path: string, cwd: string): ToolFailure {
  return new ToolFailure(
    'outside',
    `${what}, ${path}, lies outside ${cwd}`,
    `name one inside, or have a person start the server with \`muster mcp --add-dir DIR\``,
  );
}

const maySpawn = ({ permissions }: PlannedTask): boolean =>
  permissions.allow.some((rule) => rule === '*' || rule === 'spawn_subagents');

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
  const { tasks, maxTotalAgents = DEFAULT_MAX_TOTAL_AGENTS } = plan;
  const asked = plan.maxBudgetMicroUsd;
  const cap = limits.budgetMicroUsd;
  const budget = asked === null ? cap : Math.min(asked, cap ?? Infinity);
  if (asked !== null && cap !== null && asked > cap)
    onNote(`the budget is $${cap / MICRO_USD}, which is this server's cap`);
  const possible = tasks.length + (tasks.length === 0 || tasks.some(maySpawn) ? maxTotalAgents : 0);
  if (!isSimulated && budget === null && possible > SMALL_FLEET)
    throw new ToolFailure(
      'no_budget',
      `${possible > tasks.length ? 'up to ' : ''}${possible} subagents on the real Claude and no budget`,
      `pass \`budget_usd\` (a hard cap), ${possible > tasks.length ? `\`max_agents\` of at most ${SMALL_FLEET - tasks.length}, ` : ''}or \`simulate: true\``,
    );
  return { ...plan, maxBudgetMicroUsd: budget };
}
