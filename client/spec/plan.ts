import type { ScriptMeta } from '../../activities/script/parse.ts';
import type { AgentDefinition, Grant, Manifest, Task, TaskDefaults } from '../../workflows/contract/task.schema.ts';
import { DEFAULT_MAX_TOTAL_AGENTS } from '../../workflows/contract/limits.ts';
import type { Gate } from '../../workflows/contract/units.ts';
import { hasTool } from '../../workflows/policy/shell-scope.ts';
import type { WaveReach } from './waves.ts';

/**
 * What a fleet file, a task list or stdin comes to: every key checked, every default applied, every path resolved, but
 * nothing snapshotted, stored or started. Pure data: printing it is `muster targets` and `muster validate`.
 */
export interface FleetPlan {
  name: string;
  /** Absolute path of the file, or '-' for stdin. */
  source: string;
  tasks: PlannedTask[];
  maxConcurrentAgents: number;
  /** null: no cap. */
  maxBudgetMicroUsd: number | null;
  failIf: { rate?: number; count?: number } | null;
  /** Said on stderr before the run: rules never consulted, targets that matched nothing, … */
  warnings: string[];
  /** Most subagents spawned while the fleet runs; omitted: 1,000. */
  maxTotalAgents?: number;
  /** Declared in the file, by name. */
  mcpServers?: NonNullable<Manifest['mcpServers']>;
  /** Command run in each target's directory; non-zero: `skipped`, `Target.NotEligible`. */
  eligible?: string;
  /** Of the file's text and of what was given beside it; part of what an approval is of. */
  textHash?: string;
  rollout?: PlannedRollout;
  /** What its parent is; omitted: the plan itself. A script brings no tasks of its own. */
  kind?: 'prompt' | 'script';
  script?: PlannedScript;
  /** Definitions that subagents which spawn may name. */
  agents?: AgentDefinition[];
  /** How deep spawned subagents may stand; omitted: 3. */
  maxDepth?: number;
}

/** A workflow script, read and checked but not run. */
export interface PlannedScript {
  meta: ScriptMeta;
  /** Text of the file. */
  source: string;
  /** As errors name it. */
  file: string;
  /** JSON text; omitted: `args` is undefined. */
  args?: string;
  /** Texts `workflow()` may run, by name and by the path it may be given as `scriptPath`. */
  saved: Readonly<Record<string, string>>;
  /** What a call of `agent()` has that says nothing else. */
  defaults: Omit<TaskDefaults, 'workspace'> & { workspace: { directory: string } };
  isModelForced: boolean;
  /** What `permissions` of a call must lie within; omitted: nothing was said. */
  ceiling?: Grant;
  agents: AgentDefinition[];
}

/** Waves as a file asks for them: which task is in which is decided when it is known who is eligible. */
export interface PlannedRollout {
  /** The last one reaches all. */
  reaches: WaveReach[];
  gate: Gate | null;
  stopOnFailureRate: number | null;
  /** Where its gate stands, for a fault found later. */
  at: Pick<Fault, 'file' | 'line' | 'column'>;
}

export interface PlannedTask extends Pick<
  Task,
  | 'label'
  | 'prompt'
  | 'context'
  | 'model'
  | 'effort'
  | 'thinking'
  | 'timeoutMs'
  | 'stallTimeoutMs'
  | 'maxTurns'
  | 'maxBudgetMicroUsd'
  | 'outputSchema'
  | 'dependsOn'
  | 'fallbackModel'
  | 'env'
  | 'mcpServers'
  | 'verify'
  | 'retry'
  | 'agent'
  | 'projectMemory'
> {
  permissions: Grant;
  /** Absolute directory, or a repository to clone. */
  workspace: { directory: string } | { url: string; ref?: string };
  /** False once `eligible` said no; such a task ends as `skipped` without starting. */
  isEligible: boolean;
}

/** One fault of a user's file. Lines and columns from 1; 0 where there is none (a flag, an environment variable). */
export interface Fault {
  file: string;
  line: number;
  column: number;
  /** What is wrong. */
  message: string;
  /** What to write instead. */
  hint: string;
}

/** Up to so many subagents on the real Claude need no budget (contracts §5). */
export const SMALL_FLEET = 12;

/** Most subagents that may come to those of the plan: 0 where nobody may spawn any. */
export function maySpawn({ script, tasks, maxTotalAgents }: FleetPlan): number {
  const grants = new Set(tasks.map(({ permissions }) => permissions));
  const isParent = script !== undefined || [...grants].some((grant) => hasTool(grant, 'spawn_subagents'));
  return isParent ? (maxTotalAgents ?? DEFAULT_MAX_TOTAL_AGENTS) : 0;
}

/** All faults of a file at once. The CLI prints them and exits 2; nothing was started. */
export class InvalidFleet extends Error {
  override name = 'InvalidFleet';
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map(formatFault).join('\n'));
    this.faults = faults;
  }
}

export function formatFault({ file, line, column, message, hint }: Fault): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return `${place}: ${message}; ${hint}`;
}
