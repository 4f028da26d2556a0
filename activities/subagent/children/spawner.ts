import { DEFAULT_MAX_DEPTH, DEFAULT_STALL_TIMEOUT_MS, DEFAULT_TIMEOUT_MS } from '../../../workflows/contract/limits.ts';
import type { Manifest, Task, WorkspaceSource } from '../../../workflows/contract/task.schema.ts';
import type { UnitRef } from '../../../workflows/contract/units.ts';
import { resolveGrant } from '../../../workflows/policy/grant-of.ts';
import type { SpawnParent } from '../../spawn/spawning.ts';
import type { Workspace } from '../../workspace/workspace.ts';

/** A subagent as a parent: what its own may have, and may not exceed. */
export function spawnParent(
  { unit, task, manifest }: { unit: UnitRef; task: Task; manifest: Manifest },
  labels: ReadonlySet<string>,
  labelEnd: string,
): SpawnParent {
  const { effort, model, workspace } = task;
  return {
    subagent: { index: unit.index, label: task.label, generation: unit.generation },
    depth: task.depth ?? 0,
    maxDepth: manifest.maxDepth ?? DEFAULT_MAX_DEPTH,
    defaults: {
      workspace,
      permissions: resolveGrant(undefined).grant,
      model,
      timeoutMs: DEFAULT_TIMEOUT_MS,
      stallTimeoutMs: DEFAULT_STALL_TIMEOUT_MS,
      ...(effort && { effort }),
    },
    ceiling: { grant: task.permissions, directory: workspace.subdirectory },
    labels,
    agents: manifest.agents ?? manifest.script?.agents ?? [],
    mcpServers: task.mcpServers ?? [],
    labelEnd,
  };
}

/** Whether a task works in its parent's files, and not in a repository of its own. */
export function worksIn(task: Task, parent: Task): boolean {
  return task.workspace.repo === parent.workspace.repo;
}

/** The tasks with the files of their parent as they stand now, but for those that work in a repository of their own. */
export async function withPresentFiles(
  tasks: readonly Task[],
  parent: Task,
  workspace: Pick<Workspace, 'snapshot'>,
): Promise<Task[]> {
  const isHere = (task: Task): boolean => worksIn(task, parent);
  const present = tasks.some(isHere) ? await workspace.snapshot() : undefined;
  if (!present) return [...tasks];
  return tasks.map((task) => (isHere(task) ? { ...task, workspace: changed(task.workspace, present) } : task));
}

/** Not the repository's any more, and not the tree that reuse would compare. */
function changed(
  { subdirectory, origin, commit }: WorkspaceSource,
  present: Pick<WorkspaceSource, 'bundle' | 'tree'>,
): WorkspaceSource {
  return { ...present, subdirectory, origin, ...(commit !== undefined && { commit }) };
}
