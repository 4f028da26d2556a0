import { chmod, constants, copyFile, cp, lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { walkFiles } from './changed-files.ts';
import { forDisk } from './file-list.ts';
import type { Layer } from './found-files.ts';
import { HashedFiles } from './hashed-files.ts';
import { listedLayer, overlayLayer, sourceFiles, type SourceFiles } from './layers.ts';
import { mountOverlay } from './mounts.ts';
import { copyIndex, type WorkTree } from './repository.ts';
import type { Tree } from './trees.ts';

/** How a writing subagent gets files of its own, best first. Measured: see `checkOut`. */
export type CheckoutKind = 'overlay' | 'reflink' | 'git';

/** Files of a subagent's own, and git's view of them through an index and an object directory that lie outside of them. */
export interface Checkout {
  root: string;
  workTree: WorkTree;
  /** Where to look for changes. */
  layer: Layer;
  hashed: HashedFiles;
  /** What the source holds, where that had to be listed. */
  listed: SourceFiles | undefined;
}

/**
 * Makes `<home>/root` hold the files of a tree, the subagent's own. Measured on 2 cores, partly under load, 2,000 files of
 * 3 MB in all: overlay 7 to 9 ms and no copy, git checkout 57 to 307 ms and 3 MB.
 */
export async function checkOut(kind: CheckoutKind, tree: Tree, home: string, signal: AbortSignal): Promise<Checkout> {
  const index = join(home, 'index');
  const root = join(home, 'root');
  await Promise.all(['objects', 'scratch'].map((part) => mkdir(join(home, part))));
  const at = (files: string, file: string): WorkTree =>
    tree.repository.at(files, file, {
      GIT_OBJECT_DIRECTORY: join(home, 'objects'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: join(tree.repository.directory, 'objects'),
    });
  const workTree = at(root, index);
  const hashed = new HashedFiles(root, join(home, 'scratch'), at);
  if (kind === 'overlay') {
    await copyIndex(tree.index, index);
    await mountOverlay(home, relative(home, tree.files));
    return { root, workTree, layer: overlayLayer(home, tree.files), hashed, listed: undefined };
  }
  if (kind === 'reflink') {
    await copyIndex(tree.index, index);
    await cloneFiles(tree.files, root);
  } else {
    await mkdir(root);
    await workTree.run(['read-tree', '--reset', '-u', tree.id], { signal });
  }
  const listed = await sourceFiles(tree);
  hashed.trust(listed);
  return { root, workTree, layer: listedLayer(root, listed), hashed, listed };
}

async function cloneFiles(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
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
