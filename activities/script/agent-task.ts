import { createHash } from 'node:crypto';
import { DEFAULT_MAX_DEPTH } from '../../workflows/contract/limits.ts';
import type { ScriptPlan, Task } from '../../workflows/contract/task.schema.ts';
import { likeness } from '../../workflows/policy/task-likeness.ts';
import type { Spawning, SpawnParent } from '../spawn/spawning.ts';
import { TASK_KEY_OF } from './agent-options.ts';
import type { ScriptCall } from './protocol.ts';

const NOT_OF_THE_TASK = ['label', 'phase', 'onNull', 'isolation'];

/** A task, as if it were the first of its kind, and what makes it equal to another. */
export type AskedTask = { task: Task; key: string } | { fault: string };

/** What a script's subagents have and may not exceed. */
export function scriptParent(plan: ScriptPlan & { maxDepth?: number | undefined }): SpawnParent {
  const { defaults, ceiling, agents, isModelForced, maxDepth = DEFAULT_MAX_DEPTH } = plan;
  return {
    subagent: undefined,
    depth: 0,
    maxDepth,
    defaults,
    ceiling: ceiling && { grant: ceiling, directory: defaults.workspace.subdirectory },
    labels: new Set(),
    agents: isModelForced ? agents.map((agent) => ({ ...agent, model: defaults.model })) : agents,
  };
}

/** An `agent()` call as a task, or what is wrong with it as one sentence. */
export function askedTask(
  call: ScriptCall,
  label: string,
  { resolve }: Pick<Spawning, 'resolve'>,
  { parent, isModelForced }: { parent: SpawnParent; isModelForced: boolean },
): AskedTask {
  const { options, prompt, phase } = call;
  const left = isModelForced ? [...NOT_OF_THE_TASK, 'model'] : NOT_OF_THE_TASK;
  const own = Object.entries(options).filter(([name]) => !left.includes(name));
  const given = Object.fromEntries(own.map(([name, value]) => [TASK_KEY_OF[name] ?? name, value]));
  const resolved = resolve([{ ...given, label, prompt }], parent);
  if (!resolved.ok) {
    const faults = resolved.faults.map((fault) => fault.replace(`task 1 (${label}): `, ''));
    return { fault: `agent(): ${faults.join('. ')}` };
  }
  const task = resolved.tasks[0]!;
  const key = createHash('sha256').update(likeness(task)).digest('base64url');
  return { task: { ...task, ...(phase !== undefined && { phase }) }, key };
}
