import { lstat, readdir } from 'node:fs/promises';
import { isGitName } from './changed-files.ts';
import { forDisk, type BytePath } from './file-list.ts';

export interface OverlayChanges {
  /** Files and symlinks written since the mount. */
  files: BytePath[];
  /** What `lower` has and the view has not: files, or directories with all in them. */
  gone: BytePath[];
}

/**
 * What differs between an overlay and what lies below it, read from the upper directory: costs what was touched, not
 * what is there. Deletions are found by listing, because neither a whiteout behind a directory that replaced another
 * nor an opaque directory can be told from here otherwise. Needs `redirect_dir=off`.
 */
export async function overlayChanges(home: string, lower: string): Promise<OverlayChanges> {
  const changes: OverlayChanges = { files: [], gone: [] };
  const pending: BytePath[] = [''];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    const inside = (name: string): BytePath => (below === '' ? name : `${below}/${name}`);
    const entries = await readdir(forDisk(`${home}/upper`, below), { withFileTypes: true, encoding: 'latin1' });
    for (const entry of entries) {
      if (isGitName(entry.name)) continue;
      if (entry.isDirectory()) pending.push(inside(entry.name));
      else if (entry.isFile() || entry.isSymbolicLink()) changes.files.push(inside(entry.name));
    }
    const stats = await lstat(forDisk(lower, below)).catch(() => undefined);
    if (stats === undefined) continue;
    if (!stats.isDirectory())
      changes.gone.push(below); // a file became a directory
    else changes.gone.push(...(await missing(lower, `${home}/root`, below)).map(inside));
  }
  return changes;
}

async function missing(lower: string, root: string, below: BytePath): Promise<string[]> {
  const list = (directory: string) => readdir(forDisk(directory, below), { encoding: 'latin1' });
  const here = new Set(await list(root));
  return (await list(lower)).filter((name) => !here.has(name));
}
