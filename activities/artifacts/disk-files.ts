import { close, fdatasync, fsync, open, write } from 'node:fs';
import { mkdir, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { uniqueName } from './names.ts';
import { StoreFull } from './store.ts';

/** The code of an I/O error (`ENOENT`); undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Runs `work`; a full disk or quota leaves as `StoreFull`, everything else as it came. */
export async function withFullDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asStoreFull(error);
  }
}

function asStoreFull(error: unknown): unknown {
  const code = codeOf(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new StoreFull('the artifact store has no space left', { cause: error });
}

/*
 * Plain descriptors, not `FileHandle`s: a turn's durable write is nine calls, 300 turns a second. All of them leave the
 * thread, the cheap ones too: on a busy journal even giving a file its name waits for the disk (measured: 3 ms).
 */
const openFile = promisify(open);
const writeBytes = promisify(write);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const closeFile = promisify(close);

/** Makes a new file, private to the user, whose bytes are on the disk when this resolves. A failure leaves no file. */
export async function writeSynced(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await openFile(path, 'wx', 0o600);
  try {
    const whole = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    for (let written = 0; written < whole.length;)
      written += (await writeBytes(file, whole, written, whole.length - written, null)).bytesWritten;
    await syncData(file);
  } catch (error) {
    await unlinkQuietly(path);
    throw error;
  } finally {
    await closeFile(file);
  }
}

/** Makes names added to, and removed from, a directory survive a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await openFile(path, 'r');
  try {
    await syncAll(directory);
  } finally {
    await closeFile(directory);
  }
}

/** Creates a directory and what is missing above it, durably. Safe to call twice. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

/** Removes a file that may be gone already, or be on a disk that refuses: what stays is for `collect`. */
export async function unlinkQuietly(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}

/** Where files are made before they get their name: on the same file system, out of every reader's sight. */
export class TemporaryFiles {
  readonly directory: string;

  constructor(root: string) {
    this.directory = join(root, 'tmp');
  }

  path(): string {
    return join(this.directory, uniqueName());
  }

  /** Runs `work` with a path of its own, which it gives a name or removes; when it fails, what is there goes. */
  async with<T>(work: (path: string) => Promise<T>): Promise<T> {
    const path = this.path();
    try {
      return await work(path);
    } catch (error) {
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
  }
}
