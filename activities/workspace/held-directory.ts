import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type BigIntStats,
  type Dirent,
} from 'node:fs';
import { forDisk, type BytePath } from './file-list.ts';
import { codeOf } from './repository.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
/** Of Linux on every processor Node runs on; Node has no name for it. */
const O_PATH = 0o10000000;
/** What a path says when something was moved, replaced or removed since it was listed. */
const REPLACED = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO']);

/**
 * A directory of a workspace held open. A subagent's processes may be at work in it: what it holds is reached through
 * its descriptor and never by following a link, so that no swap of a directory for a link leads outside. Synchronous:
 * five times less CPU than a promise each. Where there is no `/proc` the path stands in; no such processes run there.
 */
export class HeldDirectory implements Disposable {
  readonly #fd: number;
  readonly #place: string;

  private constructor(fd: number, place: string) {
    this.#fd = fd;
    this.#place = process.platform === 'linux' ? `/proc/self/fd/${fd.toString()}` : place;
  }

  /** A directory below `root`, opened name by name; undefined where there is none (any more). The caller disposes of it. */
  static open(root: string, path: BytePath): HeldDirectory | undefined {
    let current: HeldDirectory | undefined = new HeldDirectory(openSync(root, O_RDONLY | O_DIRECTORY), root);
    for (const name of path === '' ? [] : path.split('/')) {
      using parent: HeldDirectory = current;
      current = parent.#child(name);
      if (current === undefined) return undefined;
    }
    return current;
  }

  list(): Dirent[] {
    return readdirSync(this.#place, { withFileTypes: true, encoding: 'latin1' });
  }

  /** Of the entry itself, not of what it links to; undefined when it is gone. */
  stat(name: BytePath): BigIntStats | undefined {
    return unlessReplaced(() => lstatSync(this.#entry(name), { bigint: true }));
  }

  /** Where a link points; undefined when there is no link (any more). */
  link(name: BytePath): Buffer | undefined {
    try {
      return readlinkSync(this.#entry(name), 'buffer');
    } catch (error) {
      if (codeOf(error) === 'EINVAL' || REPLACED.has(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  /** A regular file opened for reading, with its state; undefined when there is none (any more). The caller closes it. */
  file(name: BytePath): { fd: number; stats: BigIntStats } | undefined {
    // Asked first, so that no device and no FIFO is opened; what counts is what was opened in the end.
    if (this.stat(name)?.isFile() !== true) return undefined;
    const fd = this.#open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o400n);
    if (fd === undefined) return undefined;
    const stats = fstatSync(fd, { bigint: true });
    if (stats.isFile()) return { fd, stats };
    closeSync(fd);
    return undefined;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #child(name: BytePath): HeldDirectory | undefined {
    const fd = this.#open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0o700n);
    return fd === undefined ? undefined : new HeldDirectory(fd, this.#entry(name).toString());
  }

  /** What its owner has closed to itself is opened to it again, with `mode`: a subagent may not hide files that way. */
  #open(name: BytePath, flags: number, mode: bigint): number | undefined {
    return unlessReplaced(() => {
      try {
        return openSync(this.#entry(name), flags);
      } catch (error) {
        if (codeOf(error) !== 'EACCES' || process.platform !== 'linux') throw error;
        const held = openSync(this.#entry(name), O_PATH | O_NOFOLLOW);
        try {
          const before = fstatSync(held, { bigint: true });
          chmodSync(`/proc/self/fd/${held.toString()}`, Number((before.mode & 0o7777n) | mode));
        } finally {
          closeSync(held);
        }
        return openSync(this.#entry(name), flags);
      }
    });
  }

  #entry(name: BytePath): Buffer {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) throw new Error('not the name of an entry');
    return forDisk(this.#place, name);
  }
}

function unlessReplaced<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (REPLACED.has(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
