import { randomUUID } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Changes } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { fetchFile } from './bundle.ts';
import { indexed, updateIndex, type IndexUpdate } from './changed-files.ts';
import type { Checkout } from './checkouts.ts';
import { records, shown, type BytePath } from './file-list.ts';
import { patchChanges } from './patch.ts';
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
    const file = join(this.#home, randomUUID());
    await fetchFile(this.#store, patch, file);
    const args = ['apply', '--index', '--whitespace=nowarn', file];
    await this.checkout.workTree.run(args, { signal });
    await rm(file);
    await this.checkout.changed(); // the index holds them already; now they are known
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

  async #save(): Promise<ArtifactRef | null> {
    const { workTree } = this.checkout;
    const changed = await this.checkout.changed();
    if (changed === undefined) {
      this.#outside = [];
      return null;
    }
    await updateIndex(workTree, await this.#allowed(changed));
    const file = join(this.#home, randomUUID());
    try {
      await workTree.run(['diff-index', '--cached', ...DIFF, this.tree.id], { outputFile: file });
      if ((await stat(file)).size === 0) return null;
      if (this.#baseCommit === undefined) return await this.#store.putFile(file);
      // Git skips what stands before the first file of a patch, and nothing may follow the last.
      return await this.#store.putFile(await withHeader(file, `${BASE}${this.#baseCommit}\n\n`));
    } finally {
      await Promise.all([file, `${file}.headed`].map((path) => rm(path, { force: true })));
    }
  }

  /** What the index may hear of; what it may not and has changed is remembered in `outside`. */
  async #allowed({ files, gone }: IndexUpdate): Promise<IndexUpdate> {
    const isKept = (path: BytePath): boolean => this.#keeps(shown(path));
    const refused = files.filter((path) => !isKept(path));
    const known = refused.length === 0 ? new Set<BytePath>() : new Set(await indexed(this.checkout.workTree));
    const outside = [...gone.filter((path) => !isKept(path)), ...refused.filter((path) => !known.has(path))];
    if (refused.some((path) => known.has(path))) {
      const { stdout } = await this.checkout.workTree.run(['diff-files', '-z', '--name-only']);
      const here = new Set(refused);
      outside.push(...records(stdout).filter((path) => here.has(path)));
    }
    this.#outside = [...new Set(outside.map(shown))].sort();
    return { files: files.filter(isKept), gone: gone.filter(isKept) };
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
