import { createHash } from 'node:crypto';
import type { Task } from '../../workflows/contract/task.schema.ts';

type Shaping = Pick<
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
 * For each task how many equal ones stand before it (contracts §2, reuse). Equal is a little coarser than the key of
 * reuse, which knows the outputs of prerequisites too: so no two tasks of one fleet ever share key and occurrence.
 */
export function countOccurrences(tasks: readonly Shaping[]): number[] {
  const seen = new Map<string, number>();
  return tasks.map((task) => {
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
    const key = createHash('sha256').update(JSON.stringify(shape, sortedKeys)).digest('base64');
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return before;
  });
}

/** The order in which somebody wrote the keys of a schema means nothing. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
