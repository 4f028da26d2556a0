import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { ownerEnvironment } from './owner.ts';
import { gitFailure, gitFailureIn } from './git-failure.ts';
import { WorkspaceTooLarge } from './workspace.ts';

/** Standard output kept in memory; lists of a million paths fit. Patches and packs go to files. */
const MAX_OUTPUT_BYTES = 512 * 1024 * 1024;
const MAX_ERROR_BYTES = 65_536;

/** Found once on a path of our own: a program of that name inside a repository or a user's PATH is never run. */
const PATH = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin';

/**
 * What git is told whatever a repository says. Lists like this are never complete (a repository's own configuration can
 * name programs under names it chooses), so work on contents also happens under a git directory of our own, whose
 * configuration no one else writes (reference/security.md §2).
 */
const SETTINGS: readonly [key: string, value: string][] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.untrackedCache', 'false'],
  ['core.splitIndex', 'false'],
  ['core.attributesFile', '/dev/null'],
  ['core.autocrlf', 'false'],
  ['core.fileMode', 'true'],
  ['core.symlinks', 'true'],
  ['core.protectHFS', 'true'],
  ['core.protectNTFS', 'true'],
  ['core.quotePath', 'false'],
  ['safe.bareRepository', 'explicit'],
  ['commit.gpgSign', 'false'],
  ['credential.helper', ''],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['submodule.recurse', 'false'],
  ['transfer.fsckObjects', 'true'],
  ['index.threads', '1'],
  // Packs here live on one machine and are read a few times: time matters more than size.
  ['pack.window', '0'],
  ['pack.threads', '1'],
  ['core.compression', '1'],
];

/** A fixed author and date, so that the same tree makes the same commit on every machine. */
export const IDENTITY = {
  GIT_AUTHOR_NAME: 'muster',
  GIT_AUTHOR_EMAIL: 'muster@localhost',
  GIT_AUTHOR_DATE: '@0 +0000',
  GIT_COMMITTER_NAME: 'muster',
  GIT_COMMITTER_EMAIL: 'muster@localhost',
  GIT_COMMITTER_DATE: '@0 +0000',
};

/** undefined takes a variable away. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface GitCall {
  /** Absolute; the current directory of the process. */
  cwd: string;
  /** On top of the fixed environment: GIT_DIR, GIT_INDEX_FILE and the like, all absolute. */
  environment?: Environment;
  input?: Uint8Array | string;
  /** Instead of `input`: the file it is read from. */
  inputFile?: string;
  /** Standard output goes to this new file instead of memory. */
  outputFile?: string;
  /** Of standard output in memory; beyond it `WorkspaceTooLarge`. Default 512 MiB. */
  maxOutputBytes?: number;
  /** Exit codes that are answers, besides 0. */
  answers?: readonly number[];
  /** Aborting kills git and everything it started; the call rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface GitAnswer {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/**
 * Runs git, the only place that does. Arguments are passed as they are, never through a shell; no system or global
 * configuration, hooks, monitors, prompts or credentials. Network and file protocols are off unless `environment` says
 * otherwise. Rejects with `WorkspaceUnavailable`, `WorkspaceTooLarge`, `CloneDenied` or
 * `WorkspaceFull`.
 */
export async function runGit(args: readonly string[], call: GitCall): Promise<GitAnswer> {
  call.signal?.throwIfAborted();
  const files: number[] = [];
  const opened = (path: string, flags: string): number => {
    const file = openSync(path, flags, 0o600);
    files.push(file);
    return file;
  };
  let child: ChildProcess;
  try {
    const noInput = call.inputFile === undefined ? 'ignore' : opened(call.inputFile, 'r');
    const output = call.outputFile === undefined ? 'pipe' : opened(call.outputFile, 'wx');
    child = spawn('git', args, {
      cwd: call.cwd,
      env: { ...fixedEnvironment(), ...call.environment },
      stdio: [call.input === undefined ? noInput : 'pipe', output, 'pipe'],
      detached: true, // a process group of its own, so that its children die with it
    });
  } finally {
    files.forEach(closeSync);
  }
  const answer = await ending(child, call);
  if (answer.code === 0 || call.answers?.includes(answer.code)) return answer;
  const written = [call.cwd, call.environment?.['GIT_DIR'], call.environment?.['GIT_OBJECT_DIRECTORY']];
  throw await gitFailureIn(
    written.filter((path) => path !== undefined),
    args,
    answer.stderr,
    answer.code,
  );
}

/** Waits for the process and what it wrote; kills its group on abort and on too much output. */
async function ending(child: ChildProcess, call: GitCall): Promise<GitAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<GitAnswer>();
  const stdout = collect(child.stdout, call.maxOutputBytes ?? MAX_OUTPUT_BYTES, () => {
    killGroup(child);
    reject(new WorkspaceTooLarge('there are more files than muster can take'));
  });
  const stderr = collect(child.stderr, MAX_ERROR_BYTES, () => undefined);
  child.on('error', (error) => reject(gitFailure([], `git cannot be started: ${error.message}`, 127)));
  child.on('close', (code) => {
    resolve({ code: code ?? 128, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
  });
  // A git that ends early closes its input; its exit code says why, not this.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(call.input);
  const onAbort = (): void => killGroup(child);
  call.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const answer = await promise;
    call.signal?.throwIfAborted();
    return answer;
  } finally {
    call.signal?.removeEventListener('abort', onAbort);
  }
}

function collect(stream: NodeJS.ReadableStream | null, limitBytes: number, onLimit: () => void): Buffer[] {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes <= limitBytes) chunks.push(chunk);
    else onLimit();
  });
  return chunks;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function fixedEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {
    PATH,
    HOME: '/nonexistent',
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: '', // none
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_PAGER: 'cat',
    GIT_EDITOR: '/bin/false',
    GIT_CONFIG_COUNT: SETTINGS.length.toString(),
    ...ownerEnvironment(),
    ...IDENTITY,
  };
  SETTINGS.forEach(([key, value], i) => {
    environment[`GIT_CONFIG_KEY_${i.toString()}`] = key;
    environment[`GIT_CONFIG_VALUE_${i.toString()}`] = value;
  });
  return environment;
}
