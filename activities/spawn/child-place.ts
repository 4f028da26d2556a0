import type { WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import { childDirectory, mayClone } from './child-grant.ts';
import type { TaskLore } from './task-lore.ts';
import type { SpawnParent } from './spawning.ts';
import { shown, type TaskInput } from './task-input.ts';

/** Where a child works: its parent's files, a directory of them, or a repository of its own; else what is wrong. */
export function childPlace(
  { repoProblem }: Pick<TaskLore, 'repoProblem'>,
  parent: SpawnParent,
  { repo, working_directory: relative }: Partial<TaskInput>,
): { workspace: WorkspaceSource } | { fault: string } {
  const { workspace } = parent.defaults;
  if (repo && relative !== undefined)
    return { fault: '`repo` and `working_directory` exclude each other; remove one of them' };
  if (repo) return repository(repoProblem, parent, repo);
  if (relative === undefined) return { workspace };
  const subdirectory = childDirectory(workspace.subdirectory, relative);
  if (subdirectory !== undefined) return { workspace: { ...workspace, subdirectory } };
  const message = `\`working_directory\` ${shown(relative)} leaves the workspace`;
  return { fault: `${message}; write one relative to yours, inside of it` };
}

function repository(
  repoProblem: TaskLore['repoProblem'],
  parent: SpawnParent,
  { url, ref }: NonNullable<TaskInput['repo']>,
): { workspace: WorkspaceSource } | { fault: string } {
  const problem = repoProblem({ url, ref });
  if (problem) return { fault: `repo: ${problem.message}; ${problem.hint}` };
  if (parent.defaults.workspace.repo?.url !== url && !mayClone(parent, url)) {
    const hint = 'a repository can be cloned from hosts that WebFetch rules allow you';
    return { fault: `repo: your permissions do not include ${shown(url)} (NOT_GRANTED); ${hint}` };
  }
  const repo = { url, ...(ref !== undefined && { ref }) };
  return { workspace: { bundle: null, tree: '', subdirectory: '', repo, origin: url } };
}
