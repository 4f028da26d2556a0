import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DaemonFile } from '../../workflows/contract/home.ts';
import type { Environment } from '../config.ts';
import { VERSION } from './entries.ts';
import { replace } from './home.ts';
import { lastLines, openLog, readLog, sizeOf } from './log-file.ts';
import { findSessionLeaders, identify, isAlive, type ProcessIdentity } from './process-identity.ts';

/** What a daemon's file keeps beyond the contract, for those who start it again. */
export interface DaemonState extends DaemonFile {
  /** It served once. False: its starter waits for it, or died waiting. */
  isReady: boolean;
  /** The port to take again, so that those who know its address find it; null for a worker. */
  port: number | null;
  /** Brought up by hand (`muster up`): it does not end when idle, nor is it ended by a worker that does. */
  isKept?: boolean;
  /** Of a worker: fingerprint of the operator's configuration it was started with. */
  operator?: string;
}

export type DaemonKind = 'server' | 'simulated' | 'worker';

export interface DaemonSpec {
  kind: DaemonKind;
  home: string;
  /** Its file, relative to the home (`HOME`). */
  file: string;
  /** Log file, relative to the home. */
  log: string;
  command: string;
  args: readonly string[];
  environment: Environment;
  port: number | null;
  isKept: boolean;
  operator?: string;
}

/** Marks the environment of daemons, so that one nobody wrote down is found again. */
const KIND_VARIABLE = 'MUSTER_DAEMON';

/** A daemon just started, not ready yet. */
export class Daemon {
  readonly state: DaemonState;
  readonly #spec: DaemonSpec;
  readonly #log: string;
  readonly #logStart: number;

  private constructor(spec: DaemonSpec, state: DaemonState, log: string, logStart: number) {
    this.#spec = spec;
    this.state = state;
    this.#log = log;
    this.#logStart = logStart;
  }

  /**
   * Starts a session of its own, in the home, tied to no terminal and to no pipe of ours, and writes its file. The
   * caller holds the home's lock. Throws the system's error when the command cannot be run.
   */
  static async start(spec: DaemonSpec): Promise<Daemon> {
    const log = join(spec.home, spec.log);
    mkdirSync(dirname(log), { recursive: true });
    const output = openLog(log);
    const logStart = sizeOf(log);
    const env = { ...spec.environment, MUSTER_HOME: spec.home, [KIND_VARIABLE]: spec.kind };
    try {
      const child = spawn(spec.command, spec.args, {
        cwd: spec.home,
        detached: true,
        env,
        stdio: ['ignore', output, output],
      });
      child.unref();
      await once(child, 'spawn');
      const identity = identify(child.pid!) ?? { pid: child.pid!, startTicks: '' };
      const { port, isKept, operator } = spec;
      const state: DaemonState = {
        ...identity,
        ...{ version: VERSION, address: null, isReady: false, port, isKept },
        ...(operator !== undefined && { operator }),
      };
      writeState(spec.home, spec.file, state);
      return new Daemon(spec, state, log, logStart);
    } finally {
      closeSync(output);
    }
  }

  /** Writes down that it serves. */
  ready(address: string | null): DaemonState {
    const state = { ...this.state, address, isReady: true };
    writeState(this.#spec.home, this.#spec.file, state);
    return state;
  }

  get isAlive(): boolean {
    return isAlive(this.state);
  }

  /** What it has written since it started. */
  output(): string {
    return readLog(this.#log, this.#logStart);
  }

  /** For an error message: where its log is and how it ends. */
  lastWords(): string {
    return `its log, ${this.#log}, ends:\n${lastLines(this.output())}`;
  }

  async kill(): Promise<void> {
    await endProcess(this.state, 0);
  }
}

/** undefined: there is no such file, or it is damaged (then a stray is found by its environment). */
export function readState(home: string, file: string): DaemonState | undefined {
  try {
    const state = JSON.parse(readFileSync(join(home, file), 'utf8')) as Partial<DaemonState> | null;
    if (!state || !Number.isInteger(state.pid) || typeof state.version !== 'string') return undefined;
    const { startTicks = null, address = null, isReady = true, port = null, isKept = false, operator } = state;
    const { pid, version } = state;
    return {
      pid: pid!,
      version,
      startTicks,
      address,
      isReady,
      port,
      isKept,
      ...(operator !== undefined && { operator }),
    };
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export function writeState(home: string, file: string, state: DaemonState): void {
  replace(join(home, file), JSON.stringify(state));
}

export function removeState(home: string, file: string): void {
  rmSync(join(home, file), { force: true });
}

/** It lives, is ours and has served: nothing to do. Under a millisecond. */
export function isServing(state: DaemonState | undefined): state is DaemonState {
  return state !== undefined && state.isReady && state.version === VERSION && isAlive(state);
}

/** Ends daemons of this home and kind that its files do not name, and returns them. */
export async function endStrays(
  home: string,
  kind: DaemonKind,
  known: readonly ProcessIdentity[],
): Promise<ProcessIdentity[]> {
  const strays = findSessionLeaders({ MUSTER_HOME: home, [KIND_VARIABLE]: kind }).filter(
    ({ pid }) => pid !== process.pid && !known.some((one) => one.pid === pid),
  );
  await Promise.all(strays.map((stray) => endProcess(stray, 10_000)));
  return strays;
}

/**
 * Asks a process to end, and after `graceMs` ends it and all of its session's group by force. Resolves once it is gone,
 * with how. Nothing happens to a process that took over the pid.
 */
export async function endProcess(target: ProcessIdentity, graceMs: number): Promise<'gone' | 'ended' | 'killed'> {
  if (!isAlive(target)) return 'gone';
  signal(target.pid, 'SIGTERM');
  if (await waitForEnd(target, graceMs)) return 'ended';
  signal(-target.pid, 'SIGKILL');
  signal(target.pid, 'SIGKILL');
  await waitForEnd(target, 10_000);
  return 'killed';
}

async function waitForEnd(target: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (isAlive(target)) {
    if (performance.now() >= deadline) return false;
    await delay(10);
  }
  return true;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
