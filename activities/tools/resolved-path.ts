import { lstat, readlink } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';
import type { ToolContext } from './tool.ts';
import { errorCode, Refusal, ToolError } from './refusal.ts';

/** What a path of the model's means inside its workspace. Only a name: whoever opens it follows no link any more. */
export interface ResolvedPath {
  /** Relative to the workspace, posix, free of links and dots; '' is the workspace itself. */
  path: string;
  /** `path`, and each spelling with a symbolic link on the way to it: a decision must hold for all. */
  spellings: string[];
  type: 'file' | 'directory' | 'other' | 'missing';
  /** How many names of `path` exist. */
  existing: number;
}

/** Linux gives up here too (path_resolution(7)). */
const MAX_LINKS = 40;
const MAX_LENGTH = 4_096;
const OUTSIDE =
  'it lies outside the workspace; only files of the workspace can be used, relative to the working directory';

/**
 * Resolves as the kernel would, link by link, but never past the workspace's root. Throws `Refusal` (BAD_PATH,
 * PATH_OUTSIDE, SYMLINK_ESCAPE) and `ToolError` where a name on the way is missing or no directory.
 */
export async function resolvePath(input: string, workspace: ToolContext['workspace']): Promise<ResolvedPath> {
  if (input.includes('\0') || input.length > MAX_LENGTH || !input.isWellFormed())
    throw new Refusal('BAD_PATH', 'it is no path of a file: it holds a NUL or half a character, or is too long');
  const from = workingDirectory(workspace);
  const rootNames = names(workspace.root);
  const start = input.startsWith('/')
    ? insideOf(rootNames, names(input), 'PATH_OUTSIDE')
    : [...names(from), ...names(input)];
  const walk: Walk = {
    root: workspace.root,
    from,
    rootNames,
    done: [],
    pending: start.reverse(),
    spellings: [],
    links: 0,
  };
  let type: ResolvedPath['type'] = 'directory';
  for (let name = walk.pending.pop(); name !== undefined; name = walk.pending.pop()) {
    if (name === '..') {
      if (walk.done.pop() === undefined) throw new Refusal(walk.links > 0 ? 'SYMLINK_ESCAPE' : 'PATH_OUTSIDE', OUTSIDE);
      type = 'directory';
      continue;
    }
    type = await step(walk, name);
    if (type === 'missing') return missing(walk, name);
    if (type !== 'directory' && walk.pending.length > 0) throw new ToolError(`${shown(walk)} is no directory.`);
  }
  const path = walk.done.join('/');
  return { path, spellings: [...new Set([...walk.spellings, path])], type, existing: walk.done.length };
}

/** The working directory relative to the workspace, posix; '' when they are the same. */
export function workingDirectory({ root, directory }: ToolContext['workspace']): string {
  const path = relative(root, directory).split(sep).join('/');
  if (path === '..' || path.startsWith('../')) throw new Error('the working directory lies outside its workspace');
  return path;
}

interface Walk {
  root: string;
  /** The working directory, relative to the root. */
  from: string;
  rootNames: readonly string[];
  done: string[];
  /** Names still to go, the next one last. */
  pending: string[];
  spellings: string[];
  links: number;
}

/** Goes to one name: on to `done` it goes, or, when it is a link, its target on to `pending`. */
async function step(walk: Walk, name: string): Promise<ResolvedPath['type']> {
  const place = join(walk.root, ...walk.done, name);
  const stats = await lstat(place).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'ENAMETOOLONG') throw new Refusal('BAD_PATH', 'a name in it is too long');
    throw error;
  });
  if (stats === undefined) return 'missing';
  if (stats.isSymbolicLink()) {
    if (++walk.links > MAX_LINKS) throw new Refusal('BAD_PATH', 'its symbolic links run in circles');
    walk.spellings.push(spelling(walk, name));
    const target = await readlink(place);
    const parts = names(target);
    if (target.startsWith('/')) {
      walk.pending.push(...insideOf(walk.rootNames, parts, 'SYMLINK_ESCAPE').reverse());
      walk.done = [];
    } else walk.pending.push(...parts.reverse());
    return 'directory';
  }
  walk.done.push(name);
  if (stats.isDirectory()) return 'directory';
  return stats.isFile() ? 'file' : 'other';
}

/** The path as it reads with the link in it; the link alone where dots behind it would change what is read. */
function spelling(walk: Walk, link: string): string {
  const rest = walk.pending.includes('..') ? [] : walk.pending.toReversed();
  return [...walk.done, link, ...rest].join('/');
}

function missing(walk: Walk, name: string): ResolvedPath {
  const rest = walk.pending.toReversed();
  if (rest.includes('..')) throw new ToolError(`There is no directory ${shown(walk, name)}.`);
  const path = [...walk.done, name, ...rest].join('/');
  return { path, spellings: [...new Set([...walk.spellings, path])], type: 'missing', existing: walk.done.length };
}

/** Where the walk stands, as the model writes it. */
function shown({ from, done }: Walk, ...more: string[]): string {
  return posix.relative(`/${from}`, `/${[...done, ...more].join('/')}`);
}

/** What follows the root's names; a sibling that only shares their first letters does not. */
function insideOf(
  root: readonly string[],
  path: readonly string[],
  reason: 'PATH_OUTSIDE' | 'SYMLINK_ESCAPE',
): string[] {
  if (!root.every((name, index) => path[index] === name)) throw new Refusal(reason, OUTSIDE);
  return path.slice(root.length);
}

function names(path: string): string[] {
  return path.split(posix.sep).filter((name) => name !== '' && name !== '.');
}
