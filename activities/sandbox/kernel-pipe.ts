import { execFile } from 'node:child_process';
import { close, constants, open } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const openFile = promisify(open);
export const closeFile = promisify(close);

/** Its two ends as descriptors, which the taker closes. */
export interface Pipe {
  read: number;
  write: number;
}

/**
 * Pipes of the kernel. Node's own are sockets, and a program that opens /dev/stdout or /dev/stderr, as scripts like to
 * do, cannot open a socket. Making one takes a process, so that one is kept ready. Leaves no file behind.
 */
export class PipeStock {
  private spare: Promise<Pipe> | undefined;

  async take(): Promise<Pipe> {
    const { spare } = this;
    this.spare = undefined;
    return spare ?? openPipe();
  }

  /** For the next taker, in time that nobody waits for. */
  refill(): void {
    this.spare ??= openPipe();
    this.spare.catch(() => (this.spare = undefined));
  }

  async close(): Promise<void> {
    const { spare } = this;
    this.spare = undefined;
    const pipe = await spare?.catch(() => undefined);
    if (pipe) await Promise.all([closeFile(pipe.read), closeFile(pipe.write)]);
  }
}

async function openPipe(): Promise<Pipe> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-pipe-'));
  try {
    const path = join(directory, 'pipe');
    await run('/usr/bin/mkfifo', ['-m', '600', path], { env: {} });
    // Opened for reading first, and without waiting for a writer.
    const read = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return { read, write: await openFile(path, constants.O_WRONLY) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
