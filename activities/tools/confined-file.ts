import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { posix } from 'node:path';
import type { ToolContext } from './tool.ts';
import { ConfinedDirectory, judge } from './confined-directory.ts';
import { ToolError } from './refusal.ts';

/** Larger files are searched, not read or edited. */
export const MAX_FILE_BYTES = 10 * 1_048_576;

type Place = ToolContext['workspace'];

/** A file of the workspace by its resolved path, opened for reading; `use` must not keep the handle. */
export async function withFile<T>(
  { root, mayWrite }: Place,
  path: string,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  await using directory = await ConfinedDirectory.open(root, posix.dirname(`/${path}`).slice(1));
  await using file = await directory.openFile(posix.basename(path), mayWrite);
  return await use(file);
}

/** All of a file. Throws `ToolError` beyond `MAX_FILE_BYTES`, also when it grows meanwhile. */
export async function readFile(workspace: Place, path: string): Promise<Buffer> {
  return withFile(workspace, path, async (file) => {
    const { size } = await file.stat();
    const buffer = Buffer.allocUnsafe(Math.min(size, MAX_FILE_BYTES) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    const limit = `${MAX_FILE_BYTES / 1_048_576} MiB`;
    throw new ToolError(`${posix.basename(path)} is larger than ${limit} or still growing; search it with Grep.`);
  });
}

/**
 * Puts `bytes` in place of a file at once: a reader sees the old content or the new. Missing directories are made, the
 * mode of an existing file is kept. Whatever fails, nothing of the new content stays behind.
 */
export async function replaceFile({ root, mayWrite }: Place, path: string, bytes: Uint8Array): Promise<void> {
  const name = posix.basename(path);
  const parent = posix.dirname(`/${path}`).slice(1);
  await using directory = await ConfinedDirectory.open(root, parent, { create: true });
  const before = await directory.stat(name);
  if (before) judge(name, before, mayWrite);
  const temporary = directory.entry(`.muster-${randomUUID()}.tmp`);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, before ? 0o600 : 0o666);
  try {
    try {
      await file.writeFile(bytes);
      if (before) await file.chmod(before.mode & 0o777);
    } finally {
      await file.close();
    }
    await rename(temporary, directory.entry(name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
