import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DiskStore } from '../../activities/artifacts/disk-store.ts';
import { fingerprint } from '../../activities/claude/endpoint.ts';
import { dataConverterOf } from '../../activities/encryption/data-converter.ts';
import { encryptionKeysText, type EncryptionKey } from '../../activities/encryption/keys.ts';
import { snapshotDirectory } from '../../activities/workspace/snapshot.ts';
import { createWorkspaces } from '../../activities/workspace/workspaces.ts';
import { retriesOutliveClosing } from '../../client/local/connection-options.ts';
import { FleetClient } from '../../client/fleet-client/fleet-client.ts';
import type { Placement } from '../../client/fleet-client/submit.ts';
import type { Stack } from '../../client/local/stack.ts';
import { startSimulatedClaude, type SimulatedClaude, type SimulatedOptions } from '../../client/simulated/server.ts';
import type { JournalEntry } from '../../client/simulated/journal.ts';
import { readConfig } from '../../client/config.ts';
import type { FleetSource, StartOptions } from '../../client/library/library.ts';
import { runEligible } from '../../client/spec/eligible.ts';
import { planOf } from '../../client/spec/plan-of.ts';
import type { FleetPlan, PlannedTask } from '../../client/spec/plan.ts';
import { DEFAULT_MODEL } from '../../workflows/contract/limits.ts';
import { agentsQueue } from '../../workflows/contract/ids.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
import { TemporalServer } from './temporal-server.ts';

const WORKER = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));
const SUPERVISED = fileURLToPath(new URL('../../workers/supervised.ts', import.meta.url));
/** Of every worker; long enough to be searched for in all they leave. */
export const API_KEY = 'sk-ant-api03-key-of-a-test-cluster-Zq7RkX2m';

export interface ClusterOptions {
  workers?: number;
  simulated?: SimulatedOptions;
  /** More environment for the workers. */
  env?: Record<string, string>;
  /** Where the artifact store lies; else below the home. */
  artifacts?: string;
  /** Workers as `muster worker` runs them, under a supervisor; else the worker proper. */
  isSupervised?: boolean;
  /** Of payloads in Temporal, for client and workers. */
  encryptionKeys?: readonly EncryptionKey[];
  /** Instead of a dev server of its own; it is stopped with the cluster. */
  temporal?: TestTemporal;
}

/** Whatever answers as Temporal. */
export interface TestTemporal {
  readonly address: string;
  stop(): Promise<void>;
}

export type TaskOf = Partial<PlannedTask> & { prompt: string };

/** A real Temporal server, real worker processes and a simulated Claude over HTTP, all of the test's own. */
export class Cluster implements AsyncDisposable {
  readonly home: string;
  /** Its dev server; one with another Temporal has none. */
  readonly server: TemporalServer;
  readonly claude: SimulatedClaude;
  readonly workers: WorkerProcess[] = [];
  readonly store: DiskStore;
  readonly fleets: FleetClient;
  private readonly temporal: TestTemporal;
  private readonly connection: Connection;
  private readonly options: ClusterOptions;
  readonly client: Client;

  private constructor(
    parts: Pick<Cluster, 'home' | 'claude' | 'store'> & { temporal: TestTemporal; connection: Connection },
    options: ClusterOptions,
  ) {
    ({ home: this.home, claude: this.claude, store: this.store, temporal: this.temporal } = parts);
    this.server = parts.temporal as TemporalServer;
    this.connection = parts.connection;
    const dataConverter = dataConverterOf(options.encryptionKeys ?? []);
    this.client = new Client({ connection: parts.connection, dataConverter });
    this.options = options;
    const stack: Stack = {
      home: this.home,
      client: this.client,
      store: this.store,
      ensureWorker: async () => this.queue,
      mend: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
    this.fleets = new FleetClient(stack);
  }

  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const home = await mkdtemp(join(tmpdir(), 'muster-cluster-'));
    await mkdir(join(home, 'files'));
    const [temporal, claude, store] = await Promise.all([
      options.temporal ?? TemporalServer.start(),
      startSimulatedClaude({ journal: join(home, 'journal.jsonl'), ...options.simulated }),
      DiskStore.open(options.artifacts ?? join(home, 'artifacts')),
    ]);
    const connection = await Connection.connect({ address: temporal.address, interceptors: retriesOutliveClosing });
    const cluster = new Cluster({ home, temporal, claude, store, connection }, options);
    await Promise.all(Array.from({ length: options.workers ?? 1 }, () => cluster.startWorker()));
    return cluster;
  }

  get queue(): string {
    return agentsQueue(fingerprint({ baseUrl: this.claude.url, apiKey: API_KEY }));
  }

  /** A directory that holds nothing: the workspace of tasks that name none. */
  get files(): string {
    return join(this.home, 'files');
  }

  /** `listen`: HOST:PORT of its health and metrics. */
  async startWorker(
    role = 'all',
    env: Record<string, string> = {},
    listen?: string,
    ...flags: string[]
  ): Promise<WorkerProcess> {
    const keys = encryptionKeysText(this.options.encryptionKeys ?? []);
    const log = join(this.home, `worker-${this.workers.length.toString()}.log`);
    const options = ['--role', role, ...(listen === undefined ? [] : ['--listen', listen]), ...flags];
    const worker = new WorkerProcess(log, options, this.options.isSupervised ?? false, {
      MUSTER_HOME: this.home,
      TEMPORAL_ADDRESS: this.temporal.address,
      ANTHROPIC_BASE_URL: this.claude.url,
      ANTHROPIC_API_KEY: API_KEY,
      ...(this.options.artifacts && { MUSTER_ARTIFACTS: `file://${this.options.artifacts}` }),
      ...(keys && { MUSTER_ENCRYPTION_KEYS: keys }),
      ...this.options.env,
      ...env,
    });
    this.workers.push(worker);
    await worker.isUp();
    return worker;
  }

