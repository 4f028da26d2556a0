import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { openStore } from '../../activities/artifacts/open-store.ts';
import type { ArtifactStore } from '../../activities/artifacts/store.ts';
import { fingerprint } from '../../activities/claude/endpoint.ts';
import { dataConverterOf } from '../../activities/encryption/data-converter.ts';
import { HOME } from '../../workflows/contract/home.ts';
import { agentsQueue } from '../../workflows/contract/ids.ts';
import type { ClaudeAccess, Config } from '../config.ts';
import { CommandFailure } from '../cli/context.ts';
import { isServing, writeState } from './daemon.ts';
import { VERSION } from './entries.ts';
import { lastDown } from './down.ts';
import { createHome } from './home.ts';
import { handsOnTraces } from '../tracing.ts';
import { withLock } from './lock.ts';
import { boundLog } from './log-file.ts';
import { ENTRIES, type Place } from './place.ts';
import { isFresh, readPolls } from './pollers.ts';
import { EMBEDDED, retriesOutliveClosing } from './connection-options.ts';
import { connectEmbedded, NAMESPACE, readServer, SERVER_LOG, startServer } from './server.ts';
import { findSimulated, SIMULATED_LOG, startSimulated } from './simulated.ts';
import type { Stack } from './stack.ts';
import {
  endWorkers,
  hasFittingWorker,
  hasWorker,
  startWorker,
  workerLog,
  workerName,
  type TemporalTarget,
} from './worker.ts';

/** Workers of others are asked after this often. */
const LOOK_AGAIN_MS = 15_000;
/** gRPC's code. */
const NOT_FOUND = 5;

export interface StackOptions {
  /** One line of talk for stderr. */
  onProgress: (line: string) => void;
  /** False: nothing is started, and calls on the client fail while no server runs. Default true. */
  needsServer?: boolean;
  /** What is started stays until `muster down`. Default false: until it is idle. */
  isKept?: boolean;
  /** Port of Temporal's UI, when the server has to be started. */
  uiPort?: number;
  /** Other programs as worker and simulated Claude. */
  entries?: Place['entries'];
}

/**
 * Creates the home where there is none, brings up the embedded server unless `TEMPORAL_ADDRESS` names another, and
 * connects. Closing it ends no daemon. Throws `CommandFailure`.
 */
export async function openStack(config: Config, options: StackOptions): Promise<Stack> {
  createHome(config.home);
  const { onProgress, isKept = false, entries = ENTRIES } = options;
  const place: Place = { config, onProgress, isKept, entries };
  const store = await openStore(config.artifacts);
  const target = await reach(place, options);
  return new LocalStack(place, store, target);
}

/** For whoever changes what runs in this home, which exists; not re-entrant. */
export function withHomeLock<T>(home: string, onProgress: (line: string) => void, work: () => Promise<T>): Promise<T> {
  return withLock(join(home, HOME.run, 'lock'), work, (pid) =>
    onProgress(`waiting for process ${pid}, which starts or ends what runs in ${home}`),
  );
}

class LocalStack implements Stack {
  readonly home: string;
  readonly store: ArtifactStore;
  client: Client;
  readonly #place: Place;
  #target: TemporalTarget;
  /** What `ensureWorker` was asked for, by fingerprint, and so what `mend` looks after. */
  readonly #ensured = new Map<string, ClaudeAccess>();
  /** When others were last seen to serve a queue, by fingerprint. */
  readonly #seenServed = new Map<string, number>();
  #mending: Promise<void> | undefined;
  readonly #downAtOpening: string;

  constructor(place: Place, store: ArtifactStore, target: TemporalTarget) {
    this.#place = place;
    this.home = place.config.home;
    this.store = store;
    this.#target = target;
    this.client = clientOf(place, target);
    this.#downAtOpening = lastDown(this.home);
  }

