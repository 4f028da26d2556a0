import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { HOME } from '../../workflows/contract/home.ts';
import { agentsQueue } from '../../workflows/contract/ids.ts';
import type { ClaudeAccess, Config, Environment } from '../config.ts';
import { CommandFailure } from '../cli/context.ts';
import { Daemon, endProcess, isServing, readState, removeState, type DaemonState } from './daemon.ts';
import { VERSION } from './entries.ts';
import { missingVariables, operatorEnvironment, operatorFingerprint } from './operator.ts';
import { nodeEnvironment, type Place } from './place.ts';
import { hasNewer, readPolls } from './pollers.ts';

/** A drain hands every subagent over within seconds (limits.ts: HAND_BACK_GRACE_MS) and stores what it has. */
export const DRAIN_MS = 30_000;
const READY_MS = 60_000;

/** The Temporal a worker works for. */
export interface TemporalTarget {
  connection: Connection;
  address: string;
  namespace: string;
}

export const workerLog = (name: string): string => `${HOME.logs}/worker-${name}.log`;

/** By which a home knows its worker for a fingerprint: one for the embedded server, one for each other Temporal. */
export function workerName({ config: { temporal } }: Place, fingerprint: string): string {
  if (!temporal) return fingerprint;
  const where = createHash('sha256').update(`${temporal.address}/${temporal.namespace}`).digest('hex');
  return `${fingerprint}-${where.slice(0, 6)}`;
}

/** Whether the home's own worker for this access runs, of whatever operator's configuration. Under a millisecond. */
export function hasWorker(place: Place, fingerprint: string): boolean {
  return servingState(place, fingerprint) !== undefined;
}

/** Whether it runs with the configuration the operator gives now. */
export function hasFittingWorker(place: Place, fingerprint: string): boolean {
  return servingState(place, fingerprint)?.operator === operatorOf(place);
}

function servingState(place: Place, fingerprint: string): DaemonState | undefined {
  const state = readState(place.config.home, HOME.workerFile(workerName(place, fingerprint)));
  return isServing(state) && (!place.isKept || state.isKept === true) ? state : undefined;
}

/** The store it works on included: a worker on another one would look for its fleets' tasks in vain. */
function operatorOf({ config }: Place): string {
  const operator = operatorFingerprint(config.operator, config.environment);
  const store = JSON.stringify([config.artifacts, Object.entries(storeEnvironment(config)).toSorted()]);
  return `${operator}-${createHash('sha256').update(store).digest('hex').slice(0, 8)}`;
}

/** What opens a store on S3, and what no other process of ours is told. */
function storeEnvironment({ artifacts, environment }: Config): Environment {
  if (!artifacts.startsWith('s3:')) return {};
  return Object.fromEntries(Object.entries(environment).filter(([key]) => key.startsWith('AWS_')));
}

/** All workers of the home that have a file, with their names. */
export function listWorkers(home: string): { name: string; state: DaemonState }[] {
  let names: string[] = [];
  try {
    names = readdirSync(`${home}/${HOME.run}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return names.flatMap((file) => {
    const name = /^worker-([\w-]+)\.json$/.exec(file)?.[1];
    const state = name && readState(home, HOME.workerFile(name));
    return name && state ? [{ name, state }] : [];
  });
}

/**
 * Starts a worker for this access and resolves once it polls; the caller holds the home's lock and has seen that none
 * serves. One of another version or of another configuration, or one half started, is drained first. Throws
 * `CommandFailure` with the end of its log when it died instead, and 2 when the operator's configuration cannot be met.
 */
export async function startWorker(
  place: Place,
  access: ClaudeAccess,
  fingerprint: string,
  target: TemporalTarget,
): Promise<void> {
  const { config, onProgress, isKept } = place;
  const name = workerName(place, fingerprint);
  const file = HOME.workerFile(name);
  const missing = missingVariables(config.operator, config.environment);
  if (missing.length > 0)
    throw new CommandFailure(2, `mcpServers names ${missing.join(', ')}, which is not set`, 'set these variables');
  const old = readState(config.home, file);
  const operator = operatorOf(place);
  if (isServing(old) && old.operator !== operator) onProgress('draining the worker of another configuration');
  if (old && old.version !== VERSION) onProgress(`draining the worker of muster ${old.version}`);
  if (old) await endProcess(old, DRAIN_MS);
  const queue = agentsQueue(fingerprint);
  const before = await readPolls(target.connection, target.namespace, queue);
  onProgress('starting a worker');
  const daemon = await Daemon.start({
    kind: 'worker',
    home: config.home,
    file,
    log: workerLog(name),
    command: process.execPath,
    args: [place.entries.worker, 'worker', '--role', 'all'],
    environment: workerEnvironment(place, access, target),
    port: null,
    isKept,
    operator,
  });
  const deadline = performance.now() + READY_MS;
  while (!hasNewer(await readPolls(target.connection, target.namespace, queue), before)) {
    const isLate = performance.now() > deadline;
    if (isLate) await daemon.kill();
    if (isLate || !daemon.isAlive) {
      const what = isLate ? `did not ask for work within ${READY_MS / 1_000} s` : 'ended as soon as it had started';
      throw new CommandFailure(1, `the worker ${what}; ${daemon.lastWords()}`);
    }
    await delay(20);
  }
  daemon.ready(null);
}

/** Drains and ends all workers of the home; resolves with how each ended. */
export async function endWorkers(home: string): Promise<{ pid: number; how: 'gone' | 'ended' | 'killed' }[]> {
  return Promise.all(
    listWorkers(home).map(async ({ name, state }) => {
      const how = await endProcess(state, DRAIN_MS);
      removeState(home, HOME.workerFile(name));
      return { pid: state.pid, how };
    }),
  );
}

function workerEnvironment({ config, isKept }: Place, access: ClaudeAccess, target: TemporalTarget): Environment {
  return {
    ...nodeEnvironment(config),
    ...(access.isSimulated ? {} : proxyEnvironment(config.environment)),
    ...config.temporal?.variables,
    ...storeEnvironment(config),
    ...operatorEnvironment(config.operator, config.home),
    MUSTER_ARTIFACTS: config.artifacts,
    MUSTER_PRICES: config.prices,
    MUSTER_SIMULATED: access.isSimulated ? '1' : undefined,
    MUSTER_IDLE_EXIT_MS: isKept ? undefined : String(config.idleExitMs),
    TEMPORAL_ADDRESS: target.address,
    TEMPORAL_NAMESPACE: target.namespace,
    // It is no build of a deployment: one that nobody made current would be given no workflow.
    TEMPORAL_WORKER_BUILD_ID: undefined,
    ANTHROPIC_BASE_URL: access.baseUrl,
    ANTHROPIC_API_KEY: access.apiKey,
    ANTHROPIC_AUTH_TOKEN: access.authToken,
  };
}

/** Node looks at proxy variables only when told to; what runs on this machine is never behind one. */
function proxyEnvironment(environment: Environment): Environment {
  const isSet = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].some((key) => environment[key]);
  if (!isSet) return {};
  const except = [environment['NO_PROXY'] ?? environment['no_proxy'], '127.0.0.1', 'localhost', '::1'];
  return { NODE_USE_ENV_PROXY: '1', NO_PROXY: except.filter(Boolean).join(',') };
}