  async submit(
    tasks: readonly TaskOf[],
    plan: Partial<FleetPlan> = {},
    reuse: 'auto' | 'never' = 'never',
    turns: Pick<Placement, 'team' | 'priority'> = {},
  ) {
    const planned = tasks.map((task, i) => ({ ...this.defaults(i), ...task }));
    const full: FleetPlan = {
      name: 'test',
      source: '-',
      maxConcurrentAgents: 50,
      maxBudgetMicroUsd: null,
      failIf: null,
      warnings: [],
      ...plan,
      tasks: planned,
    };
    return this.submitPlan(full, reuse, turns);
  }

  /** A fleet file, a script or a prompt as the command line would take it, from this cluster's directory. */
  async start(source: FleetSource, options: StartOptions = {}, reuse: 'auto' | 'never' = 'never') {
    const config = readConfig({ HOME: this.home, MUSTER_HOME: this.home }, this.home);
    const plan = await planOf(source, { ...options, cwd: this.files, config });
    return this.submitPlan(await runEligible(plan), reuse);
  }

  private async submitPlan(full: FleetPlan, reuse: 'auto' | 'never', turns: Pick<Placement, 'team' | 'priority'> = {}) {
    const { fleet } = await this.fleets.submit(full, {
      snapshot: (directory) =>
        snapshotDirectory(directory, { store: this.store, cacheDirectory: join(this.home, 'snapshots') }),
      placement: async () => ({ agentsQueue: this.queue, endpoint: 'test', isSimulated: true, reuse, ...turns }),
    });
    return fleet;
  }

  async results(fleet: Pick<FleetRecord, 'id'>): Promise<Result[]> {
    return (await Array.fromAsync(this.fleets.results(fleet.id))).map(({ result }) => result);
  }

  /** Polls the root until `condition`; gives up after `ms`. */
  async until(
    fleet: Pick<FleetRecord, 'id'>,
    condition: (status: FleetStatus) => boolean,
    ms = 120_000,
  ): Promise<FleetStatus> {
    const deadline = Date.now() + ms;
    for (;;) {
      const status = await this.fleets.status(fleet.id);
      if (condition(status)) return status;
      if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(status)} after ${ms.toString()} ms`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Every call the simulated provider answered or cut, as it would bill them. */
  async journal(): Promise<JournalEntry[]> {
    await new Promise((resolve) => setTimeout(resolve, 200)); // it writes at most 50 ms late
    const lines = readFileSync(join(this.home, 'journal.jsonl'), 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as JournalEntry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.kill()));
    await this.connection.close();
    await Promise.all([this.temporal.stop(), this.claude.close()]);
    await createWorkspaces({ directory: join(this.home, 'workspaces'), store: this.store }).sweep(); // of killed workers
    await rm(this.home, { recursive: true, force: true });
  }

  private defaults(i: number): PlannedTask {
    return {
      label: `task-${(i + 1).toString()}`,
      prompt: '',
      context: [],
      model: DEFAULT_MODEL,
      timeoutMs: 600_000,
      stallTimeoutMs: 60_000,
      permissions: { allow: ['Read'], deny: [], mode: 'dontAsk' },
      workspace: { directory: this.files },
      isEligible: true,
      dependsOn: [],
    };
  }
}

/** A worker process, or one under its supervisor. */
export class WorkerProcess {
  readonly log: string;
  private readonly isSupervised: boolean;
  private readonly process: ChildProcess;

  constructor(log: string, options: readonly string[], isSupervised: boolean, env: Record<string, string>) {
    this.log = log;
    this.isSupervised = isSupervised;
    const out = openSync(log, 'a');
    this.process = spawn(process.execPath, [isSupervised ? SUPERVISED : WORKER, 'worker', ...options], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      stdio: ['ignore', out, out],
      detached: true,
    });
  }

  get pid(): number {
    return this.process.pid!;
  }
  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }
  get lines(): string {
    return readFileSync(this.log, 'utf8');
  }

  /** Pids of the worker proper, as they came up one after the other. */
  get pidsUp(): number[] {
    const lines = this.lines.split('\n').filter((line) => line.includes('"worker is up"'));
    return lines.map((line) => (JSON.parse(line) as { pid: number }).pid);
  }

  async isUp(): Promise<void> {
    while (!this.lines.includes('worker is up')) {
      if (!this.isAlive) throw new Error(`the worker died: ${this.lines}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /**
   * Sends `signal` and waits for the end; resolves with the exit code, null after a signal. A supervisor that is killed
   * leaves a worker behind that drains, so by default it is told to end.
   */
  async kill(signal: NodeJS.Signals = this.isSupervised ? 'SIGTERM' : 'SIGKILL'): Promise<number | null> {
    if (!this.isAlive) return this.process.exitCode;
    const gone = once(this.process, 'exit');
    if (signal === 'SIGKILL') this.process.kill('SIGCONT');
    this.process.kill(signal);
    await gone;
    return this.process.exitCode;
  }
}
