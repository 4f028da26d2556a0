import type { WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { PlannedTask } from '../spec/plan.ts';

/** Directories snapshotted at once: git and the disk are the bottleneck, not this process. */
const CONCURRENCY = 4;

export interface Snapshots {
  /** The workspace of each task, in order. */
  sources: WorkspaceSource[];
  /** Each said once: files left out, and why. */
  warnings: string[];
}

/** `snapshotDirectory` with its store, cache and exclusions bound. */
export type Snapshot = (directory: string) => Promise<{ source: WorkspaceSource; warnings: string[] }>;

/**
 * The workspaces of all tasks: each directory once, some at a time; a git URL is cloned by the worker, not here.
 * `onProgress` hears how many of how many directories are done. The first failure ends it; nothing was started then.
 */
export async function takeSnapshots(
  tasks: readonly Pick<PlannedTask, 'workspace' | 'isEligible'>[],
  snapshot: Snapshot,
  options: { signal?: AbortSignal | undefined; onProgress?: ((done: number, total: number) => void) | undefined } = {},
): Promise<Snapshots> {
  const directories = new Set<string>();
  for (const { workspace, isEligible } of tasks)
    if ('directory' in workspace && isEligible) directories.add(workspace.directory);
  const taken = new Map<string, WorkspaceSource>();
  const warnings = new Set<string>();
  const queue = directories.values();
  const work = async (): Promise<void> => {
    for (const directory of queue) {
      options.signal?.throwIfAborted();
      const { source, warnings: said } = await snapshot(directory);
      taken.set(directory, source);
      said.forEach((warning) => warnings.add(warning));
      options.onProgress?.(taken.size, directories.size);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return { sources: tasks.map(({ workspace }) => sourceOf(workspace, taken)), warnings: [...warnings] };
}

function sourceOf(workspace: PlannedTask['workspace'], taken: ReadonlyMap<string, WorkspaceSource>): WorkspaceSource {
  const none = { bundle: null, tree: '', subdirectory: '' };
  if (!('directory' in workspace)) {
    const { url, ref } = workspace;
    return { ...none, repo: ref === undefined ? { url } : { url, ref }, origin: url };
  }
  // A target that is not eligible never starts, so nobody needs its files.
  return taken.get(workspace.directory) ?? { ...none, origin: workspace.directory };
}
