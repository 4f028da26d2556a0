import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { checkOut, mayReflink, type CheckoutKind } from './checkouts.ts';
import { mayMount, removeWithMounts } from './mounts.ts';
import { baseCommitOf, OwnFiles } from './own-files.ts';
import { ownName } from './owner.ts';
import { Remotes } from './remote.ts';
import { codeOf } from './repository.ts';
import { SharedViews } from './shared-views.ts';
import { sweepOwners } from './sweep.ts';
import { defaultLimit, limitTrees } from './tree-cache.ts';
import { Trees, type Tree } from './trees.ts';
import { fullDiskAsWorkspaceFull, WorkspaceUnavailable } from './workspace.ts';
import type { OpenOptions, Workspace, Workspaces } from './workspace.ts';
import { hasWorkingDirectory, workingDirectory } from './working-directory.ts';

export interface WorkspacesOptions {
  /** Absolute; of one worker home. Several worker processes may share it. */
  directory: string;
  store: ArtifactStore;
  /** Transports that `repo` sources may use; a worker that serves strangers leaves `file` out. */
  protocols?: readonly string[];
  /** Instead of the best this host can do. */
  checkout?: CheckoutKind;
  /** What shared trees nobody has open may take; omitted: a fifth of the disk, at most 50 GB. */
  cacheBytes?: number | undefined;
  /** Told how long a fetch from a remote took. */
  onFetched?: (durationMs: number) => void;
}

/** Nothing is touched before the first `open` or `sweep`. */
export function createWorkspaces(options: WorkspacesOptions): Workspaces {
  return new HostWorkspaces(options);
}

/**
 * `trees/` are shared checkouts, `commits/` what remotes gave, `owners/<process>/<owner>/` what one open workspace has
 * of its own: `root`, where the subagent's files are, and beside it git's index and objects.
 */
class HostWorkspaces implements Workspaces {
  readonly #directory: string;
  readonly #mine: string;
  readonly #store: ArtifactStore;
  readonly #trees: Trees;
  readonly #remotes: Remotes;
  readonly #views: SharedViews;
  readonly #wanted: CheckoutKind | undefined;
  readonly #cacheBytes: number | undefined;
  #builtBytes = 0;
  #kind: Promise<CheckoutKind> | undefined;

  constructor(options: WorkspacesOptions) {
    const { directory, store, protocols = ['https', 'ssh', 'http', 'git', 'file'], checkout, onFetched } = options;
    this.#directory = directory;
    this.#mine = join(directory, 'owners', ownName());
    this.#store = store;
    this.#wanted = checkout;
    this.#cacheBytes = options.cacheBytes;
    const hasMounts = async (): Promise<boolean> => (await this.#checkoutKind()) === 'overlay';
    this.#trees = new Trees(
      join(directory, 'trees'),
      this.#mine,
      store,
      async () => !(await hasMounts()),
      (bytes) => void this.#built(bytes).catch(() => undefined), // the next start looks again
    );
    this.#remotes = new Remotes(join(directory, 'commits'), this.#trees, protocols, onFetched);
    this.#views = new SharedViews(this.#mine, hasMounts);
  }

  async open(source: WorkspaceSource, options: OpenOptions): Promise<Workspace> {
    options.signal.throwIfAborted();
    if (!/^[A-Za-z0-9][\w.-]{0,200}$/.test(options.owner)) throw new TypeError(`not a file name: ${options.owner}`);
    const isShared = !options.mayWrite && options.patch === null;
    return fullDiskAsWorkspaceFull(() =>
      isShared ? this.#openShared(source, options) : this.#openOwn(source, options),
    );
  }

