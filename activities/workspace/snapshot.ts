import { createHash, randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, realpath, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { chooseFiles, MAX_DIRECTORY_BYTES, type Choice } from './file-choice.ts';
import { isIgnored, listDirectory, listRepository, userRepository, toBytes, type BytePath } from './file-list.ts';
import { codeOf, copyIndex, EMPTY_TREE, Repository, type WorkTree } from './repository.ts';
import { indexed, updateIndex } from './changed-files.ts';
import { saveBundle } from './bundle.ts';
import { WorkspaceUnavailable } from './workspace.ts';

export interface SnapshotOptions {
  store: ArtifactStore;
  /** Absolute; ours alone. Holds what was hashed before, so that a second snapshot only hashes what has changed. */
  cacheDirectory: string;
  /** Absolute paths that are never part of a workspace: the file being run, MUSTER_HOME. */
  exclude?: readonly string[];
  maxDirectoryBytes?: number;
  signal?: AbortSignal;
}

export interface Snapshot {
  source: WorkspaceSource;
  /** What was left out and why, a sentence each, for stderr. */
  warnings: string[];
}

/**
 * Stores a directory as it stands, the whole repository around it where there is one (contracts §1,
 * `working_directory`). Neither the directory nor its `.git` is written to. Safe to call twice and from two processes
 * at once. Throws `WorkspaceUnavailable`, `WorkspaceTooLarge`, `StoreFull`, or `WorkspaceFull` for the cache's disk.
 */
export async function snapshotDirectory(directory: string, options: SnapshotOptions): Promise<Snapshot> {
  const origin = await realDirectory(directory);
  const exclude = await Promise.all((options.exclude ?? []).map((path) => realpath(path).catch(() => path)));
  const { cache, choice, commit } = await choose(origin, exclude, options);
  const { tree, reuseTree } = await hashFiles(cache, choice, options.signal);
  return {
    source: {
      bundle: tree === EMPTY_TREE ? null : await saveBundle(cache.repository, tree, options.store),
      tree,
      ...(reuseTree !== undefined && { reuseTree }),
      subdirectory: relative(cache.root, origin).split(sep).join('/'),
      origin,
      ...(commit !== undefined && { commit }),
    },
    warnings: choice.warnings,
  };
}

/** What was hashed before of one root: a repository of our own with an index over the user's files. */
interface Cache {
  root: string;
  repository: Repository;
}

async function openCache(root: string, cacheDirectory: string): Promise<Cache> {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 32);
  const repository = await Repository.create(join(cacheDirectory, `${name}.git`));
  const now = new Date();
  await utimes(repository.directory, now, now); // in use: see pruneSnapshots
  return { root, repository };
}

/** Removes what was remembered of directories not snapshot for `olderThanMs`. It is made anew when needed. */
export async function pruneSnapshots(cacheDirectory: string, olderThanMs: number): Promise<void> {
  for (const name of await readdir(cacheDirectory).catch(() => [])) {
    const path = join(cacheDirectory, name);
    const found = await stat(path).catch(ignoreMissing); // another one prunes too
    if (found && Date.now() - found.mtimeMs > olderThanMs) await rm(path, { recursive: true, force: true });
  }
}

async function choose(
  origin: string,
  exclude: readonly string[],
  options: SnapshotOptions,
): Promise<{ cache: Cache; choice: Choice; commit?: string | undefined }> {
  const maxBytes = options.maxDirectoryBytes ?? MAX_DIRECTORY_BYTES;
  await mkdir(options.cacheDirectory, { recursive: true, mode: 0o700 });
  const around = await userRepository(origin);
  if (around !== undefined) {
    const { root, commit } = around;
    const choice = await chooseFiles(await listRepository(root), exclude, maxBytes);
    const below = toBytes(`${relative(root, origin)}/`);
    // A working directory its repository ignores would be missing from the workspace: it is taken by itself.
    if (root === origin || choice.files.some((path) => path.startsWith(below)) || !(await isIgnored(origin))) {
      return { cache: await openCache(root, options.cacheDirectory), choice, commit };
    }
  }
  const cache = await openCache(origin, options.cacheDirectory);
  return { cache, choice: await chooseFiles(await listDirectory(origin, cache.repository), exclude, maxBytes) };
}

/** Of no account to subagents, and edited all the time: a change of a script alone makes nothing run again. */
const SCRIPTS = /(^|\/)\.claude\/workflows\//;

type Hashed = Pick<WorkspaceSource, 'tree' | 'reuseTree'>;

/** Hashes what has changed since the last snapshot of this root, into an index of this call's own. */
async function hashFiles(cache: Cache, choice: Choice, signal?: AbortSignal): Promise<Hashed> {
  const { root, repository } = cache;
  const kept = join(repository.directory, 'index');
  const index = `${kept}.${randomUUID()}`;
  const workTree = repository.at(root, index);
  try {
    const isKnown = await copyIndex(kept, index)
      .then(() => true)
      .catch(ignoreMissing);
    const tree = await hashInto(workTree, choice, !isKnown, signal).catch(async (error: unknown) => {
      signal?.throwIfAborted();
      if (!(error instanceof WorkspaceUnavailable)) throw error;
      // A file that changed under git, or a cache that lost objects the index counts on: once more, from nothing.
      await rm(index, { force: true });
      return hashInto(workTree, choice, true, signal);
    });
    const scripts = choice.files.filter((path) => SCRIPTS.test(path));
    const reuse = scripts.length === 0 ? {} : { reuseTree: await treeWithout(scripts, cache, index) };
    await rename(index, kept).catch(ignoreMissing);
    return { tree, ...reuse };
  } finally {
    await Promise.all([index, `${index}.lock`].map((path) => rm(path, { force: true })));
  }
}

async function hashInto(workTree: WorkTree, { files }: Choice, isNew: boolean, signal?: AbortSignal): Promise<string> {
  const call = signal === undefined ? {} : { signal };
  const wanted = new Set(files);
  const gone = isNew ? [] : (await indexed(workTree, call)).filter((path) => !wanted.has(path));
  await updateIndex(workTree, { files, gone, isNew, ...call });
  return files.length === 0 ? EMPTY_TREE : workTree.line(['write-tree'], call);
}

/** The tree of an index without some of its paths; the index itself stays as it is. */
async function treeWithout(gone: readonly BytePath[], { root, repository }: Cache, index: string): Promise<string> {
  const aside = `${index}.without`;
  const workTree = repository.at(root, aside);
  try {
    await copyFile(index, aside);
    await updateIndex(workTree, { files: [], gone });
    return await workTree.line(['write-tree']);
  } finally {
    await Promise.all([aside, `${aside}.lock`].map((path) => rm(path, { force: true })));
  }
}

function ignoreMissing(error: unknown): false {
  if (codeOf(error) !== 'ENOENT') throw error;
  return false;
}

async function realDirectory(directory: string): Promise<string> {
  try {
    const real = await realpath(directory);
    if ((await stat(real)).isDirectory()) return real;
  } catch (cause) {
    throw new WorkspaceUnavailable(`${directory} cannot be read`, { cause });
  }
  throw new WorkspaceUnavailable(`${directory} is not a directory`);
}
