import type { Changes, WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';

/** Opens the files a subagent sees. One per worker process; knows nothing of Claude, tools or Temporal. */
export interface Workspaces {
  /**
   * The files of `source`, as the newest checkpoint left them. Without `mayWrite` a checkout shared by all who read the
   * same tree; with it a checkout of the subagent's own. `owner` is a file-name-safe id, unique among workspaces open
   * at once on this host. Throws `WorkspaceUnavailable`, `WorkspaceTooLarge` or `CloneDenied`, and `WorkspaceFull` when
   * the disk is.
   */
  open(source: WorkspaceSource, options: OpenOptions): Promise<Workspace>;
  /** Removes what workers that no longer live have left: directories, mounts. Called once when a worker starts. */
  sweep(): Promise<void>;
}

export interface OpenOptions {
  mayWrite: boolean;
  owner: string;
  /** Patch of an earlier `save`; null: as the source. */
  patch: ArtifactRef | null;
  /** Which changed paths (relative to the root, posix) a patch may hold; default: all. */
  keeps?: (path: string) => boolean;
  signal: AbortSignal;
}

export interface Workspace {
  /** Absolute host path of the workspace's root and of the working directory inside it. */
  readonly root: string;
  readonly directory: string;
  readonly mayWrite: boolean;
  /** Git's id of the tree it started from: the same tree is the same content. */
  readonly tree: string;
  /** Paths changed as of the newest `save` that `keeps` refused: they are in no patch. Sorted. */
  readonly outside: readonly string[];
  /** Stores the difference to the source as a patch git can apply; null: there is none. Binary files included. */
  save(): Promise<ArtifactRef | null>;
  /** As `save`, with the counts people see; undefined: nothing changed. */
  changes(): Promise<Changes | undefined>;
  /** Whether this path, relative to the root, is a directory now and no symbolic link leads to it. */
  hasDirectory(path: string): Promise<boolean>;
  /** Stores the files as a source for others, of what `keeps` allows; undefined: nothing changed, its own source is that. */
  snapshot(): Promise<Pick<WorkspaceSource, 'bundle' | 'tree'> | undefined>;
  /** Removes the subagent's own files; a shared checkout stays. Safe to call twice. */
  close(): Promise<void>;
}

export class WorkspaceUnavailable extends Error {
  override name = 'WorkspaceUnavailable';
}
export class WorkspaceTooLarge extends Error {
  override name = 'WorkspaceTooLarge';
}
export class CloneDenied extends Error {
  override name = 'CloneDenied';
}
export class WorkspaceFull extends Error {
  override name = 'WorkspaceFull';
}

/** Runs `work` on a host's disk; a full one leaves as `WorkspaceFull`, the artifact store's own `StoreFull` as it came. */
export async function fullDiskAsWorkspaceFull<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new WorkspaceFull('the disk of the workspaces has no space left', { cause: error });
  }
}
