import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Refusal, ToolError } from './refusal.ts';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/**
 * A directory of the workspace held open. What it names is reached through its descriptor, so that no one who moves
 * directories or plants links meanwhile can lead out. Where there is no `/proc` the path stands in: links are refused
 * just the same, but a race is not; subagents have processes of their own on Linux alone.
 */
export class ConfinedDirectory implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #path: string;

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.#path = process.platform === 'linux' ? `/proc/${process.pid}/fd/${handle.fd}` : path;
  }

  /** The workspace's root, which is not the subagent's to replace: links above it are followed. */
  static async root(path: string): Promise<ConfinedDirectory> {
    return new ConfinedDirectory(await open(path, O_RDONLY | O_DIRECTORY), path);
  }

  /**
   * `path` as `resolvePath` gives it, opened name by name. Throws `Refusal` at a symbolic link, `ToolError` where a name
   * is missing or no directory; with `create` missing ones are made. The caller disposes of it.
   */
  static async open(root: string, path: string, options: { create?: boolean } = {}): Promise<ConfinedDirectory> {
    let current = await ConfinedDirectory.root(root);
    for (const name of path === '' ? [] : path.split('/')) {
      await using parent = current;
      current = await parent.#child(name, options.create === true);
    }
    return current;
  }

  /** Where to reach an entry of this directory, as long as it is open. */
  entry(name: string): string {
    if (name === '' || name === '.' || name === '..' || name.includes('/')) throw new Error('not the name of an entry');
    return join(this.#path, name);
  }

  /** Where to reach the directory itself, for other processes too. */
  get place(): string {
    return this.#path;
  }

  /** A regular file, opened for reading. `isOwn`: others may have planted links in this workspace. The caller closes. */
  async openFile(name: string, isOwn: boolean): Promise<FileHandle> {
    // Asked first so that no device and no FIFO is opened; what counts is what was opened in the end.
    const before = await this.stat(name);
    if (before === undefined) throw new ToolError(`There is no file ${name} any more.`);
    judge(name, before, isOwn);
    const handle = await open(this.entry(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY).catch(asLink(name));
    try {
      judge(name, await handle.stat(), isOwn);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Of the entry itself, not of what it links to; undefined when there is none. */
  async stat(name: string): Promise<Stats | undefined> {
    return lstat(this.entry(name)).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #child(name: string, create: boolean): Promise<ConfinedDirectory> {
    const place = this.entry(name);
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const handle = await open(place, flags).catch(async (error: unknown) => {
      if (errorCode(error) === 'ENOENT' && create) {
        await mkdir(place).catch((failure: unknown) => {
          if (errorCode(failure) !== 'EEXIST') throw failure;
        });
        return open(place, flags).catch(asLink(name));
      }
      if (errorCode(error) === 'ENOENT') throw new ToolError(`There is no directory ${name} any more.`);
      return asLink(name)(error);
    });
    return new ConfinedDirectory(handle, place);
  }
}

/** Regular, and under no second name outside. Throws `Refusal` and `ToolError`. */
export function judge(name: string, stats: Stats, isOwn: boolean): void {
  if (stats.isSymbolicLink())
    throw new Refusal('SYMLINK_ESCAPE', `${name} was replaced meanwhile, by a symbolic link it seems`);
  if (stats.isDirectory()) throw new ToolError(`${name} is a directory; list it with Glob, pattern "*".`);
  if (!stats.isFile()) throw new Refusal('NOT_REGULAR', `${name} is no regular file`);
  if (isOwn && stats.nlink > 1)
    throw new Refusal(
      'HARDLINK',
      `${name} has a second name (a hard link), and which files share it nobody can tell; where a command of yours made the link, copy the file to a name of its own first`,
    );
}

/** What opening without following says at a link: ELOOP, or ENOTDIR where a directory was asked for. */
function asLink(name: string): (error: unknown) => never {
  return (error) => {
    const code = errorCode(error);
    if (code === 'ELOOP' || code === 'ENOTDIR')
      throw new Refusal('SYMLINK_ESCAPE', `${name} was replaced meanwhile, by a symbolic link it seems`);
    throw error;
  };
}
