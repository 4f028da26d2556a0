import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { mountReadOnly, removeWithMounts } from './mounts.ts';
import type { Tree } from './trees.ts';

interface View {
  readers: number;
  isThere: boolean;
  settled: Promise<void>;
}

/**
 * Where readers see a shared tree: one view per tree and process, there as long as someone reads. It is a read-only
 * mount; where nothing can be mounted, the files themselves, which are read-only by mode. A thousand readers cost one.
 */
export class SharedViews {
  readonly #directory: string;
  readonly #hasMounts: () => Promise<boolean>;
  readonly #views = new Map<string, View>();

  constructor(directory: string, hasMounts: () => Promise<boolean>) {
    this.#directory = directory;
    this.#hasMounts = hasMounts;
  }

  /** The root to read at. Each call that resolves needs one `release`. */
  async acquire(tree: Tree): Promise<string> {
    const view = this.#views.get(tree.id) ?? { readers: 0, isThere: false, settled: Promise.resolve() };
    this.#views.set(tree.id, view);
    view.readers++;
    try {
      await this.#settle(tree, view);
    } catch (error) {
      view.readers--;
      throw error;
    }
    return (await this.#hasMounts()) ? this.#mountOf(tree) : tree.files;
  }

  async release(tree: Tree): Promise<void> {
    const view = this.#views.get(tree.id);
    if (view === undefined) return;
    view.readers--;
    await this.#settle(tree, view);
  }

  /** Makes the view be there exactly while there are readers; one step at a time. */
  #settle(tree: Tree, view: View): Promise<void> {
    view.settled = view.settled
      .catch(() => undefined) // that caller has heard of it
      .then(async () => {
        if (view.readers > 0 === view.isThere) return;
        if (view.isThere) await removeWithMounts(this.#homeOf(tree));
        else await this.#make(tree);
        view.isThere = !view.isThere;
      });
    return view.settled;
  }

  async #make(tree: Tree): Promise<void> {
    const home = this.#homeOf(tree);
    await removeWithMounts(home); // of a view that could not be made whole
    await mkdir(home, { recursive: true, mode: 0o700 });
    await symlink(tree.directory, join(home, 'tree')); // `sweep` keeps a tree somebody has open
    if (await this.#hasMounts()) await mountReadOnly(tree.files, this.#mountOf(tree));
  }

  #homeOf(tree: Tree): string {
    return join(this.#directory, `view-${tree.id}`);
  }
  #mountOf(tree: Tree): string {
    return join(this.#homeOf(tree), 'root');
  }
}
