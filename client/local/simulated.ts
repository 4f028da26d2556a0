import { setTimeout as delay } from 'node:timers/promises';
import { HOME } from '../../workflows/contract/home.ts';
import { CommandFailure } from '../cli/context.ts';
import { Daemon, endProcess, endStrays, isServing, readState } from './daemon.ts';
import { nodeEnvironment, type Place } from './place.ts';
import { freePort, PORT_PATIENCE_MS } from './ports.ts';

export const SIMULATED_LOG = `${HOME.logs}/simulated.log`;

const READY_MS = 30_000;
const STOP_MS = 3_000;
const ATTEMPTS = 3;

/** The base URL of the home's simulated Claude, if it runs. */
export function findSimulated(home: string): string | undefined {
  const state = readState(home, HOME.simulatedFile);
  return isServing(state) ? `http://${state.address}` : undefined;
}

/**
 * Starts it and returns its base URL; the caller holds the home's lock and has seen that none serves. It takes the port
 * it had: the port is part of what its workers and their queue are known by.
 */
export async function startSimulated(place: Place): Promise<string> {
  const { home } = place.config;
  const old = readState(home, HOME.simulatedFile);
  if (old) await endProcess(old, STOP_MS);
  await endStrays(home, 'simulated', []);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(attempt === 1 ? (old?.port ?? undefined) : undefined, PORT_PATIENCE_MS);
    const daemon = await Daemon.start({
      kind: 'simulated',
      home,
      file: HOME.simulatedFile,
      log: SIMULATED_LOG,
      command: process.execPath,
      args: [place.entries.simulated, '--port', String(port)],
      environment: nodeEnvironment(place.config),
      port,
      isKept: place.isKept,
    });
    const url = await readUrl(daemon);
    if (url) {
      daemon.ready(url.host);
      return url.origin;
    }
    await daemon.kill();
    if (attempt < ATTEMPTS && daemon.output().includes('EADDRINUSE')) continue;
    throw new CommandFailure(1, `the simulated Claude does not start; ${daemon.lastWords()}`);
  }
}

/** It prints one line of JSON, `{"url": …}`, once it listens. */
async function readUrl(daemon: Daemon): Promise<URL | undefined> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    const line = /^\{"url":.*\}$/m.exec(daemon.output())?.[0];
    if (line) return new URL((JSON.parse(line) as { url: string }).url);
    if (!daemon.isAlive) return undefined;
    await delay(10);
  }
  return undefined;
}
