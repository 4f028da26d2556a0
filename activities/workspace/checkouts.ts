import { chmod, constants, copyFile, cp, lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { forDisk, type BytePath } from './file-list.ts';
import { indexed, walkFiles } from './changed-files.ts';
import { mountOverlay } from './mounts.ts';
import type { Environment } from './git.ts';
import { overlayChanges } from './overlay-changes.ts';
import { copyIndex, type WorkTree } from './repository.ts';
import type { Tree } from './trees.ts';

/** How a writing subagent gets files of its own, best first. Measured: see `Checkouts`. */
export type CheckoutKind = 'overlay' | 'reflink' | 'git';

/** Files of a subagent's own, seen by git through an index and an object directory that lie outside of them. */
export interface Checkout {
  root: string;
  workTree: WorkTree;
  /**
   * What the index must be told of to hold these files, all that was told before taken as known; undefined where they
   * are certainly those of the tree.
   */
  changed(): Promise<{ files: readonly BytePath[]; gone: readonly BytePath[] } | undefined>;
}

/**
 * Makes `<home>/root` hold the files of a tree, the subagent's own. Measured on 2 cores, 2,000 files of 8.7 MB: overlay
 * 7 ms and no copy, git checkout 60 to 100 ms and 8.7 MB.
 */
export async function checkOut(kind: CheckoutKind, tree: Tree, home: string, signal: AbortSignal): Promise<Checkout> {
  const index = join(home, 'index');
  const root = join(home, 'root');
  const objects = join(home, 'objects');
  await mkdir(objects);
  const workTree = tree.repository.at(root, index, {
    GIT_OBJECT_DIRECTORY: objects,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: join(tree.repository.directory, 'objects'),
    ...(kind === 'reflink' ? CLONED_STAT : {}),
  });
  if (kind === 'overlay') {
    await copyIndex(tree.index, index);
    await mountOverlay(home, relative(home, tree.files));
    return { root, workTree, changed: changedAbove(tree, home, workTree) };
  }
  if (kind === 'reflink') {
    await copyIndex(tree.index, index);
    await cloneFiles(tree.files, root);
  } else {
    await mkdir(root);
    await workTree.run(['read-tree', '--reset', '-u', tree.id], { signal });
  }
  return { root, workTree, changed: () => changedAnywhere(root, workTree) };
}

async function changedAnywhere(root: string, workTree: WorkTree) {
  const files = await walkFiles(root);
  const here = new Set(files);
  return { files, gone: (await indexed(workTree)).filter((path) => !here.has(path)) };
}

/** Of an overlay: what was written above the shared files, and what was told before and is no longer there. */
function changedAbove(tree: Tree, home: string, workTree: WorkTree): Checkout['changed'] {
  let told: readonly BytePath[] = [];
  return async () => {
    const { files, gone } = await overlayChanges(home, tree.files);
    const here = new Set(files);
    const vanished = told.filter((path) => !here.has(path));
    told = files;
    if (files.length + gone.length + vanished.length === 0) return undefined;
    const isGone = (path: BytePath): boolean =>
      !here.has(path) && gone.some((removed) => path === removed || path.startsWith(`${removed}/`));
    return { files, gone: [...vanished, ...(gone.length === 0 ? [] : (await indexed(workTree)).filter(isGone))] };
  };
}

/** A clone keeps size and time, not inode and change time. */
const CLONED_STAT: Environment = {
  GIT_CONFIG_PARAMETERS: "'core.checkStat'='minimal' 'core.trustctime'='false'",
};

async function cloneFiles(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE_FORCE,
  });
  // The shared files may be read-only; these are to be written. Links have no mode of their own.
  for (const path of await walkFiles(to)) await makeWritable(forDisk(to, path));
}

async function makeWritable(path: Buffer): Promise<void> {
  const stats = await lstat(path);
  if (stats.isFile()) await chmod(path, (stats.mode & 0o777) | 0o200);
}

/** Whether the file system shares blocks between copies, found out by copying a file in `scratch`. */
export async function mayReflink(scratch: string): Promise<boolean> {
  try {
    await mkdir(scratch, { recursive: true });
    await writeFile(join(scratch, 'from'), 'x');
    await copyFile(join(scratch, 'from'), join(scratch, 'to'), constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
