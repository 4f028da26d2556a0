import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { fetchFile, loadBundle } from './bundle.ts';
import type { UserRepository } from './file-list.ts';
import { IDENTITY } from './git.ts';
import { baseCommitOf } from './own-files.ts';
import { PatchIndex } from './patch-index.ts';
import { EMPTY_TREE, Repository } from './repository.ts';
import { checkBranchName, openUserRepository, setBranch } from './user-branch.ts';
import { fullDiskAsWorkspaceFull, WorkspaceUnavailable } from './workspace.ts';

export interface AssembleOptions {
  /** Absolute path of the user's repository, or of a directory in it. */
  repository: string;
  /** What the subagents started from. */
  source: WorkspaceSource;
  /** In the order they are to be applied. */
  patches: readonly { label: string; patch: ArtifactRef }[];
  branch: string;
  store: ArtifactStore;
  /** Move a branch that holds something else. */
  force?: boolean;
  signal?: AbortSignal;
}

export interface Assembly {
  branch: string;
  /** Tip of the branch. */
  commit: string;
  /** Labels whose patch is in the branch. */
  applied: string[];
  /** Those left out, the files where they clash, and why. */
  conflicts: { label: string; files: string[]; reason: string }[];
}

/**
 * Builds one branch in the user's repository out of the patches of a fleet, a commit each, on what the subagents
 * started from. Work tree, index and HEAD of the repository stay as they are. Patches meet by a three-way merge; one
 * that does not fit, or would lead outside the repository, is left out and listed. The same call makes the same
 * commits, so calling it twice is safe. Throws `BranchExists`, `WorkspaceUnavailable`, `WorkspaceFull`, and `TypeError`
 * for what is no branch name.
 */
export async function assemblePatches(options: AssembleOptions): Promise<Assembly> {
  const user = await openUserRepository(options.repository);
  await checkBranchName(options.branch, user.root);
  const directory = await mkdtemp(join(tmpdir(), 'muster-apply-'));
  try {
    return await fullDiskAsWorkspaceFull(async () => {
      const assembler = new Assembler(options, user, directory);
      const assembly = await assembler.assemble();
      await setBranch(user, options.branch, assembly.commit, options.force === true);
      return assembly;
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Everything happens in a repository of our own that can read the user's objects; only the result goes over. */
class Assembler {
  readonly #options: AssembleOptions;
  readonly #user: UserRepository;
  readonly #directory: string;
  readonly #environment: Record<string, string>;

  constructor(options: AssembleOptions, user: UserRepository, directory: string) {
    this.#options = options;
    this.#user = user;
    this.#directory = directory;
    this.#environment = { GIT_ALTERNATE_OBJECT_DIRECTORIES: user.objects };
  }

  async assemble(): Promise<Assembly> {
    const { branch, patches, store, signal } = this.#options;
    const repository = await Repository.create(join(this.#directory, 'repo.git'));
    await copyFile(this.#user.shallow, join(repository.directory, 'shallow')).catch(() => undefined);
    const { tree, parent, date } = await this.#base(repository);
    const index = new PatchIndex(repository, this.#directory, this.#environment, signal);
    await index.start(tree);
    let commit = parent;
    const result: Assembly = { branch, commit: '', applied: [], conflicts: [] };
    if (parent === undefined || (await treeOf(repository, parent, this.#environment)) !== tree) {
      commit = await this.#commit(repository, tree, parent, 'The workspace the subagents started from', date);
    }
    for (const { label, patch } of patches) {
      const file = join(this.#directory, 'patch');
      await fetchFile(store, patch, file);
      const outcome = await index.apply(file);
      await rm(file);
      if ('reason' in outcome) result.conflicts.push({ label, ...outcome });
      else {
        result.applied.push(label);
        if (outcome.isChange) commit = await this.#commit(repository, outcome.tree, commit, label, date);
      }
    }
    result.commit = commit ?? '';
    if (result.commit !== parent) await this.#handOver(repository, result.commit, parent);
    return result;
  }

  /** Where the branch starts: the tree of the workspace, and the commit the user had checked out then. */
  async #base(repository: Repository): Promise<{ tree: string; parent: string | undefined; date: string }> {
    const { source, store, patches, signal } = this.#options;
    const environment = this.#environment;
    let tree = source.tree;
    let parent = source.commit;
    if (source.repo !== undefined) {
      parent = patches[0] && (await baseCommitOf(store, patches[0].patch));
      if (parent === undefined || !(await this.#has(repository, parent))) {
        throw new WorkspaceUnavailable(`${this.#user.root} does not hold ${parent ?? 'the commit'}: fetch it first`);
      }
      tree = await treeOf(repository, parent, environment);
    } else if (source.bundle !== null) {
      await loadBundle(repository, source.bundle, store, join(this.#directory, 'bundle'), signal);
    } else {
      tree = EMPTY_TREE;
    }
    if (parent === undefined || !(await this.#has(repository, parent))) parent = this.#user.commit;
    return { tree, parent, date: parent === undefined ? '@0 +0000' : await dateOf(repository, parent, environment) };
  }

  async #has(repository: Repository, commit: string): Promise<boolean> {
    const args = ['cat-file', '-e', `${commit}^{commit}`];
    return (await repository.run(args, { environment: this.#environment, answers: [1, 128] })).code === 0;
  }

  async #commit(
    repository: Repository,
    tree: string,
    parent: string | undefined,
    message: string,
    date: string,
  ): Promise<string> {
    const args = ['commit-tree', tree, ...(parent === undefined ? [] : ['-p', parent]), '-F', '-'];
    const environment = {
      ...this.#environment,
      ...IDENTITY,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    };
    const input = `${message.replace(/\s+/g, ' ').slice(0, 500)}\n`;
    return (await repository.run(args, { environment, input })).stdout.toString().trim();
  }

  /** New objects as one pack, written straight into the user's object directory by a git that reads our config. */
  async #handOver(repository: Repository, commit: string, parent: string | undefined): Promise<void> {
    const pack = join(this.#directory, 'pack');
    const input = `${commit}\n${parent === undefined ? '' : `^${parent}\n`}`;
    const args = ['pack-objects', '--revs', '--stdout', '-q', '--delta-base-offset'];
    await repository.run(args, { environment: this.#environment, input, outputFile: pack });
    const environment = { GIT_OBJECT_DIRECTORY: this.#user.objects };
    await repository.run(['index-pack', '--stdin', '--strict'], { environment, inputFile: pack });
  }
}

async function treeOf(repository: Repository, commit: string, environment: Record<string, string>): Promise<string> {
  return (await repository.run(['rev-parse', `${commit}^{tree}`], { environment })).stdout.toString().trim();
}

/** Commits carry the date of what they stand on: the same on every run, and no surprise in a log. */
async function dateOf(repository: Repository, commit: string, environment: Record<string, string>): Promise<string> {
  const { stdout } = await repository.run(['show', '-s', '--format=%ct', commit], { environment });
  return `@${stdout.toString().trim()} +0000`;
}
