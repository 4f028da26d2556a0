import { readFile, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { NativeConnection } from '@temporalio/worker';
import type { Log } from '../activities/observe/log.ts';
import { HOME, type DaemonFile } from '../workflows/contract/home.ts';
import type { WorkerConfig } from './config.ts';
import { isFleetToBegin, openFleetStates } from './open-fleets.ts';

/** Fleets that wait for a person keep nothing alive: `watch` or a steering command brings the worker back. */
const WAITS_FOR_A_PERSON = ['paused:user', 'paused:approval', 'paused:budget_reached', 'paused:authentication'];

/**
 * Ends an embedded worker after `idleExitMs` without an open fleet, and with it the daemons behind it when no other
 * worker of this home is left. Does nothing where the worker was not brought up by `run`.
 */
export function watchIdleness(
  config: WorkerConfig,
  connection: NativeConnection,
  log: Log,
  onIdle: () => void,
): { close(): Promise<void> } {
  const { idleExitMs } = config;
  if (idleExitMs === undefined) return { close: async () => undefined };
  let busyAtMs = Date.now();
  let isIdle = false;
  const timer = setInterval(() => void look(), Math.min(30_000, idleExitMs / 4));
  timer.unref();

  async function look(): Promise<void> {
    try {
      if (await hasOpenFleet(config, connection)) busyAtMs = Date.now();
    } catch (error) {
      log.debug({ err: error }, 'cannot tell whether fleets are open');
      return; // the server may be on its way back
    }
    if (isIdle || Date.now() - busyAtMs < idleExitMs!) return;
    isIdle = true;
    onIdle();
  }

  return {
    close: async () => {
      clearInterval(timer);
      if (isIdle) await endDaemonsOf(config.home);
    },
  };
}

async function hasOpenFleet(config: WorkerConfig, connection: NativeConnection): Promise<boolean> {
  const states = await openFleetStates(config, connection);
  const isBusy = states.some((state) => state === undefined || !WAITS_FOR_A_PERSON.includes(state));
  return isBusy || (await isFleetToBegin(config, connection));
}

/** The server and the simulated Claude, unless another worker of this home still lives or someone wants them kept. */
async function endDaemonsOf(home: string): Promise<void> {
  const names = await readdir(join(home, HOME.run)).catch(() => []);
  const daemons = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map(async (name) => ({ name, ...(await daemonIn(home, name)) })),
  );
  const own = daemons.find(({ pid }) => pid === process.pid);
  if (own) await rm(join(home, HOME.run, own.name), { force: true });
  const living = daemons.filter(({ pid }) => pid !== undefined && pid !== process.pid);
  if (living.some(({ name }) => name.startsWith('worker-'))) return;
  const behind = [basename(HOME.serverFile), basename(HOME.simulatedFile)];
  for (const { name, pid, isKept } of living) if (behind.includes(name) && !isKept) process.kill(pid!, 'SIGTERM');
}

/** The pid in a daemon's file, if the process it names is still that one. */
async function daemonIn(home: string, name: string): Promise<{ pid?: number; isKept?: boolean }> {
  try {
    const {
      pid,
      startTicks,
      isKept = false,
    } = JSON.parse(await readFile(join(home, HOME.run, name), 'utf8')) as DaemonFile;
    const stat = await readFile(`/proc/${pid.toString()}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return startTicks === null || ticks === startTicks ? { pid, isKept } : {};
  } catch {
    return {};
  }
}
