import { join } from 'node:path';
import { mountReadOnly, removeWithMounts } from './mounts.ts';
import type { Tree } from './trees.ts';

interface View {
  readers: number;
  isMounted: boolean;
  settled: Promise<void>;
}

/**
 * Where readers see a shared tree: through one read-only mount per tree and process, there as long as someone reads;
 * where nothing can be mounted, the files themselves, which are read-only by mode.
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
    if (!(await this.#hasMounts())) return tree.files;
    const view = this.#views.get(tree.id) ?? { readers: 0, isMounted: false, settled: Promise.resolve() };
    this.#views.set(tree.id, view);
    view.readers++;
    try {
      await this.#settle(tree, view);
    } catch (error) {
      view.readers--;
      throw error;
    }
    return this.#pathOf(tree);
  }

  async release(tree: Tree): Promise<void> {
    const view = this.#views.get(tree.id);
    if (view === undefined) return;
    view.readers--;
    await this.#settle(tree, view);
  }

  /** Makes the mount be there exactly while there are readers; one step at a time. */
  #settle(tree: Tree, view: View): Promise<void> {
    view.settled = view.settled
      .catch(() => undefined) // that caller has heard of it
      .then(async () => {
        if (view.readers > 0 === view.isMounted) return;
        if (view.isMounted) await removeWithMounts(this.#pathOf(tree));
        else await mountReadOnly(tree.files, this.#pathOf(tree));
        view.isMounted = !view.isMounted;
      });
    return view.settled;
  }

  #pathOf(tree: Tree): string {
    return join(this.#directory, tree.id);
  }
}
