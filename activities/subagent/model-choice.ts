import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import type { Task } from '../../workflows/contract/task.schema.ts';
import type { ModelFacts } from '../claude/prices.ts';

/** The model a subagent is on: its task's, unless a fallback or an escalation has left that. */
export function modelOf(task: Task, record: Pick<SubagentRecord, 'model'>): string {
  return record.model ?? task.model;
}

/** Whether there is another model to go on with when this one is overloaded or refuses. */
export function hasFallback(task: Task, record: Pick<SubagentRecord, 'model'>): boolean {
  return task.fallbackModel !== undefined && modelOf(task, record) !== task.fallbackModel;
}

/** The model of the fresh start after `restarts` others; undefined: the task names none, and it stays on the one it is on. */
export function escalated({ retry }: Task, restarts: number): string | undefined {
  return retry?.escalate[restarts] ?? retry?.escalate.at(-1);
}

/** Tokens of a model's window from which on something is done about it. */
export function windowShare({ contextTokens }: ModelFacts, share: number): number {
  return Math.floor(contextTokens * share);
}