  async sweep(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    await sweepOwners(this.#directory, await this.#limit());
  }

  /** Between two starts a worker looks again whenever a tenth of the cache is new. */
  async #built(bytes: number): Promise<void> {
    this.#builtBytes += bytes;
    const limit = await this.#limit();
    if (this.#builtBytes < limit / 10) return;
    this.#builtBytes = 0;
    await limitTrees(this.#directory, limit);
  }

  async #limit(): Promise<number> {
    return this.#cacheBytes ?? defaultLimit(this.#directory);
  }

  async #openShared(source: WorkspaceSource, options: OpenOptions): Promise<Workspace> {
    const { tree } = await this.#tree(source, options);
    // What many read stays as it is: an empty directory is made in a checkout of its own.
    if (!(await hasWorkingDirectory(tree.files, source.subdirectory))) return this.#openOwn(source, options);
    const root = await this.#views.acquire(tree);
    const release = (): Promise<void> => this.#views.release(tree);
    try {
      return new SharedWorkspace(root, await workingDirectory(root, source.subdirectory), tree.id, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  async #openOwn(source: WorkspaceSource, options: OpenOptions): Promise<Workspace> {
    const home = join(this.#mine, `of-${options.owner}`);
    try {
      await makeAnew(home);
      const { tree, commit } = await this.#tree(source, options);
      await symlink(tree.directory, join(home, 'tree')); // `sweep` keeps a tree somebody has open
      await hasWorkingDirectory(tree.files, source.subdirectory); // throws early where it is something else
      return await this.#checkOut(source, options, home, tree, commit);
    } catch (error) {
      await removeWithMounts(home);
      throw error;
    }
  }

  async #checkOut(
    source: WorkspaceSource,
    { patch, mayWrite, signal, keeps = () => true }: OpenOptions,
    home: string,
    tree: Tree,
    baseCommit: string | undefined,
  ): Promise<Workspace> {
    const checkout = await checkOut(await this.#checkoutKind(), tree, home, signal);
    const files = new OwnFiles({ tree, checkout, home, store: this.#store, baseCommit, keeps });
    if (patch !== null) await files.restore(patch, signal);
    const directory = await workingDirectory(checkout.root, source.subdirectory);
    signal.throwIfAborted();
    return new OwnWorkspace(files, directory, mayWrite, () => removeWithMounts(home));
  }

  async #tree(
    source: WorkspaceSource,
    { patch, signal }: OpenOptions,
  ): Promise<{ tree: Tree; commit: string | undefined }> {
    if (source.repo === undefined) return { tree: await this.#trees.of(source, signal), commit: undefined };
    const commit = patch === null ? undefined : await baseCommitOf(this.#store, patch);
    return this.#remotes.tree(source.repo, commit, signal);
  }

  /** Tried once per process. */
  #checkoutKind(): Promise<CheckoutKind> {
    return (this.#kind ??= this.#findKind());
  }

  async #findKind(): Promise<CheckoutKind> {
    if (this.#wanted !== undefined) return this.#wanted;
    if (await mayMount(join(this.#mine, 'probe'))) return 'overlay';
    return (await mayReflink(join(this.#mine, 'probe'))) ? 'reflink' : 'git';
  }
}

class OwnWorkspace implements Workspace {
  readonly root: string;
  readonly directory: string;
  readonly mayWrite: boolean;
  readonly tree: string;
  readonly #files: OwnFiles;
  readonly #remove: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(files: OwnFiles, directory: string, mayWrite: boolean, remove: () => Promise<void>) {
    this.root = files.checkout.root;
    this.directory = directory;
    this.mayWrite = mayWrite;
    this.tree = files.tree.id;
    this.#files = files;
    this.#remove = remove;
  }

  get outside(): readonly string[] {
    return this.#files.outside;
  }

  async save() {
    if (this.#closing !== undefined) throw new WorkspaceUnavailable('the workspace is closed');
    return this.#files.save();
  }

  async changes() {
    if (this.#closing !== undefined) throw new WorkspaceUnavailable('the workspace is closed');
    return this.#files.changes();
  }

  hasDirectory(path: string): Promise<boolean> {
    return hasDirectory(this.root, path);
  }

  async snapshot() {
    if (this.#closing !== undefined) throw new WorkspaceUnavailable('the workspace is closed');
    return this.#files.snapshot();
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#remove());
  }
}

/** A view of files many read; there is nothing to save. */
class SharedWorkspace implements Workspace {
  readonly root: string;
  readonly directory: string;
  readonly mayWrite = false;
  readonly tree: string;
  readonly outside: readonly string[] = [];
  readonly #release: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(root: string, directory: string, tree: string, release: () => Promise<void>) {
    this.root = root;
    this.directory = directory;
    this.tree = tree;
    this.#release = release;
  }

  save(): Promise<null> {
    return Promise.resolve(null);
  }

  changes(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  hasDirectory(path: string): Promise<boolean> {
    return hasDirectory(this.root, path);
  }

  snapshot(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#release());
  }
}

/** An empty directory; what an attempt of the same name has left goes first. */
async function makeAnew(directory: string): Promise<void> {
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await removeWithMounts(directory);
    await mkdir(directory, { mode: 0o700 });
  }
}

async function hasDirectory(root: string, path: string): Promise<boolean> {
  try {
    return await hasWorkingDirectory(root, path);
  } catch (error) {
    if (error instanceof WorkspaceUnavailable) return false;
    throw error;
  }
}
