import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runGit } from '../../activities/workspace/git.ts';
import { replace } from '../local/home.ts';
import { choosePackages, lockFile, type InstalledPackage } from './packages.ts';

/** One repository of the demo: the source of one package, committed once. */
export interface DemoRepository {
  label: string;
  /** Package and version it was made of. */
  name: string;
  version: string;
  /** The same on every machine for the same package. */
  commit: string;
  files: number;
  sourceBytes: number;
}

export interface Prepared {
  repositories: DemoRepository[];
  /** How many were made now; the others were there. */
  built: number;
}

export interface PrepareOptions {
  /** `node_modules` to take the packages from. */
  modules: string;
  /** The demo's own directory; each repository is a directory in it. */
  directory: string;
  count: number;
  /** Make all of them anew. */
  isFresh?: boolean;
  /** Ends it between two repositories; a later call starts over. */
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Raised when other files of a package are taken, or taken otherwise. */
const RECIPE = 1;
const AT_ONCE = 4;
/** A file for each object would take five times as long. */
const INTO_ONE_PACK = ['-c', 'core.bigFileThreshold=1'];

interface Index {
  recipe: number;
  /** Hash of what is installed. */
  installed: string;
  count: number;
  repositories: DemoRepository[];
  /** Made for another count, and still there. */
  others: DemoRepository[];
}

export const repositoryPath = (directory: string, label: string): string => join(directory, label);

/**
 * Makes a git repository of each chosen package, or finds it as it was made before; a package of another version is
 * made anew. Safe to call twice and after it was interrupted. Throws `CommandFailure` when too little is installed.
 */
export async function prepareRepositories(options: PrepareOptions): Promise<Prepared> {
  const { modules, directory, count, isFresh = false, signal, onProgress } = options;
  const file = join(directory, 'repositories.json');
  const old = isFresh ? undefined : readIndex(file);
  const installed = createHash('sha256').update(readLock(modules)).digest('hex');
  if (old?.installed === installed && old.count === count && old.repositories.every((one) => isThere(directory, one)))
    return { repositories: old.repositories, built: 0 };
  const packages = choosePackages(modules, count);
  const known = old ? [...old.repositories, ...old.others].filter((one) => isThere(directory, one)) : [];
  const kept = new Map(known.map((one) => [one.label, one]));
  // What the list says must hold at every moment: interrupted, there is none.
  await rm(file, { force: true });
  await removeDrafts(directory);
  const empty = await createEmpty(directory);
  let done = 0;
  let built = 0;
  const repositories: DemoRepository[] = [];
  for (let from = 0; from < packages.length; from += AT_ONCE) {
    signal?.throwIfAborted();
    const made = packages.slice(from, from + AT_ONCE).map(async (one) => {
      const found = kept.get(one.label);
      const isKept = found?.version === one.version && found.name === one.name;
      if (!isKept) built++;
      const repository = isKept ? found : await build(one, directory, empty);
      onProgress?.(++done, packages.length);
      return repository;
    });
    repositories.push(...(await Promise.all(made)));
  }
  await removeDrafts(directory);
  const labels = new Set(repositories.map(({ label }) => label));
  const others = known.filter(({ label }) => !labels.has(label));
  const index: Index = { recipe: RECIPE, installed, count, repositories, others };
  replace(file, `${JSON.stringify(index, null, 1)}\n`);
  return { repositories, built };
}

function readLock(modules: string): string {
  return existsSync(lockFile(modules)) ? readFileSync(lockFile(modules), 'utf8') : ''; // choosePackages says what is wrong
}

/** undefined: there is none, it is damaged, or it was made by another recipe. */
function readIndex(file: string): Index | undefined {
  try {
    const index = JSON.parse(readFileSync(file, 'utf8')) as Partial<Index> | null;
    return index?.recipe === RECIPE && Array.isArray(index.repositories) && Array.isArray(index.others)
      ? (index as Index)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Moved into place whole, so that what has a HEAD is complete. */
const isThere = (directory: string, { label }: DemoRepository): boolean =>
  existsSync(join(repositoryPath(directory, label), '.git', 'HEAD'));

async function removeDrafts(repositories: string): Promise<void> {
  await mkdir(repositories, { recursive: true });
  const drafts = (await readdir(repositories)).filter((name) => name.startsWith('.'));
  await Promise.all(drafts.map((name) => rm(join(repositories, name), { recursive: true, force: true })));
}

/** A git directory without a commit, to be copied: git starts once instead of once a repository. */
async function createEmpty(directory: string): Promise<string> {
  const empty = join(directory, `.empty.${process.pid}`);
  await mkdir(empty);
  await runGit(['init', '--quiet', '--initial-branch=main', '--template='], { cwd: empty });
  return join(empty, '.git');
}

/** Contents alone make the commit: name, date and modes are fixed. */
async function build(one: InstalledPackage, directory: string, empty: string): Promise<DemoRepository> {
  const place = repositoryPath(directory, one.label);
  const draft = join(dirname(place), `.${one.label}.${process.pid}`);
  for (const folder of new Set(one.files.map((file) => dirname(file))))
    await mkdir(join(draft, folder), { recursive: true });
  for (const file of one.files)
    await writeFile(join(draft, file), await readFile(join(one.directory, file)), { mode: 0o644 });
  await cp(empty, join(draft, '.git'), { recursive: true });
  await runGit([...INTO_ONE_PACK, 'add', '--all', '--force'], { cwd: draft });
  await runGit(['commit', '--quiet', '--message', `${one.name} ${one.version}`], { cwd: draft });
  const commit = (await readFile(join(draft, '.git', 'refs', 'heads', 'main'), 'utf8')).trim();
  await rm(place, { recursive: true, force: true });
  await rename(draft, place);
  const { label, name, version, files, sourceBytes } = one;
  return { label, name, version, commit, files: files.length, sourceBytes };
}
