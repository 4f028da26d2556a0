import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeWithMounts } from './mounts.ts';
import { isAlive, killOrphans, parseOwner } from './owner.ts';
import { limitTrees, namesIn } from './tree-cache.ts';

/** Of a host that cannot be asked: nothing has been opened there for longer than any subagent runs. */
const FOREIGN_MS = 24 * 3_600_000;

/** Removes what dead workers have left in a worker home, and trees beyond `maxBytes`. Live workers are not touched. */
export async function sweepOwners(directory: string, maxBytes: number): Promise<void> {
  await killOrphans();
  const owners = join(directory, 'owners');
  for (const name of await namesIn(owners)) {
    const path = join(owners, name);
    if (await isDead(name, path)) await removeWithMounts(path);
  }
  await limitTrees(directory, maxBytes);
  await forgetCommits(directory);
}

/** What remotes gave is remembered by commit: of no use without its tree. */
async function forgetCommits(directory: string): Promise<void> {
  const trees = new Set(await namesIn(join(directory, 'trees')));
  for (const commit of await namesIn(join(directory, 'commits'))) {
    const file = join(directory, 'commits', commit);
    const tree = await readFile(file, 'utf8').catch(() => undefined);
    if (/^[0-9a-f]{40}$/.test(commit) && tree !== undefined && !trees.has(tree)) await rm(file, { force: true });
  }
}

async function isDead(name: string, path: string): Promise<boolean> {
  const owner = parseOwner(name);
  if (owner === undefined) return false;
  return !(isAlive(owner) ?? (await ageMs(path)) < FOREIGN_MS);
}

async function ageMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
}
