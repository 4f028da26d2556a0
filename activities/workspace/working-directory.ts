import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './repository.ts';
import { WorkspaceUnavailable } from './workspace.ts';

/**
 * The working directory inside a workspace, made where git kept nothing of it (an empty directory): only in files of
 * one's own, for a name is a message to whoever reads it. Never through a symlink: a repository could lead it anywhere.
 */
export async function workingDirectory(root: string, subdirectory: string): Promise<string> {
  let directory = root;
  for (const part of partsOf(subdirectory)) {
    directory = join(directory, part);
    if (await isDirectory(directory, subdirectory)) continue;
    await mkdir(directory).catch((failure: unknown) => {
      if (codeOf(failure) !== 'EEXIST') throw failure;
    });
    await isDirectory(directory, subdirectory);
  }
  return directory;
}

/** Whether it is there. Makes nothing; throws as `workingDirectory` where something else is. */
export async function hasWorkingDirectory(root: string, subdirectory: string): Promise<boolean> {
  let directory = root;
  for (const part of partsOf(subdirectory)) {
    directory = join(directory, part);
    if (!(await isDirectory(directory, subdirectory))) return false;
  }
  return true;
}

/** False: nothing is there. */
async function isDirectory(path: string, subdirectory: string): Promise<boolean> {
  const stats = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  if (stats && !stats.isDirectory()) throw bad(subdirectory);
  return stats !== undefined;
}

function partsOf(subdirectory: string): string[] {
  const parts = subdirectory === '' ? [] : subdirectory.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0')))
    throw bad(subdirectory);
  return parts;
}

const bad = (subdirectory: string): WorkspaceUnavailable =>
  new WorkspaceUnavailable(`the working directory ${JSON.stringify(subdirectory)} is no directory of the workspace`);
