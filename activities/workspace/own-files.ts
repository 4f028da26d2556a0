import { randomUUID } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Changes } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { fetchFile, saveBundle } from './bundle.ts';
import type { Checkout } from './checkouts.ts';
import { shown } from './file-list.ts';
import { findFiles, type FoundFile } from './found-files.ts';
import { MAX_FILE_BYTES } from './hashed-files.ts';
import { IgnoreRules } from './ignore-rules.ts';
import { divide, lostFiles } from './kept-paths.ts';
import { sourceFiles } from './layers.ts';
import { patchChanges } from './patch.ts';
import { copyIndex, EMPTY_TREE, Repository } from './repository.ts';
import { fullDiskAsWorkspaceFull, WorkspaceUnavailable } from './workspace.ts';
import type { Tree } from './trees.ts';

const DIFF = ['-p', '--binary', '--full-index', '--no-renames', '--no-color', '--no-ext-diff', '--no-textconv'];
const BASE = 'base-commit: ';

/** The files of one writing subagent; its changes leave as a patch. */
export class OwnFiles {
  readonly tree: Tree;
  readonly checkout: Checkout;
  readonly #home: string;
  readonly #store: ArtifactStore;
  readonly #baseCommit: string | undefined;
  readonly #keeps: (path: string) => boolean;
  #outside: readonly string[] = [];
  #saved: { changes: string; patch: ArtifactRef | null } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    tree: Tree;
    checkout: Checkout;
    /** Control plane's directory of this workspace, outside the subagent's files. */
    home: string;
    store: ArtifactStore;
    /** Commit of a remote the tree came from: the patch says so, because a branch may move. */
    baseCommit: string | undefined;
    /** Which changed paths a patch may hold. */
    keeps: (path: string) => boolean;
  }) {
    this.tree = parts.tree;
    this.checkout = parts.checkout;
    this.#home = parts.home;
    this.#store = parts.store;
    this.#baseCommit = parts.baseCommit;
    this.#keeps = parts.keeps;
  }

  /** Paths changed as of the newest save that `keeps` refused, sorted. */
  get outside(): readonly string[] {
    return this.#outside;
  }

  /** Applies an earlier patch to fresh files, exactly or not at all. */
  async restore(patch: ArtifactRef, signal: AbortSignal): Promise<void> {
    const { workTree, listed } = this.checkout;
    const file = join(this.#home, randomUUID());
    await fetchFile(this.#store, patch, file);
    // Files of one's own have inodes and times of their own, and git is to know them.
    if (listed !== undefined) await workTree.run(['update-index', '-q', '--refresh'], { signal });
    await workTree.run(['apply', '--index', '--whitespace=nowarn', file], { signal });
    await rm(file);
  }

  /** One at a time: they share an index. */
  save(): Promise<ArtifactRef | null> {
    const saving = this.#last.then(() => fullDiskAsWorkspaceFull(() => this.#save()));
    this.#last = saving.catch(() => undefined);
    return saving;
  }

  async changes(): Promise<Changes | undefined> {
    const patch = await this.save();
    return patch === null ? undefined : patchChanges(this.#store, patch);
  }

  /** See `Workspace.snapshot`. */
  snapshot(): Promise<{ bundle: ArtifactRef | null; tree: string } | undefined> {
    const taking = this.#last.then(() => fullDiskAsWorkspaceFull(() => this.#snapshot()));
    this.#last = taking.catch(() => undefined);
    return taking;
  }

  async #snapshot(): Promise<{ bundle: ArtifactRef | null; tree: string } | undefined> {
    if ((await this.#save()) === null) return undefined;
    // The index is now that of the save.
    const tree = await this.checkout.workTree.line(['write-tree']);
    if (tree === EMPTY_TREE) return { bundle: null, tree };
    const scratch = join(this.#home, 'scratch', randomUUID());
    try {
      // Its own repository: the shared one is not to name objects that only this workspace has.
      const objects = [join(this.#home, 'objects'), join(this.tree.repository.directory, 'objects')];
      const repository = await Repository.create(scratch, objects);
      return { bundle: await saveBundle(repository, tree, this.#store), tree };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  async #save(): Promise<ArtifactRef | null> {
    const changes = await this.#changesInScope();
    if (changes === '') return null;
    if (changes === this.#saved?.changes) return this.#saved.patch;
    const index = join(this.#home, 'index');
    await copyIndex(this.tree.index, index);
    const { workTree } = this.checkout;
    const input = Buffer.from(changes, 'latin1');
    await workTree.run(['update-index', '--replace', '-z', '--index-info'], { input });
    const patch = await this.#storePatch();
    this.#saved = { changes, patch };
    return patch;
  }

  /** What the index is to be told of, as git reads it; '' for nothing. Sets `outside`. */
  async #changesInScope(): Promise<string> {
    const { layer, hashed, listed } = this.checkout;
    const { repository } = this.tree;
    await using rules = new IgnoreRules(repository, join(this.#home, 'scratch', randomUUID()));
    const found = await findFiles(layer, rules);
    let before = listed;
    if (found.gone.length > 0) before ??= await sourceFiles(this.tree);
    const gone = before === undefined ? [] : lostFiles(found, before);
    const { kept, refused } = divide({ files: found.files, gone }, this.#keeps);
    const compared = new Set(refused.files.filter((file) => file.isInSource && file.stats.size <= MAX_FILE_BYTES));
    if (compared.size > 0) before ??= await sourceFiles(this.tree);
    const entries = await hashed.entries([...kept.files, ...compared]);
    const isChanged = ({ path }: FoundFile): boolean => before === undefined || entries.get(path) !== before.get(path);
    const isOutside = (file: FoundFile): boolean => !compared.has(file) || isChanged(file);
    const outside = [...refused.gone, ...refused.files.filter(isOutside).map(({ path }) => path)];
    this.#outside = outside.map(shown).sort();
    const changed = kept.files.filter((file) => entries.has(file.path) && isChanged(file));
    const lines = kept.gone.map((path) => `0 ${'0'.repeat(40)}\t${path}\0`);
    return [...lines, ...changed.map(({ path }) => `${entries.get(path) ?? ''}\t${path}\0`)].join('');
  }

  async #storePatch(): Promise<ArtifactRef | null> {
    const file = join(this.#home, randomUUID());
    try {
      await this.checkout.workTree.run(['diff-index', '--cached', ...DIFF, this.tree.id], { outputFile: file });
      if ((await stat(file)).size === 0) return null;
      if (this.#baseCommit === undefined) return await this.#store.putFile(file);
      // Git skips what stands before the first file of a patch, and nothing may follow the last.
      return await this.#store.putFile(await withHeader(file, `${BASE}${this.#baseCommit}\n\n`));
    } finally {
      await Promise.all([file, `${file}.headed`].map((path) => rm(path, { force: true })));
    }
  }
}

async function withHeader(file: string, header: string): Promise<string> {
  const headed = `${file}.headed`;
  const [from, to] = [await open(file), await open(headed, 'wx', 0o600)];
  try {
    await to.write(header);
    for await (const chunk of from.createReadStream({ autoClose: false })) await to.writeFile(chunk as Buffer);
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
  return headed;
}

/** The commit of a remote an earlier patch starts from. */
export async function baseCommitOf(store: ArtifactStore, patch: ArtifactRef): Promise<string | undefined> {
  const text = Buffer.from((await store.get(patch)).subarray(0, 200)).toString();
  const commit = /^base-commit: ([0-9a-f]{40})\n/.exec(text)?.[1];
  if (commit === undefined && text.startsWith(BASE)) throw new WorkspaceUnavailable('the patch names no commit');
  return commit;
}
