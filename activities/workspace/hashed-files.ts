import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  lstatSync,
  lutimesSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { basename, dirname } from 'node:path/posix';
import { setImmediate as breathe } from 'node:timers/promises';
import { updateIndex } from './changed-files.ts';
import { forDisk, records, shown, type BytePath } from './file-list.ts';
import type { FoundFile } from './found-files.ts';
import { HeldDirectory } from './held-directory.ts';
import { entryOf, type SourceFiles } from './layers.ts';
import type { WorkTree } from './repository.ts';
import { LONG_AGO_S } from './trees.ts';
import { WorkspaceTooLarge } from './workspace.ts';

/** Of changed files, in a save; sparse ones count as they read. */
export const MAX_FILE_BYTES = 100 * 1_048_576;
export const MAX_TOTAL_BYTES = 1_073_741_824;
/** What is copied before git hashes it. */
const BATCH = { files: 2_000, bytes: 64 * 1_048_576 };
/** From so many on, contents go to one pack instead of a file each. */
const PACKED_FROM = 100;
const CHUNK_BYTES = 262_144;
/** A file that was changed this shortly before it was read may change again without its times showing it. */
const UNSETTLED_NS = 1_100_000_000n;

interface Known {
  stamp: string;
  /** Mode and git's id, as in `SourceFiles`. */
  entry: string;
}

/** A copy that waits for git. */
interface Copied {
  path: BytePath;
  mode: string;
  /** undefined: not to be relied upon. */
  stamp: string | undefined;
  sizeBytes: number;
}

/**
 * Files of a workspace as git objects. Git never opens the workspace, where a subagent's processes may swap a directory
 * for a link under its eyes: it gets copies, made through held directories, bounded, in a directory of our own. What was
 * hashed before and looks untouched is not read again.
 */
export class HashedFiles {
  readonly #root: string;
  readonly #scratch: string;
  readonly #at: (root: string, index: string) => WorkTree;
  #known = new Map<BytePath, Known>();

  /** `scratch`: a directory of ours for copies. `at`: a view of the repository that gets the objects. */
  constructor(root: string, scratch: string, at: (root: string, index: string) => WorkTree) {
    this.#root = root;
    this.#scratch = scratch;
    this.#at = at;
  }

