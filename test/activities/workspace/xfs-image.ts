import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unmount } from '../../../activities/workspace/mounts.ts';

const run = promisify(execFile);
/** mkfs.xfs refuses less than 300 MB; the file is sparse. */
const IMAGE_BYTES = 320 * 1024 * 1024;
const PROGRAMS = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

/** A small file system of its own on which files can be cloned. `close` unmounts and removes it; safe to call twice. */
export class XfsImage {
  readonly #directory: string;
  readonly #mountPoint: string;
  #count = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#mountPoint = join(directory, 'mounted');
  }

  /** Undefined where this process is not root or there is no mkfs.xfs; throws when it is there and fails. */
  static async open(): Promise<XfsImage | undefined> {
    if (process.getuid?.() !== 0) return undefined;
    if (!(await run('mkfs.xfs', ['-V'], { env: PROGRAMS }).catch(() => undefined))) return undefined;
    const image = new XfsImage(await realpath(await mkdtemp(join(tmpdir(), 'muster-xfs-'))));
    try {
      await image.#mount();
      return image;
    } catch (error) {
      await image.close();
      throw error;
    }
  }

  /** A path on it that nothing has used before. */
  newPath(): string {
    return join(this.#mountPoint, `home-${(this.#count++).toString()}`);
  }

  async close(): Promise<void> {
    await unmount(this.#mountPoint);
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #mount(): Promise<void> {
    const file = join(this.#directory, 'image');
    const handle = await open(file, 'wx', 0o600);
    await handle.truncate(IMAGE_BYTES);
    await handle.close();
    await run('mkfs.xfs', ['-q', '-m', 'reflink=1', file], { env: PROGRAMS });
    await mkdir(this.#mountPoint);
    await run('mount', ['-o', 'loop', file, this.#mountPoint], { env: PROGRAMS });
  }
}
