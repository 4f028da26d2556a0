import { lstat, mkdir, readFile, readdir, readlink, rename, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { removeWithMounts } from './mounts.ts';
import { ownName } from './owner.ts';

/** A shared tree nobody has opened for this long goes; it can be built again from the store. */
const UNUSED_MS = 14 * 24 * 3_600_000;
/** Whoever opens a tree marks it as used and only then as held: in between it must not go. */
const JUST_USED_MS = 10 * 60_000;

/** Of the disk; and more than this is never needed to be quick. */
const DISK_SHARE = 0.2;
const MOST_BYTES = 50 * 1_000_000_000;

/** Its size, in the tree's directory from the day it was built: a directory of a hundred thousand files is not counted twice. */
export const SIZE_FILE = 'bytes';

/** What shared trees below `directory` may take when nobody says: a fifth of the disk, at most 50 GB. */
export async function defaultLimit(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory);
  return Math.min(Math.floor(blocks * bsize * DISK_SHARE), MOST_BYTES);
}

/**
 * Removes shared trees of a worker home: those unused for weeks, then the longest unused until they take no more than
 * `maxBytes`. One that somebody has open or has just opened stays, so they may take more for a while. Any number of
 * workers may do it at once.
 */
export async function limitTrees(directory: string, maxBytes: number): Promise<void> {
  const trees = await Promise.all((await namesIn(join(directory, 'trees'))).map((name) => look(directory, name)));
  const held = await heldTrees(directory);
  let bytes = trees.reduce((sum, tree) => sum + tree.bytes, 0);
  for (const tree of trees.sort((a, b) => b.unusedMs - a.unusedMs)) {
    if (tree.unusedMs <= UNUSED_MS && bytes <= maxBytes) break;
    if (tree.unusedMs < JUST_USED_MS || held.has(tree.name)) continue;
    await remove(directory, tree.name);
    bytes -= tree.bytes;
  }
}

/** What a directory takes on disk. Files that go meanwhile count nothing. */
export async function bytesBelow(path: string): Promise<number> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    bytes += await lstat(join(entry.parentPath, entry.name)).then(
      ({ blocks }) => blocks * 512,
      () => 0,
    );
  }
  return bytes;
}

interface CachedTree {
  name: string;
  bytes: number;
  unusedMs: number;
}

async function look(directory: string, name: string): Promise<CachedTree> {
  const path = join(directory, 'trees', name);
  const usedAtMs = await lstat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Date.now(),
  );
  const known = Number(await readFile(join(path, SIZE_FILE), 'utf8').catch(() => NaN));
  return { name, unusedMs: Date.now() - usedAtMs, bytes: Number.isNaN(known) ? await bytesBelow(path) : known };
}

/** Taken away under another name first, so that nobody opens half of it. */
async function remove(directory: string, name: string): Promise<void> {
  const mine = join(directory, 'owners', ownName());
  const aside = join(mine, `unused-${name}`);
  await mkdir(mine, { recursive: true });
  await rename(join(directory, 'trees', name), aside).catch(() => undefined);
  await removeWithMounts(aside);
}

/** Trees that any open workspace has a link to, of whatever worker. */
async function heldTrees(directory: string): Promise<Set<string>> {
  const owners = join(directory, 'owners');
  const homes = await Promise.all(
    (await namesIn(owners)).map(async (owner) =>
      (await namesIn(join(owners, owner))).map((home) => join(owners, owner, home)),
    ),
  );
  const links = homes.flat().map((home) => readlink(join(home, 'tree')).catch(() => ''));
  return new Set((await Promise.all(links)).map((link) => basename(link)));
}

/** Nothing where there is no such directory. */
export const namesIn = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);
