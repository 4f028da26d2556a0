import { lstat, mkdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { type SandboxOptions, SandboxUnavailable } from './sandbox.ts';

/** What of a workspace is bound how, every path of it free of symbolic links when it was looked at. */
export interface BindPlan {
  directory: string;
  writable: string[];
  /** Directories on the way to what is protected: bound onto themselves, for a mount point cannot be renamed or removed. */
  pinned: string[];
  readOnly: string[];
  hidden: { path: string; isDirectory: boolean }[];
}

type Found = 'directory' | 'file' | 'missing' | 'link';

/**
 * Looks at the paths of a workspace before a shell sees them; no process of the sandbox may run meanwhile. Bubblewrap
 * follows links in what it binds, so a path with one in it is never bound: it does not become writable, and where a rule
 * protects it, nothing starts. A writable directory that is missing is made.
 */
export async function planBinds(options: SandboxOptions): Promise<BindPlan> {
  const { root, directory, writable, readOnly, hidden = [] } = options;
  if ((await kindOf(root)) !== 'directory') throw new SandboxUnavailable(`the workspace is gone: ${root}`);
  const plan: BindPlan = {
    directory: await nearestDirectory(root, directory),
    writable: [],
    pinned: [],
    readOnly: [],
    hidden: [],
  };
  for (const path of outermostFirst(writable)) {
    if (await isMade(root, path)) plan.writable.push(path);
  }
  for (const path of outermostFirst(readOnly)) {
    if ((await protectable(root, path, 'changed')) !== 'missing') plan.readOnly.push(path);
  }
  for (const path of outermostFirst(hidden)) {
    const found = await protectable(root, path, 'read');
    if (found !== 'missing') plan.hidden.push({ path, isDirectory: found === 'directory' });
  }
  const protectedPaths = [...plan.readOnly, ...plan.hidden.map(({ path }) => path)];
  plan.pinned = outermostFirst(protectedPaths.flatMap((path) => waysTo(path, plan.writable)));
  return plan;
}

/**
 * The directories between a writable one and a path inside it. A command that moved one of them away would find the next
 * shell, which looks for the path where it was, covering nothing.
 */
function waysTo(path: string, writable: readonly string[]): string[] {
  const from = writable.find((directory) => path.startsWith(`${directory}/`));
  const ways: string[] = [];
  for (let way = posix.dirname(path); from !== undefined && way.length > from.length; way = posix.dirname(way)) {
    ways.push(way);
  }
  return ways;
}

async function protectable(root: string, path: string, verb: string): Promise<'directory' | 'file' | 'missing'> {
  const found = await lookUp(root, path);
  if (found !== 'link') return found;
  const shown = posix.relative(root, path);
  throw new SandboxUnavailable(
    `a rule says ${shown} must not be ${verb}, and a part of that path is a symbolic link, which nothing can be put over`,
  );
}

async function isMade(root: string, path: string): Promise<boolean> {
  const found = await lookUp(root, path);
  if (found !== 'missing') return found === 'directory';
  try {
    await mkdir(path, { recursive: true });
  } catch {
    return false;
  }
  return (await lookUp(root, path)) === 'directory';
}

/** The working directory, or what is left above it. */
async function nearestDirectory(root: string, directory: string): Promise<string> {
  let path = directory;
  while (path !== root && (await lookUp(root, path)) !== 'directory') path = posix.dirname(path);
  return path;
}

/** Part by part from the root on, which is ours. What stands behind a file is missing. */
async function lookUp(root: string, path: string): Promise<Found> {
  const inside = posix.relative(root, path);
  if (inside === '..' || inside.startsWith('../') || posix.isAbsolute(inside) || posix.normalize(path) !== path)
    throw new SandboxUnavailable(`${path} is not a plain path inside ${root}`);
  let found: Found = 'directory';
  let at = root;
  for (const name of inside === '' ? [] : inside.split('/')) {
    at = join(at, name);
    found = await kindOf(at);
    if (found !== 'directory') return found === 'file' && at !== path ? 'missing' : found;
  }
  return found;
}

async function kindOf(path: string): Promise<Found> {
  try {
    const stats = await lstat(path);
    return stats.isSymbolicLink() ? 'link' : stats.isDirectory() ? 'directory' : 'file';
  } catch {
    return 'missing';
  }
}

const outermostFirst = (paths: readonly string[]): string[] => [...new Set(paths)].sort((a, b) => a.length - b.length);
