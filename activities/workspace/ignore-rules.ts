import { closeSync, mkdirSync, readSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { forDisk, records, type BytePath } from './file-list.ts';
import type { HeldDirectory } from './held-directory.ts';
import type { Repository } from './repository.ts';
import { WorkspaceUnavailable } from './workspace.ts';

export const IGNORE_FILE = '.gitignore';
/** A longer list of rules is none: git would read all of it into memory. */
const MAX_RULES_BYTES = 1_048_576;
/** Git matches a pattern of many `**` by trying, for hours if need be. */
const MAX_MATCHING_MS = 5_000;

/**
 * What git ignores by the .gitignore files of a workspace, and by nothing else. Git does not see the workspace, only
 * copies of those files in a directory of our own: it would wait forever for a FIFO, and it knows no `.git` there.
 */
export class IgnoreRules implements AsyncDisposable {
  readonly #repository: Repository;
  readonly #directory: string;
  #areThere = false;

  /** `directory`: a new one, ours alone; it goes when this is disposed of. */
  constructor(repository: Repository, directory: string) {
    this.#repository = repository;
    this.#directory = directory;
  }

  /** Takes the rules that lie in a directory `path` of the workspace, if there are any. */
  note(path: BytePath, held: HeldDirectory): void {
    const file = held.file(IGNORE_FILE);
    if (file === undefined) return;
    try {
      if (file.stats.size <= MAX_RULES_BYTES) this.#put(path, readAtMost(file.fd, MAX_RULES_BYTES));
    } finally {
      closeSync(file.fd);
    }
  }

  /** Which of these are ignored, by themselves or by a directory above; directories end with a slash. */
  async ignored(paths: readonly BytePath[]): Promise<ReadonlySet<BytePath>> {
    if (!this.#areThere || paths.length === 0) return new Set();
    const input = Buffer.from(paths.map((path) => `./${path}\0`).join(''), 'latin1'); // a leading colon means something else
    const signal = AbortSignal.timeout(MAX_MATCHING_MS);
    const view = this.#repository.at(this.#directory, join(this.#directory, 'no-index'));
    const args = ['check-ignore', '--no-index', '-z', '--stdin'];
    const { stdout } = await view.run(args, { input, signal, answers: [1] }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      throw new WorkspaceUnavailable(
        'the patterns in a .gitignore of the workspace take too long to match: simplify them',
      );
    });
    return new Set(records(stdout).map((path) => path.slice(2)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  #put(path: BytePath, rules: Buffer): void {
    this.#areThere = true;
    mkdirSync(forDisk(this.#directory, path), { recursive: true, mode: 0o700 });
    writeFileSync(forDisk(this.#directory, path === '' ? IGNORE_FILE : `${path}/${IGNORE_FILE}`), rules);
  }
}

/** A file that grows meanwhile is read up to `limit`. */
function readAtMost(fd: number, limit: number): Buffer {
  const buffer = Buffer.allocUnsafe(limit);
  let length = 0;
  for (let read = -1; read !== 0 && length < limit; length += read)
    read = readSync(fd, buffer, length, limit - length, null);
  return buffer.subarray(0, length);
}
