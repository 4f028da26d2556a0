import { execFile } from 'node:child_process';
import { close, constants, open } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const openFile = promisify(open);
export const closeFile = promisify(close);

/**
 * A pipe of the kernel, its two ends as descriptors the caller closes. Node's own are sockets, and a program that opens
 * /dev/stdout or /dev/stderr, as scripts like to do, cannot open a socket. Leaves no file behind.
 */
export async function openPipe(): Promise<{ read: number; write: number }> {
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
