import { randomUUID } from 'node:crypto';
import { chmodSync, lutimesSync, lstatSync } from 'node:fs';
import { mkdir, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { loadBundle } from './bundle.ts';
import { forDisk, records } from './file-list.ts';
import { removeWithMounts } from './mounts.ts';
import { codeOf, EMPTY_TREE, exists, Repository } from './repository.ts';
import { SharedWork } from './shared-work.ts';
import { bytesBelow, SIZE_FILE } from './tree-cache.ts';
import { WorkspaceTooLarge, WorkspaceUnavailable } from './workspace.ts';

/** A time long past: an index written today then trusts every entry, and any later write shows. 2001-09-09T01:46:40Z */
export const LONG_AGO_S = 1_000_000_000;

/** What is checked out of a tree at most: a pack of a few kilobytes may stand for any number of files of any size. */
const MAX_TREE_BYTES = 10 * 1_073_741_824;
/** Of its list; half a million files. */
const MAX_LIST_BYTES = 64 * 1_048_576;

/** One tree, checked out once for all who read it: its repository, its files, and an index that fits them. */
export class Tree {
  readonly id: string;
  readonly directory: string;
  readonly repository: Repository;

  constructor(id: string, directory: string) {
    this.id = id;
    this.directory = directory;
    this.repository = new Repository(join(directory, 'repo.git'));
  }

  get files(): string {
    return join(this.directory, 'files');
  }

  get index(): string {
    return join(this.directory, 'index');
  }
}

/**
 * The trees of one worker home, `<directory>/<tree>`. A tree is built aside and renamed into place, so it is whole or
 * absent, and two workers that build the same one end with one. Each has a repository of its own: it goes when the tree
 * goes, and git never has thousands of packs to look through.
 */
export class Trees {
  readonly #directory: string;
  readonly #aside: string;
  readonly #store: ArtifactStore;
  readonly #isReadOnly: () => Promise<boolean>;
  readonly #onBuilt: (bytes: number) => void;
  readonly #builds = new SharedWork<Tree>();

  /**
   * `aside`: where to build. `isReadOnly`: whether files must be protected by their mode, for want of mounts. `onBuilt` is
   * told what a new tree takes.
   */
  constructor(
    directory: string,
    aside: string,
    store: ArtifactStore,
    isReadOnly: () => Promise<boolean>,
    onBuilt: (bytes: number) => void,
  ) {
    this.#directory = directory;
    this.#aside = aside;
    this.#store = store;
    this.#isReadOnly = isReadOnly;
    this.#onBuilt = onBuilt;
  }

  /** The tree of a stored source. */
  async of(source: Pick<WorkspaceSource, 'bundle' | 'tree'>, signal: AbortSignal): Promise<Tree> {
    const { bundle, tree } = source;
    if (!/^[0-9a-f]{40}$/.test(tree)) throw new WorkspaceUnavailable(`not a git tree: ${tree.slice(0, 80)}`);
    if (bundle === null && tree !== EMPTY_TREE) throw new WorkspaceUnavailable(`tree ${tree} has no bundle`);
    return this.#builds.join(tree, signal, async (building) => {
      return (
        (await this.existing(tree)) ??
        (await this.build(async (repository, directory) => {
          if (bundle !== null) {
            await loadBundle(repository, bundle, this.#store, join(directory, 'bundle'), building);
          }
          return tree;
        }, building))
      );
    });
  }

  /** A tree that is there already, marked as used now. */
  async existing(id: string): Promise<Tree | undefined> {
    const directory = join(this.#directory, id);
    const now = new Date();
    try {
      await utimes(directory, now, now);
      return new Tree(id, directory);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Builds a tree: `fill` brings its objects into a new repository and says which tree it is. */
  async build(
    fill: (repository: Repository, directory: string) => Promise<string>,
    signal: AbortSignal,
  ): Promise<Tree> {
    const aside = join(this.#aside, `build-${randomUUID()}`);
    try {
      await mkdir(join(aside, 'files'), { recursive: true });
      const repository = await Repository.create(join(aside, 'repo.git'));
      const id = await fill(repository, aside);
      const files = await this.#checkOut(new Tree(id, aside), signal);
      const bytes = files + (await bytesBelow(join(aside, 'repo.git')));
      await writeFile(join(aside, SIZE_FILE), bytes.toString());
      const tree = await this.#publish(id, aside);
      this.#onBuilt(bytes);
      return tree;
    } finally {
      await removeWithMounts(aside);
    }
  }

  /** Resolves with what the files take. */
  async #checkOut(tree: Tree, signal: AbortSignal): Promise<number> {
    await refuseHuge(tree, signal);
    const workTree = tree.repository.at(tree.files, tree.index);
    await workTree.run(['read-tree', '--reset', '-u', tree.id], { signal });
    const paths = records((await workTree.run(['ls-files', '-z'], { signal })).stdout);
    const mayWrite = !(await this.#isReadOnly());
    let bytes = 0;
    for (const [i, path] of paths.entries()) {
      if (i % 500 === 499) await new Promise(setImmediate);
      const file = forDisk(tree.files, path);
      const stats = lstatSync(file);
      bytes += stats.blocks * 512;
      if (!mayWrite && stats.isFile()) chmodSync(file, stats.mode & 0o555);
      lutimesSync(file, LONG_AGO_S, LONG_AGO_S);
    }
    await workTree.run(['update-index', '-q', '--refresh'], { signal });
    return bytes;
  }

  async #publish(id: string, aside: string): Promise<Tree> {
    const directory = join(this.#directory, id);
    await mkdir(this.#directory, { recursive: true });
    await rename(aside, directory).catch(async (error: unknown) => {
      // Another worker was quicker; its tree is the same.
      if (!(await exists(directory))) throw error;
    });
    return new Tree(id, directory);
  }
}

async function refuseHuge({ id, repository }: Tree, signal: AbortSignal): Promise<void> {
  const list = ['ls-tree', '-r', '-l', '-z', id];
  const { stdout } = await repository.run(list, { signal, maxOutputBytes: MAX_LIST_BYTES });
  const sizes = records(stdout).map((line) => Number(/^\S+ \S+ \S+ +(\d+)\t/.exec(line)?.[1] ?? 0));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= MAX_TREE_BYTES) return;
  const gibibytes = (bytes: number): string => `${Math.ceil(bytes / 1_073_741_824).toString()} GiB`;
  throw new WorkspaceTooLarge(`the repository holds ${gibibytes(total)}, more than ${gibibytes(MAX_TREE_BYTES)}`);
}
