import { randomUUID } from 'node:crypto';
import { constants, copyFile, mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runGit, type Environment, type GitAnswer, type GitCall } from './git.ts';

export const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/**
 * Contents are never changed on their way in or out: this outranks every .gitattributes. An encoding cannot be switched
 * off, only left unsaid; `diff` and `merge` are unsaid too, so that text is shown and merged as text.
 */
const ATTRIBUTES = '* -text -filter -ident !eol !working-tree-encoding !diff !merge !whitespace\n';
const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tlogAllRefUpdates = false\n';

/** A bare repository whose git directory only the control plane writes. */
export class Repository {
  /** Absolute path of the git directory. */
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Creates the repository where there is none; atomic, so safe to call twice and from two processes. `objects`: object
   * directories of others that it reads from too.
   */
  static async create(directory: string, objects: readonly string[] = []): Promise<Repository> {
    const repository = new Repository(directory);
    if (await exists(join(directory, 'HEAD'))) return repository;
    const aside = `${directory}.${randomUUID()}`;
    for (const part of ['', 'objects', 'refs', 'info']) await mkdir(join(aside, part));
    await writeFile(join(aside, 'HEAD'), 'ref: refs/heads/none\n');
    await writeFile(join(aside, 'config'), CONFIG);
    await writeFile(join(aside, 'info/attributes'), ATTRIBUTES);
    if (objects.length > 0) {
      await mkdir(join(aside, 'objects/info'));
      await writeFile(join(aside, 'objects/info/alternates'), objects.map((path) => `${path}\n`).join(''));
    }
    try {
      await rename(aside, directory);
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
      if (!(await exists(join(directory, 'HEAD')))) throw error;
    }
    return repository;
  }

  run(args: readonly string[], call: Partial<GitCall> = {}): Promise<GitAnswer> {
    return runGit(args, {
      cwd: this.directory,
      ...call,
      environment: { GIT_DIR: this.directory, ...call.environment },
    });
  }

  /** Runs git over an index and a work tree that lie anywhere. */
  at(workTree: string, index: string, more: Environment = {}): WorkTree {
    return new WorkTree(this, workTree, { GIT_WORK_TREE: workTree, GIT_INDEX_FILE: index, ...more });
  }

  async has(object: string): Promise<boolean> {
    return (await this.run(['cat-file', '-e', object], { answers: [1, 128] })).code === 0;
  }
}

/** A repository seen through one index and one work tree. */
export class WorkTree {
  readonly #repository: Repository;
  readonly #directory: string;
  readonly #environment: Environment;

  constructor(repository: Repository, directory: string, environment: Environment) {
    this.#repository = repository;
    this.#directory = directory;
    this.#environment = environment;
  }

  run(args: readonly string[], call: Partial<GitCall> = {}): Promise<GitAnswer> {
    return this.#repository.run(args, {
      cwd: this.#directory,
      ...call,
      environment: { ...this.#environment, ...call.environment },
    });
  }

  async line(args: readonly string[], call: Partial<GitCall> = {}): Promise<string> {
    return (await this.run(args, call)).stdout.toString().trimEnd();
  }
}

/** The code of an I/O error (`ENOENT`); undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Copies an index with its time, rounded down: git looks again at files changed in the second the index was written in
 * or later, and a copy that seemed newer would hide such a change.
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  const { mtimeMs } = await stat(from);
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const seconds = Math.floor(mtimeMs / 1000);
  await utimes(to, seconds, seconds);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
