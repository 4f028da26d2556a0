import type { Task } from '../contract/task.schema.ts';

export type Shaping = Pick<
  Task,
  | 'prompt'
  | 'context'
  | 'model'
  | 'effort'
  | 'thinking'
  | 'permissions'
  | 'workspace'
  | 'outputSchema'
  | 'env'
  | 'verify'
  | 'mcpServers'
  | 'agent'
  | 'projectMemory'
>;

/**
 * What makes two tasks equal (contracts §2, reuse), as JSON. A little coarser than the key of reuse, which knows the
 * outputs of prerequisites too: so no two tasks of one fleet ever share key and occurrence.
 */
export function likeness(task: Shaping): string {
  const { prompt, context, model, effort, thinking, permissions, workspace, outputSchema } = task;
  const { env, verify, mcpServers, agent, projectMemory = false } = task;
  const { subdirectory, repo } = workspace;
  const tree = workspace.reuseTree ?? workspace.tree;
  const rules = [permissions.allow.toSorted(), permissions.deny.toSorted(), permissions.mode];
  const commands = verify?.map(({ name, run }) => [name, run]);
  const shape = [
    ...[prompt, context, model, effort, thinking, rules, tree, subdirectory, repo?.url, repo?.ref, outputSchema],
    ...[env, commands, mcpServers, agent, projectMemory],
  ];
  return JSON.stringify(shape, sortedKeys);
}

/** The order in which somebody wrote the keys of a schema means nothing. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
