import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import type { ReadableStream } from 'node:stream/web';
import type { Environment } from '../config.ts';
import { lastLines } from './log-file.ts';

/** Where Temporal's SDKs download its CLI from (`ephemeral_server` of their core, 1.24). */
export const DOWNLOADS = 'https://temporal.download';

/** Longest wait for an answer, and longest silence in the middle of it. */
const STALL_MS = 10_000;
const BUILD_MS = 30 * 60_000;
const STILL_BUILDING_MS = 30_000;

/**
 * Downloads Temporal's CLI to `path`, which appears whole or not at all. The caller holds the lock of `path`. Gives up
 * quickly when the origin does not answer; throws `Error`.
 */
export function downloadServer(options: {
  origin: string;
  version: string;
  path: string;
  stallMs?: number;
}): Promise<void> {
  const { origin, version, path, stallMs = STALL_MS } = options;
  return intoPlace(path, async (directory) => {
    const stalled = new AbortController();
    const watch = setTimeout(() => stalled.abort(new Error(`silent for ${stallMs / 1_000} s`)), stallMs);
    try {
      const url = `${origin}/cli/archive/${version}?platform=${platform()}&arch=${arch() === 'x64' ? 'amd64' : arch()}`;
      const response = await fetch(url, { signal: stalled.signal });
      if (!response.ok || !response.body) throw new Error(`${origin} answered ${response.status}`);
      const tar = spawn('tar', ['-xzf', '-', '-C', directory, 'temporal'], { stdio: ['pipe', 'ignore', 'pipe'] });
      const chunks = Readable.fromWeb(response.body as ReadableStream);
      const feed = pipeline(chunks, tar.stdin as Writable).catch((error: unknown) => error);
      chunks.on('data', () => watch.refresh());
      const [, [code], fault, trouble] = await Promise.all([
        once(tar, 'spawn'),
        once(tar, 'close'),
        text(tar.stderr),
        feed,
      ]);
      if (stalled.signal.aborted) throw stalled.signal.reason;
      if (code !== 0) throw new Error(`what ${origin} sent is no archive with temporal in it: ${fault.trim()}`);
      if (trouble) throw trouble;
    } finally {
      clearTimeout(watch);
    }
  });
}

/** Builds Temporal's CLI with Go to `path`, likewise. Throws `Error` with the end of what Go said. */
export function buildServer(options: {
  version: string;
  path: string;
  environment: Environment;
  onProgress: (line: string) => void;
}): Promise<void> {
  const { version, path, environment, onProgress } = options;
  return intoPlace(path, async (directory) => {
    // Whoever cross-compiles or vendors in this shell does not mean this build.
    const env = { ...environment, GOBIN: directory, GOFLAGS: '', GOOS: '', GOARCH: '', GO111MODULE: '' };
    const go = spawn('go', ['install', `github.com/temporalio/cli/cmd/temporal@${version}`], {
      cwd: directory,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: BUILD_MS,
    });
    const start = performance.now();
    const ticking = setInterval(() => {
      onProgress(`still building Temporal's dev server, ${Math.round((performance.now() - start) / 1_000)} s so far`);
    }, STILL_BUILDING_MS);
    try {
      const [said, [code]] = await Promise.all([text(go.stderr), once(go, 'close')]);
      if (code !== 0) throw new Error(`go install ended with ${code ?? 'a signal'}:\n${lastLines(said)}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new Error('there is no go on PATH', { cause: error });
      throw error;
    } finally {
      clearInterval(ticking);
    }
  });
}

/** Lets `make` put a file `temporal` into an empty directory beside `path`, then moves it there in one step. */
async function intoPlace(path: string, make: (directory: string) => Promise<void>): Promise<void> {
  const prefix = `${path}.making-`;
  // Left by one that was killed: whoever is here holds the lock, so nobody else is making one.
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(basename(prefix))) rmSync(join(dirname(path), name), { recursive: true, force: true });
  }
  const directory = mkdtempSync(prefix);
  try {
    await make(directory);
    const made = join(directory, 'temporal');
    chmodSync(made, 0o755);
    renameSync(made, path);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
