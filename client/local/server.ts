import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { EMBEDDED } from './connection-options.ts';
import { msToTs } from '@temporalio/common/lib/time.js';
import { HOME } from '../../workflows/contract/home.ts';
import { CommandFailure } from '../cli/context.ts';
import { addSearchAttributes } from '../fleet-client/search-attributes.ts';
import { Daemon, endProcess, endStrays, readState, type DaemonState } from './daemon.ts';
import { databaseFailure, finishDatabase, prepareDatabase } from './database.ts';
import { VERSION } from './entries.ts';
import { withoutSecrets, type Place } from './place.ts';
import { freePort, PORT_PATIENCE_MS } from './ports.ts';
import { obtainServerBinary, type ServerBinary } from './server-binary.ts';

export const NAMESPACE = 'default';
export const SERVER_LOG = `${HOME.logs}/server.log`;

/** Closed fleets stay in Temporal this long; their results stay in the artifact store until `muster gc`. */
export const RETENTION_DAYS = 7;

const READY_MS = 60_000;
const STOP_MS = 10_000;
/** Ports that were free when asked for are sometimes taken when used. */
const ATTEMPTS = 3;

/** Of the server; every deployment of a Temporal for muster says the same of fairness. */
export const DYNAMIC_CONFIG = {
  // Off by default on 1.29: `temporal worker list` (reference/temporal.md §13).
  'frontend.WorkerHeartbeatsEnabled': true,
  'frontend.ListWorkersEnabled': true,
  // 10 by default: a few people who watch fleets reach it.
  'frontend.namespaceRPS.visibility': 200,
  // Off by default: teams and fleets take turns on a queue (reference/temporal.md §9).
  'matching.enableFairness': true,
  // Turns are taken within a partition; older tasks are still read from all four.
  'matching.numTaskqueueWritePartitions': 1,
};

/** A connection to the embedded server. */
export function connectEmbedded(address: string, connectTimeout = 5_000): Promise<Connection> {
  return Connection.connect({ ...EMBEDDED, address, connectTimeout });
}

export function readServer(home: string): DaemonState | undefined {
  return readState(home, HOME.serverFile);
}

/**
 * Starts the server on the home's database; the caller holds the home's lock and has seen that none serves. It takes
 * the port it had, so that workers find it again. Throws `CommandFailure` that says what is wrong with it.
 */
export async function startServer(place: Place, uiPort?: number): Promise<DaemonState> {
  const { config, onProgress } = place;
  await endOldServer(place);
  const binary = await obtainServerBinary(config, { onProgress });
  const wanted = readServer(config.home)?.port ?? undefined;
  onProgress("starting Temporal's dev server");
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(attempt === 1 ? wanted : undefined, PORT_PATIENCE_MS);
    if (attempt === 1 && wanted !== undefined && port !== wanted)
      onProgress(`port ${wanted} is taken by another program: the server moves to ${port}`);
    prepareDatabase(config.home);
    const daemon = await launch(place, binary, port, uiPort);
    const trouble = await waitUntilReady(daemon, `127.0.0.1:${port}`);
    if (!trouble) {
      finishDatabase(config.home);
      return daemon.ready(`127.0.0.1:${port}`);
    }
    await daemon.kill();
    if (attempt < ATTEMPTS && /address already in use/.test(daemon.output())) continue;
    throw databaseFailure(config.home, daemon.output()) ?? new CommandFailure(1, `${trouble}; ${daemon.lastWords()}`);
  }
}

async function endOldServer({ config, onProgress }: Place): Promise<void> {
  const old = readServer(config.home);
  if (old && old.version !== VERSION) onProgress(`replacing the server of muster ${old.version}`);
  if (old) await endProcess(old, STOP_MS);
  const strays = await endStrays(config.home, 'server', []);
  if (strays.length > 0) onProgress('ended a server that an interrupted command had left behind');
}

function launch(place: Place, { path }: ServerBinary, port: number, uiPort: number | undefined): Promise<Daemon> {
  const { config, isKept } = place;
  // The database by its bare name: in a path, `?` and `%` mean something to SQLite.
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--db-filename', HOME.database];
  args.push(...(uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)]));
  args.push('--log-level', 'warn');
  // Without a sync per commit: a killed process loses nothing, a loss of power at most the last commits, which the
  // artifact store, synced, makes good: what ended is found there again.
  args.push('--sqlite-pragma', 'synchronous=normal');
  for (const [key, value] of Object.entries(DYNAMIC_CONFIG)) args.push('--dynamic-config-value', `${key}=${value}`);
  return Daemon.start({
    kind: 'server',
    home: config.home,
    file: HOME.serverFile,
    log: SERVER_LOG,
    command: path,
    args,
    environment: withoutSecrets(config),
    port,
    isKept,
  }).catch((error: Error) => {
    throw new CommandFailure(1, `${path} cannot be run: ${error.message}`, 'set MUSTER_TEMPORAL_BINARY');
  });
}

/** undefined once it answers for the namespace; else what it did instead. */
async function waitUntilReady(daemon: Daemon, address: string): Promise<string | undefined> {
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if (!daemon.isAlive) return 'the server ended as soon as it had started';
    try {
      const connection = await connectEmbedded(address, 1_000);
      try {
        await keepLonger(connection);
        await addSearchAttributes(connection, NAMESPACE);
        // On a port that someone else took in between, someone else answers.
        if (daemon.isAlive) return undefined;
      } finally {
        await connection.close();
      }
    } catch {
      await delay(20);
    }
  }
  return `the server does not answer on ${address} after ${READY_MS / 1_000} s`;
}

async function keepLonger({ workflowService }: Connection): Promise<void> {
  const { config } = await workflowService.describeNamespace({ namespace: NAMESPACE });
  if (Number(config?.workflowExecutionRetentionTtl?.seconds) === RETENTION_DAYS * 86_400) return;
  await workflowService.updateNamespace({
    namespace: NAMESPACE,
    config: { workflowExecutionRetentionTtl: msToTs(RETENTION_DAYS * 86_400_000) },
  });
}
