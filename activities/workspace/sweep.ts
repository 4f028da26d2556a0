import { readdir, readlink, rename, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { removeWithMounts } from './mounts.ts';
import { isAlive, killOrphans, ownName, parseOwner } from './owner.ts';

/** Of a host that cannot be asked: nothing has been opened there for longer than any subagent runs. */
const FOREIGN_MS = 24 * 3_600_000;
/** A shared tree nobody has opened for this long goes; it can be built again from the store. */
const UNUSED_TREE_MS = 14 * 24 * 3_600_000;

/** Removes what dead workers have left in a worker home, and trees nobody uses. Live workers are not touched. */
export async function sweepOwners(directory: string): Promise<void> {
  await killOrphans();
  const owners = join(directory, 'owners');
  const inUse = new Set<string>();
  for (const name of await namesIn(owners)) {
    const path = join(owners, name);
    if (await isDead(name, path)) await removeWithMounts(path);
    else for (const tree of await treesOf(path)) inUse.add(tree);
  }
  const trees = join(directory, 'trees');
  for (const name of await namesIn(trees)) {
    if (!inUse.has(name) && (await ageMs(join(trees, name))) > UNUSED_TREE_MS) await removeTree(directory, name);
  }
}

async function isDead(name: string, path: string): Promise<boolean> {
  const owner = parseOwner(name);
  if (owner === undefined) return false;
  return !(isAlive(owner) ?? (await ageMs(path)) < FOREIGN_MS);
}

/** Taken away under another name first, so that nobody opens half of it. */
async function removeTree(directory: string, name: string): Promise<void> {
  const aside = join(directory, 'owners', ownName(), `unused-${name}`);
  await rename(join(directory, 'trees', name), aside).catch(() => undefined);
  await removeWithMounts(aside);
}

async function treesOf(ownerPath: string): Promise<string[]> {
  const homes = await namesIn(ownerPath);
  const links = homes.map((home) => readlink(join(ownerPath, home, 'tree')).catch(() => ''));
  return (await Promise.all(links)).map((link) => basename(link));
}

const namesIn = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

async function ageMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
}
