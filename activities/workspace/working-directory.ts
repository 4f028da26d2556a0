import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './repository.ts';
import { WorkspaceUnavailable } from './workspace.ts';

/**
 * The working directory inside a workspace, made where git kept nothing of it (an empty directory). Never through a
 * symlink: a repository could lead it anywhere.
 */
export async function workingDirectory(root: string, subdirectory: string): Promise<string> {
  const parts = subdirectory === '' ? [] : subdirectory.split('/');
  let directory = root;
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..' || part.includes('\0')) throw bad(subdirectory);
    directory = join(directory, part);
    const stats = await lstat(directory).catch(async (error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      await mkdir(directory).catch((failure: unknown) => {
        if (codeOf(failure) !== 'EEXIST') throw failure;
      });
      return lstat(directory);
    });
    if (!stats.isDirectory()) throw bad(subdirectory);
  }
  return directory;
}

const bad = (subdirectory: string): WorkspaceUnavailable =>
  new WorkspaceUnavailable(`the working directory ${JSON.stringify(subdirectory)} is no directory of the workspace`);
