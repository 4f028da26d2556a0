import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '../config.ts';
import { CommandFailure } from '../cli/context.ts';
import { withLock } from './lock.ts';
import { buildServer, downloadServer, DOWNLOADS } from './server-source.ts';

/** Temporal's CLI, which carries the dev server: the last release that `go install` can build (reference/temporal.md §14). */
export const CLI_VERSION = 'v1.5.1';
/** The oldest server muster is tested with. */
const OLDEST_SERVER = [1, 29];

export interface ServerBinary {
  path: string;
  from: 'MUSTER_TEMPORAL_BINARY' | 'PATH' | 'cache';
  /** As `1.29.1`. */
  serverVersion: string;
}

export interface BinaryOptions {
  onProgress: (line: string) => void;
  /** Where the SDKs download the CLI from. */
  downloads?: string;
}

/**
 * `MUSTER_TEMPORAL_BINARY`, `temporal` on PATH, the cached copy; else a download and, where that fails, a build with
 * Go, once even when several processes ask. Throws `CommandFailure`: 2 for a wrong `MUSTER_TEMPORAL_BINARY`, 1 with
 * what to install when there is no way.
 */
export async function obtainServerBinary(config: Config, options: BinaryOptions): Promise<ServerBinary> {
  const found = await findServerBinary(config, options.onProgress);
  if (found) return found;
  mkdirSync(config.cache, { recursive: true });
  const path = cachedPath(config);
  return withLock(
    `${path}.lock`,
    async () => {
      const sinceMade = await findServerBinary(config, () => undefined);
      if (sinceMade) return sinceMade;
      await makeBinary(config, path, options);
      const serverVersion = await readServerVersion(path);
      if (!serverVersion) throw noBinary(`${path}, just made, does not run`);
      return { path, from: 'cache' as const, serverVersion };
    },
    (pid) => options.onProgress(`waiting for process ${pid}, which obtains Temporal's dev server`),
  );
}

/** As above without making one; undefined: there is none. Starts nothing but `temporal --version`. */
export async function findServerBinary(
  config: Config,
  onProgress: (line: string) => void,
): Promise<ServerBinary | undefined> {
  if (config.temporalBinary !== undefined) {
    const path = config.temporalBinary;
    const fault = await faultOf(path);
    if (typeof fault === 'string')
      throw new CommandFailure(2, `MUSTER_TEMPORAL_BINARY: ${path} ${fault}`, `name Temporal's CLI, ${CLI_VERSION}`);
    return { path, from: 'MUSTER_TEMPORAL_BINARY', ...fault };
  }
  const candidates = [
    ...pathCandidates(config.environment['PATH']).map((path) => ({ path, from: 'PATH' as const })),
    { path: cachedPath(config), from: 'cache' as const },
  ];
  for (const { path, from } of candidates) {
    if (!isExecutable(path)) continue;
    const fault = await faultOf(path);
    if (typeof fault !== 'string') return { path, from, ...fault };
    onProgress(`passing over ${path}: it ${fault}`);
  }
  return undefined;
}

function cachedPath(config: Config): string {
  return join(config.cache, `temporal-${CLI_VERSION}`);
}

async function makeBinary(config: Config, path: string, { onProgress, downloads }: BinaryOptions): Promise<void> {
  const troubles: string[] = [];
  try {
    onProgress(`downloading Temporal's dev server ${CLI_VERSION}, once`);
    return await downloadServer({ origin: downloads ?? DOWNLOADS, version: CLI_VERSION, path });
  } catch (error) {
    troubles.push(`the download failed: ${messageOf(error)}`);
    onProgress(troubles[0]!);
  }
  try {
    onProgress(`building Temporal's dev server ${CLI_VERSION} with Go instead: about 3 minutes, once`);
    return await buildServer({ version: CLI_VERSION, path, environment: config.environment, onProgress });
  } catch (error) {
    troubles.push(`the build failed: ${messageOf(error)}`);
  }
  throw noBinary(troubles.join('\n'));
}

function noBinary(why: string): CommandFailure {
  return new CommandFailure(
    1,
    `no Temporal dev server: there is none on PATH or in MUSTER_TEMPORAL_BINARY, and\n${why}`,
    `install Temporal's CLI (https://docs.temporal.io/cli) or Go 1.25 or newer (https://go.dev/dl), ` +
      'or name a Temporal service with TEMPORAL_ADDRESS',
  );
}

/** What is wrong with a binary, or its server's version when nothing is. */
async function faultOf(path: string): Promise<string | { serverVersion: string }> {
  if (!isExecutable(path)) return 'is no executable file';
  const serverVersion = await readServerVersion(path);
  if (!serverVersion) return 'does not tell the version of a Temporal server';
  const [major = 0, minor = 0] = serverVersion.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_SERVER;
  const isTooOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return isTooOld ? `carries server ${serverVersion}, older than ${OLDEST_SERVER.join('.')}` : { serverVersion };
}

async function readServerVersion(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 });
    return /\(server (\d+\.\d+\.\d+)/i.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function pathCandidates(path = ''): string[] {
  return path
    .split(delimiter)
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, 'temporal'));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
