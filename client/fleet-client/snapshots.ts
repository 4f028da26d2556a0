import { realpath } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { isIgnored, repositoryAround } from '../../activities/workspace/file-list.ts';
import type { WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { PlannedTask } from '../spec/plan.ts';
import { mapOf } from './bounded.ts';

/** Directories at once: git and the disk are the bottleneck, not this process. */
const CONCURRENCY = 4;

export interface Snapshots {
  /** The workspace of each task, in order. */
  sources: WorkspaceSource[];
  /** Each said once: files left out, and why. */
  warnings: string[];
}

/** `snapshotDirectory` with its store, cache and exclusions bound. */
export type Snapshot = (directory: string) => Promise<{ source: WorkspaceSource; warnings: string[] }>;

export interface SnapshotWishes {
  signal?: AbortSignal | undefined;
  /** Hears how many of how many directories are done. */
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The workspaces of all tasks, some at a time: each repository once, however many of its directories are worked in, so
 * that they see one state of it too. A git URL is cloned by the worker, not here. The first failure ends it; nothing was
 * started then.
 */
export async function takeSnapshots(
  tasks: readonly Pick<PlannedTask, 'workspace' | 'isEligible'>[],
  snapshot: Snapshot,
  { signal, onProgress }: SnapshotWishes = {},
): Promise<Snapshots> {
  const directories = new Set<string>();
  for (const { workspace, isEligible } of tasks)
    if ('directory' in workspace && isEligible) directories.add(workspace.directory);
  const taker = new SnapshotTaker(snapshot);
  let done = 0;
  const sources = await mapOf(
    [...directories],
    async (directory) => {
      signal?.throwIfAborted();
      const source = await taker.take(directory);
      onProgress?.(++done, directories.size);
      return [directory, source] as const;
    },
    CONCURRENCY,
  );
  const taken = new Map(sources);
  return { sources: tasks.map(({ workspace }) => sourceOf(workspace, taken)), warnings: [...taker.warnings] };
}

class SnapshotTaker {
  readonly warnings = new Set<string>();
  readonly #snapshot: Snapshot;
  /** By root of the repository. */
  readonly #repositories = new Map<string, Promise<WorkspaceSource>>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  async take(directory: string): Promise<WorkspaceSource> {
    const origin = await realpath(directory).catch(() => undefined);
    if (origin === undefined) return this.#one(directory); // which says what is wrong with it
    const root = await repositoryAround(origin);
    // One that its repository ignores may be a workspace by itself: that is for the snapshot to decide.
    if (root === undefined || (root !== origin && (await isIgnored(origin)))) return this.#one(directory);
    let repository = this.#repositories.get(root);
    if (!repository) this.#repositories.set(root, (repository = this.#one(root)));
    return { ...(await repository), subdirectory: relative(root, origin).split(sep).join('/'), origin };
  }

  async #one(directory: string): Promise<WorkspaceSource> {
    const { source, warnings } = await this.#snapshot(directory);
    for (const warning of warnings) this.warnings.add(warning);
    return source;
  }
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