  /**
   * Takes files for known that were just checked out, while nobody else is at work in them. Their times are set far
   * back, so that any later change shows, were it in the same tick of the clock.
   */
  trust(files: SourceFiles): void {
    for (const [path, entry] of files) {
      const place = forDisk(this.#root, path);
      lutimesSync(place, LONG_AGO_S, LONG_AGO_S);
      this.#known.set(path, { stamp: stampOf(lstatSync(place, { bigint: true })), entry });
    }
  }

  /** Mode and id of each file; those that are gone meanwhile are missing. Throws `WorkspaceTooLarge`. */
  async entries(files: readonly FoundFile[]): Promise<Map<BytePath, string>> {
    const entries = new Map<BytePath, string>();
    const known = new Map<BytePath, Known>();
    const unread: FoundFile[] = [];
    const changed: FoundFile[] = [];
    for (const file of files) {
      const before = this.#known.get(file.path);
      const isKnown = before?.stamp === stampOf(file.stats);
      if (!isKnown || !file.isInSource) changed.push(file);
      if (!isKnown) unread.push(file);
      else {
        known.set(file.path, before);
        entries.set(file.path, before.entry);
      }
    }
    refuseLarge(changed);
    for (const batch of batches(unread)) {
      for (const { path, stamp, entry } of await this.#hash(batch)) {
        entries.set(path, entry);
        if (stamp !== undefined) known.set(path, { stamp, entry });
      }
    }
    this.#known = known;
    return entries;
  }

  async #hash(files: readonly FoundFile[]) {
    const directory = join(this.#scratch, randomUUID());
    await mkdir(directory, { mode: 0o700 });
    try {
      const copies: Copied[] = [];
      for (const file of files) {
        if (copies.length % 100 === 99) await breathe();
        const copy = this.#copy(file, join(directory, copies.length.toString()));
        if (copy !== undefined) copies.push(copy);
      }
      const workTree = this.#at(directory, `${directory}.index`);
      const names = copies.map((_, i) => i.toString());
      await updateIndex(workTree, { files: names, gone: [], isNew: copies.length >= PACKED_FROM });
      const listed = new Map(records((await workTree.run(['ls-files', '-z', '--stage'])).stdout).map(entryOf));
      return copies.map(({ path, mode, stamp }, i) => {
        const object = listed.get(i.toString())?.split(' ')[1] ?? '';
        return { path, stamp, entry: `${mode} ${object}` };
      });
    } finally {
      await Promise.all([directory, `${directory}.index`].map((path) => rm(path, { recursive: true, force: true })));
    }
  }

  #copy({ path }: FoundFile, to: string): Copied | undefined {
    using held = HeldDirectory.open(this.#root, dirname(`/${path}`).slice(1));
    const name = basename(path);
    const now = nowNs();
    const stats = held?.stat(name);
    if (held === undefined || stats === undefined) return undefined;
    if (!stats.isSymbolicLink()) return copyFile(held, path, to);
    const target = held.link(name);
    if (target === undefined) return undefined;
    writeFileSync(to, target, { flag: 'wx' });
    const stamp = isSettled(stats, now) ? stampOf(stats) : undefined;
    return { path, mode: '120000', stamp, sizeBytes: target.length };
  }
}

function copyFile(held: HeldDirectory, path: BytePath, to: string): Copied | undefined {
  const now = nowNs();
  const file = held.file(basename(path));
  if (file === undefined) return undefined;
  const copy = openSync(to, 'wx', 0o600);
  try {
    const sizeBytes = copyBytes(file.fd, copy, path);
    const after = fstatSync(file.fd, { bigint: true });
    const isWhole = isSettled(file.stats, now) && stampOf(after) === stampOf(file.stats);
    const mode = (file.stats.mode & 0o100n) > 0n ? '100755' : '100644';
    return { path, mode, stamp: isWhole ? stampOf(after) : undefined, sizeBytes };
  } finally {
    closeSync(copy);
    closeSync(file.fd);
  }
}

const chunk = Buffer.allocUnsafe(CHUNK_BYTES);

/** A file that grows while it is read is stopped at the limit. */
function copyBytes(from: number, to: number, path: BytePath): number {
  let sizeBytes = 0;
  for (let read = readSync(from, chunk); read > 0; read = readSync(from, chunk)) {
    sizeBytes += read;
    if (sizeBytes > MAX_FILE_BYTES) throw tooLarge(path);
    for (let written = 0; written < read;) written += writeSync(to, chunk, written, read - written);
  }
  return sizeBytes;
}

function* batches(files: readonly FoundFile[]): Iterable<FoundFile[]> {
  let batch: FoundFile[] = [];
  let bytes = 0;
  for (const file of files) {
    batch.push(file);
    bytes += Number(file.stats.size);
    if (batch.length < BATCH.files && bytes < BATCH.bytes) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function refuseLarge(files: readonly FoundFile[]): void {
  let total = 0;
  for (const { path, stats } of files) {
    if (stats.size > BigInt(MAX_FILE_BYTES)) throw tooLarge(path);
    total += Number(stats.size);
  }
  if (total <= MAX_TOTAL_BYTES) return;
  throw new WorkspaceTooLarge(
    `the changed files of the workspace hold ${mebibytes(total)}, more than ${mebibytes(MAX_TOTAL_BYTES)}; ` +
      'remove them, or name them in a .gitignore',
  );
}

function tooLarge(path: BytePath): WorkspaceTooLarge {
  return new WorkspaceTooLarge(
    `${shown(path)} is larger than ${mebibytes(MAX_FILE_BYTES)}; remove it, or name it in a .gitignore`,
  );
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1_048_576).toString()} MiB`;
const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;
const isSettled = (stats: BigIntStats, now: bigint): boolean => stats.ctimeNs + UNSETTLED_NS < now;
const stampOf = ({ ino, size, mode, mtimeNs, ctimeNs }: BigIntStats): string =>
  [ino, size, mode, mtimeNs, ctimeNs].join(' ');
