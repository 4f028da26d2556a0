import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isGitName } from './changed-files.ts';
import { linkLeaves, records, shown, type BytePath } from './file-list.ts';
import { clashingFiles } from './git-failure.ts';
import type { Repository, WorkTree } from './repository.ts';

/** `reason` begins with `TREE_INVALID` where the patch would make what no tree of a person's repository may hold. */
export type PatchOutcome = { tree: string; isChange: boolean } | { files: string[]; reason: string };

interface Change {
  mode: string;
  object: string;
  path: BytePath;
}

/** An index without a work tree that takes patches one after another, each wholly or not at all. */
export class PatchIndex {
  readonly #index: string;
  readonly #saved: string;
  readonly #view: WorkTree;
  readonly #call: { signal?: AbortSignal };
  #tree = '';

  constructor(
    repository: Repository,
    directory: string,
    environment: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ) {
    this.#index = join(directory, 'index');
    this.#saved = `${this.#index}.saved`;
    this.#view = repository.at(directory, this.#index, environment);
    this.#call = signal === undefined ? {} : { signal };
  }

  async start(tree: string): Promise<void> {
    await this.#view.run(['read-tree', tree], this.#call);
    this.#tree = tree;
  }

  async apply(file: string): Promise<PatchOutcome> {
    await copyFile(this.#index, this.#saved);
    const outcome = await this.#apply(file);
    if ('reason' in outcome) await copyFile(this.#saved, this.#index);
    else this.#tree = outcome.tree;
    return outcome;
  }

  async #apply(file: string): Promise<PatchOutcome> {
    const args = ['apply', '--cached', '--3way', '--whitespace=nowarn', file];
    const { code, stderr } = await this.#view.run(args, { ...this.#call, answers: [1, 128] });
    if (code !== 0) {
      await rm(`${this.#index}.lock`, { force: true });
      const unmerged = await this.#unmerged();
      return clashingFiles(stderr, unmerged);
    }
    const changes = await this.#changes();
    for (const change of changes) {
      const reason = await this.#fault(change);
      if (reason !== undefined) return { files: [shown(change.path)], reason: `TREE_INVALID: ${reason}` };
    }
    return { tree: await this.#view.line(['write-tree'], this.#call), isChange: changes.length > 0 };
  }

  async #unmerged(): Promise<string[]> {
    const { stdout } = await this.#view.run(['ls-files', '-z', '--unmerged'], this.#call);
    return [...new Set(records(stdout).map((line) => shown(line.slice(line.indexOf('\t') + 1))))];
  }

  /** What the patch has put into the index, deletions left out. */
  async #changes(): Promise<Change[]> {
    const args = ['diff-index', '--cached', '--raw', '-z', '--no-renames', '--full-index', this.#tree];
    const fields = records((await this.#view.run(args, this.#call)).stdout);
    const changes: Change[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [, mode = '', , object = ''] = (fields[i] ?? '').split(' ');
      changes.push({ mode, object, path: fields[i + 1] ?? '' });
    }
    return changes;
  }

  /** Git applies a link to anywhere, and submodules; a branch a person is going to check out must hold neither. */
  async #fault({ mode, object, path }: Change): Promise<string | undefined> {
    if (path.split('/').some(isGitName)) return 'a path that git takes for its own';
    if (mode === '160000') return 'a submodule';
    if (/^\.gitmodules$/i.test(path)) return 'settings of submodules, which may name programs';
    if (mode !== '120000') return undefined;
    const { stdout } = await this.#view.run(['cat-file', 'blob', object], this.#call);
    return linkLeaves(path, stdout.toString('latin1')) ? 'a symlink that leaves the repository' : undefined;
  }
}
