import type { Stats, StatsFs } from 'node:fs';
import { lstat, opendir, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxLimits } from './limits.ts';

/** One shell whose writing is watched. */
export interface Watched {
  /** Of its workspace: tells the disk. */
  root: string;
  /** Where it may write. */
  directories: readonly string[];
  /** What was written or changed since is its own. */
  sinceMs: number;
  /** In use on its disk at that time (`usedBytes`): a first command may fill the disk before the first look. */
  usedBytes: number | undefined;
  /** First process of its pid namespace; undefined: files that are deleted and still open are not found. */
  firstPid: number | undefined;
  end(): void;
}

const EVERY_MS = 250;
/** So much may come to the disk before anyone's share is measured again: a walk through a workspace is not free. */
const STEP_SHARE = 8;
/** Ending a sandbox that wrote less would not help a full disk. */
const LEAST_TO_BLAME = 64 * 2 ** 20;
/** The clock of a file system lags behind by up to a tick. */
const CLOCK_LAG_MS = 10;

/** Ends shells that fill the disk. One per worker; looks at what is free, and walks only when that has shrunk a lot. */
export class DiskWatch {
  private readonly limits: SandboxLimits;
  /** `usedBytes` is moved on to when each was last measured. */
  private readonly entries = new Set<Watched>();
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;

  constructor(limits: SandboxLimits) {
    this.limits = limits;
  }

  /** Until the function it returns is called. */
  watch(watched: Watched): () => void {
    const entry = { ...watched };
    this.entries.add(entry);
    this.timer ??= setInterval(() => void this.look(), EVERY_MS).unref();
    return () => {
      this.entries.delete(entry);
      if (this.entries.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    };
  }

  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      await this.judge();
    } finally {
      this.isLooking = false;
    }
  }

  private async judge(): Promise<void> {
    const { diskBytes, diskReserveBytes } = this.limits;
    const scarce: { entry: Watched; bytes: number }[] = [];
    for (const entry of this.entries) {
      const disk = await statfs(entry.root).catch(() => undefined);
      if (!disk) continue;
      const used = inUse(disk);
      const isScarce = disk.bavail * disk.bsize < diskReserveBytes;
      const step = Math.min(diskBytes / STEP_SHARE, isScarce ? LEAST_TO_BLAME / 4 : Infinity);
      const before = (entry.usedBytes ??= used);
      if (used - before < step) continue;
      entry.usedBytes = used;
      const bytes = await writtenBy(entry);
      if (bytes > diskBytes) entry.end();
      else if (isScarce && bytes > LEAST_TO_BLAME) scarce.push({ entry, bytes });
    }
    scarce.sort((a, b) => b.bytes - a.bytes)[0]?.entry.end();
  }
}

/** Bytes in use on the disk a directory is on; undefined: it cannot tell. */
export async function usedBytes(directory: string): Promise<number | undefined> {
  const disk = await statfs(directory).catch(() => undefined);
  return disk && inUse(disk);
}

const inUse = ({ blocks, bfree, bsize }: StatsFs): number => (blocks - bfree) * bsize;

/** Bytes on disk of what was written since, deleted files that are still open included. */
async function writtenBy(entry: Watched): Promise<number> {
  const seen = new Set<string>();
  let bytes = 0;
  const count = ({ dev, ino, blocks }: Stats): void => {
    const inode = `${dev.toString()}:${ino.toString()}`;
    if (!seen.has(inode)) bytes += blocks * 512;
    seen.add(inode);
  };
  for (const directory of entry.directories) await walk(directory, entry.sinceMs - CLOCK_LAG_MS, count);
  if (entry.firstPid !== undefined) await deletedFiles(`/proc/${entry.firstPid.toString()}/root`, count);
  return bytes;
}

/** Never through a link. What disappears meanwhile is nobody's. */
async function walk(directory: string, sinceMs: number, count: (stats: Stats) => void): Promise<void> {
  const entries = await opendir(directory).catch(() => undefined);
  if (!entries) return;
  const below: string[] = [];
  try {
    for await (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) below.push(path);
      const stats = await lstat(path).catch(() => undefined);
      if (stats && stats.ctimeMs >= sinceMs) count(stats);
    }
  } catch {
    // Removed while it was read.
  }
  for (const path of below) await walk(path, sinceMs, count);
}

async function deletedFiles(sandbox: string, count: (stats: Stats) => void): Promise<void> {
  const memory = await Promise.all(['tmp', 'dev/shm'].map((name) => stat(join(sandbox, name)).catch(() => undefined)));
  const pids = await readdir(join(sandbox, 'proc')).catch(() => []);
  for (const pid of pids.filter((name) => /^\d+$/.test(name))) {
    const descriptors = join(sandbox, 'proc', pid, 'fd');
    for (const fd of await readdir(descriptors).catch(() => [])) {
      const stats = await stat(join(descriptors, fd)).catch(() => undefined);
      const isOnDisk = stats?.isFile() === true && !memory.some((place) => place?.dev === stats.dev);
      if (isOnDisk && stats.nlink === 0) count(stats);
    }
  }
}
