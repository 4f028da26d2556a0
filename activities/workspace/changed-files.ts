import { readdir } from 'node:fs/promises';
import { forDisk, records, type BytePath } from './file-list.ts';
import type { GitCall } from './git.ts';
import type { WorkTree } from './repository.ts';

/**
 * Names git would take for its own directory on some file system (case, trailing dots and spaces, streams, ignorable
 * code points, short names): such a path cannot be in a tree, and what lies there is the subagent's own affair.
 */
export function isGitName(name: BytePath): boolean {
  const plain = Buffer.from(name, 'latin1')
    .toString()
    .replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '');
  return /^(\.git|git~\d+)[. ]*([\\:].*)?$/i.test(plain);
}

/** All files and symlinks below a directory, links not followed; nothing of git's own, no special files. */
export async function walkFiles(root: string): Promise<BytePath[]> {
  const files: BytePath[] = [];
  const pending: BytePath[] = [''];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    const entries = await readdir(forDisk(root, below), { withFileTypes: true, encoding: 'latin1' });
    for (const entry of entries) {
      if (isGitName(entry.name)) continue;
      const path: BytePath = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
    }
  }
  return files;
}

/** Paths in the index. */
export async function indexed(workTree: WorkTree, call: Partial<GitCall> = {}): Promise<BytePath[]> {
  return records((await workTree.run(['ls-files', '-z'], call)).stdout);
}

export interface IndexUpdate {
  /** Files and symlinks of the work tree the index shall hold as they are. */
  files: readonly BytePath[];
  /** Paths it shall hold no longer. */
  gone: readonly BytePath[];
  signal?: AbortSignal;
  /** The index is new: all contents go to one pack, a file each would cost five times the CPU. */
  isNew?: boolean;
}

/** Git reads only the files whose stat data differ from the index, so this costs what has changed. */
export async function updateIndex(workTree: WorkTree, update: IndexUpdate): Promise<void> {
  const call = update.signal === undefined ? {} : { signal: update.signal };
  const settings = update.isNew ? ['-c', 'core.bigFileThreshold=1'] : [];
  const feed = async (flags: readonly string[], paths: readonly BytePath[]): Promise<void> => {
    if (paths.length === 0) return;
    const input = Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');
    await workTree.run([...settings, 'update-index', ...flags, '-z', '--stdin'], { ...call, input });
  };
  await feed(['--force-remove'], update.gone);
  await feed(['--add', '--remove', '--replace'], update.files);
}