  async ensureWorker(access: ClaudeAccess): Promise<string> {
    try {
      return await this.#ensureWorker(access);
    } catch (error) {
      // The server ended meanwhile: killed, or idle until now.
      if (this.#place.config.temporal || isServing(readServer(this.home))) throw error;
      await this.mend();
      return this.#ensureWorker(access);
    }
  }

  async #ensureWorker(given: ClaudeAccess): Promise<string> {
    const access = given.isSimulated ? { ...given, baseUrl: await ensureSimulated(this.#place) } : given;
    const name = fingerprint(access);
    const queue = agentsQueue(name);
    if (!(await this.#isServed(name, hasFittingWorker))) {
      await withHomeLock(this.home, this.#place.onProgress, async () => {
        if (!(await this.#isServed(name, hasFittingWorker))) await startWorker(this.#place, access, name, this.#target);
      });
    }
    this.#ensured.set(name, given);
    return queue;
  }

  mend(): Promise<void> {
    this.#mending ??= this.#mend().finally(() => (this.#mending = undefined));
    return this.#mending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mending?.catch(() => undefined);
    await this.#target.connection.close();
  }

  async #mend(): Promise<void> {
    const workerLogs = [...this.#ensured.keys()].map((name) => workerLog(workerName(this.#place, name)));
    for (const log of [SERVER_LOG, SIMULATED_LOG, ...workerLogs]) boundLog(join(this.home, log));
    if (!this.#place.config.temporal) await this.#mendServer();
    for (const [name, access] of [...this.#ensured]) {
      const isBacked = !access.isSimulated || findSimulated(this.home) !== undefined;
      // Two commands of different operators' configurations must not replace each other's worker for ever.
      if (isBacked && (await this.#isServed(name, hasWorker))) continue;
      this.#respectDown();
      const queue = await this.#ensureWorker(access);
      // A simulated Claude that had to take another port goes by another name.
      if (queue !== agentsQueue(name)) this.#ensured.delete(name);
    }
  }

  async #mendServer(): Promise<void> {
    if (!isServing(readServer(this.home))) {
      this.#respectDown();
      await ensureServer(this.#place);
    }
    // It may be another command that moved it.
    if (readServer(this.home)?.address === this.#target.address) return;
    const old = this.#target.connection;
    this.#target = await embeddedTarget(this.#place);
    // Whoever holds the old client sees its calls fail, and takes the new one.
    this.client = clientOf(this.#place, this.#target);
    await old.close();
  }

  /** What a person ended by hand stays ended. */
  #respectDown(): void {
    if (lastDown(this.home) !== this.#downAtOpening)
      throw new CommandFailure(1, '`muster down` ended what ran here', 'the fleet goes on with `muster watch @latest`');
  }

  /** Embedded, only our own workers count; elsewhere anybody's do. */
  async #isServed(name: string, has: typeof hasWorker): Promise<boolean> {
    if (has(this.#place, name)) return true;
    if (!this.#place.config.temporal) return false;
    if (performance.now() - (this.#seenServed.get(name) ?? -Infinity) < LOOK_AGAIN_MS) return true;
    const { connection, namespace } = this.#target;
    const isServed = isFresh(await readPolls(connection, namespace, agentsQueue(name)));
    if (isServed) this.#seenServed.set(name, performance.now());
    return isServed;
  }
}

function clientOf({ config }: Place, { connection, namespace }: TemporalTarget): Client {
  const dataConverter = dataConverterOf(config.operator.encryptionKeys);
  return new Client({ connection, namespace, dataConverter, interceptors: { workflow: [handsOnTraces] } });
}

async function reach(place: Place, { needsServer = true, uiPort }: StackOptions): Promise<TemporalTarget> {
  const { config } = place;
  if (config.temporal) return connectElsewhere(config.temporal);
  if (needsServer) return embeddedTarget(place, uiPort);
  const server = readServer(config.home);
  // While none runs calls must fail: on Temporal's usual port someone else's server may listen.
  const address = (isServing(server) && server.address) || '127.0.0.1:1';
  const connection = Connection.lazy({ ...EMBEDDED, address });
  return { connection, address, namespace: NAMESPACE };
}

async function connectElsewhere(temporal: NonNullable<Config['temporal']>): Promise<TemporalTarget> {
  const { address, namespace, connection: options } = temporal;
  const given = { ...options, connectTimeout: 5_000, interceptors: retriesOutliveClosing };
  const connection = await Connection.connect(given).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    const hint = 'check TEMPORAL_ADDRESS and its TLS and key';
    throw new CommandFailure(1, `no Temporal answers at ${address}: ${why}`, hint);
  });
  if (await hasNamespace(connection, namespace)) return { connection, address, namespace };
  await connection.close();
  throw new CommandFailure(
    2,
    `TEMPORAL_NAMESPACE: Temporal at ${address} has no namespace ${namespace}`,
    `name one that it has, or make it: temporal operator namespace create -n ${namespace}`,
  );
}

/** A server whose database is away for a moment knows of none either; whoever may not ask is believed. */
async function hasNamespace({ workflowService }: Connection, namespace: string): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      await workflowService.describeNamespace({ namespace });
      return true;
    } catch (error) {
      if ((error as { code?: number }).code !== NOT_FOUND) return true;
      if (attempt === 3) return false;
      await delay(1_000);
    }
  }
}

/** Brings up the server and connects; one that was just ending is waited for and started again. */
async function embeddedTarget(place: Place, uiPort?: number): Promise<TemporalTarget> {
  for (let attempt = 1; ; attempt++) {
    const address = await ensureServer(place, uiPort);
    try {
      return { connection: await connectEmbedded(address), address, namespace: NAMESPACE };
    } catch {
      if (attempt < 3) continue;
      throw new CommandFailure(1, `the server runs but does not answer on ${address}`, 'end it with `muster down`');
    }
  }
}

/** The address of the embedded server, which serves once this resolves. */
async function ensureServer(place: Place, uiPort?: number): Promise<string> {
  const { home } = place.config;
  const fits = (): string | null => {
    const state = readServer(home);
    return isServing(state) && (!place.isKept || state.isKept) ? state.address : null;
  };
  return (
    fits() ??
    (await withHomeLock(home, place.onProgress, async () => {
      const found = readServer(home);
      if (isServing(found) && found.address) {
        // By hand now: it no longer ends with the idle worker of a `run`.
        if (place.isKept && !found.isKept) writeState(home, HOME.serverFile, { ...found, isKept: true });
        return found.address;
      }
      // One of another version is replaced, and one on a taken port moves: the workers of either can go no further.
      if (found && found.version !== VERSION) await endWorkers(home);
      const started = await startServer(place, uiPort);
      if (found?.address && started.address !== found.address) await endWorkers(home);
      return started.address!;
    }))
  );
}

async function ensureSimulated(place: Place): Promise<string> {
  const { home } = place.config;
  return (
    findSimulated(home) ??
    (await withHomeLock(home, place.onProgress, async () => findSimulated(home) ?? startSimulated(place)))
  );
}
