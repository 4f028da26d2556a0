import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { JournalEntry, SimulatedStats } from '../../client/simulated/journal.ts';
import { hasNetworks, Network, type NetworkHost } from './host.ts';
import { ended, type Ran } from './muster-process.ts';
import { Postgres } from './postgres.ts';
import { installedKinds, S3Server } from './s3-server.ts';
import { missingForPostgres, TemporalOnPostgres } from './temporal-on-postgres.ts';

const MUSTER = fileURLToPath(new URL('../../bin/muster.js', import.meta.url));
const SIMULATED = fileURLToPath(new URL('../../client/simulated/main.ts', import.meta.url));
const API_KEY = 'sk-ant-api03-key-of-a-cluster-of-hosts-Vx3LpQ9t';
const HEALTH = 9_090;
const CLAUDE = 8_080;

/** What a cluster of hosts needs and is not here; empty: it can be had. */
export async function missingForHosts(): Promise<string[]> {
  return [
    ...((await hasNetworks()) ? [] : ['network namespaces: root and iproute2']),
    ...missingForPostgres(),
    ...(installedKinds().installed.length > 0 ? [] : ['an S3 server: minio or versitygw']),
  ];
}

export interface HostClusterOptions {
  workers: number;
  /** More of each worker's environment. */
  env?: Record<string, string>;
  role?: 'all' | 'subagent';
}

/**
 * What a platform team runs: Temporal on PostgreSQL, an S3 server and (simulated) Claude on one host, each worker on one
 * of its own, with an address and a home of its own and no disk in common, and a user's machine with nothing but `muster`.
 */
export class HostCluster implements AsyncDisposable {
  readonly temporal: TemporalOnPostgres;
  readonly s3: S3Server;
  readonly workers: WorkerHost[] = [];
  readonly #directory: string;
  readonly #network: Network;
  readonly #core: NetworkHost;
  readonly #user: NetworkHost;
  readonly #claude: ChildProcess;
  readonly #options: HostClusterOptions;

  private constructor(
    directory: string,
    network: Network,
    hosts: { core: NetworkHost; user: NetworkHost },
    parts: { temporal: TemporalOnPostgres; s3: S3Server; claude: ChildProcess },
    options: HostClusterOptions,
  ) {
    this.#directory = directory;
    this.#network = network;
    this.#core = hosts.core;
    this.#user = hosts.user;
    this.temporal = parts.temporal;
    this.s3 = parts.s3;
    this.#claude = parts.claude;
    this.#options = options;
  }

  static async start(options: HostClusterOptions): Promise<HostCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'muster-hosts-'));
    await mkdir(join(directory, 'work'));
    const { network, core } = await Network.create();
    const user = await network.addHost();
    const journal = ['--journal', join(directory, 'journal.jsonl')];
    const claude = spawn(
      ...core.on(process.execPath, [SIMULATED, '--host', core.address, '--port', CLAUDE.toString(), ...journal]),
      { stdio: 'ignore' },
    );
    const [temporal, s3] = await Promise.all([
      Postgres.start(core).then((postgres) => TemporalOnPostgres.start(postgres)),
      S3Server.start({ host: core }),
    ]);
    const cluster = new HostCluster(directory, network, { core, user }, { temporal, s3, claude }, options);
    await Promise.all(Array.from({ length: options.workers }, () => cluster.addWorker()));
    return cluster;
  }

  /** On a host of its own; resolves once it is ready. */
  async addWorker(): Promise<WorkerHost> {
    const host = await this.#network.addHost();
    const home = await mkdtemp(join(this.#directory, 'worker-'));
    const worker = new WorkerHost(host, home, { ...this.#environment(home), ...this.#options.env }, this.#options.role);
    this.workers.push(worker);
    await worker.launch();
    return worker;
  }

  async write(name: string, content: string): Promise<void> {
    await writeFile(join(this.#directory, 'work', name), content);
  }

  /** `muster` on the user's machine. */
  async muster(...args: string[]): Promise<Ran> {
    const env = { ...this.#environment(join(this.#directory, 'user')), NO_COLOR: '1' };
    const [command, all] = this.#user.on(process.execPath, [MUSTER, ...args]);
    const child = spawn(command, all, { cwd: join(this.#directory, 'work'), env });
    child.stdin.end();
    return ended(child);
  }

  /** What the provider counted. */
  async claude(): Promise<SimulatedStats> {
    const response = await fetch(`http://${this.#core.address}:${CLAUDE.toString()}/__simulated/stats`);
    return (await response.json()) as SimulatedStats;
  }

  /** Every call the provider answered or cut. */
  async journal(): Promise<JournalEntry[]> {
    await delay(200); // it writes at most 50 ms late
    const lines = readFileSync(join(this.#directory, 'journal.jsonl'), 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as JournalEntry);
  }

  /** Resolves once the provider's counts are so. */
  async until(condition: (stats: SimulatedStats) => boolean): Promise<SimulatedStats> {
    for (;;) {
      const stats = await this.claude().catch(() => undefined);
      if (stats && condition(stats)) return stats;
      await delay(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#claude.kill('SIGKILL');
    await Promise.all(this.workers.map(({ host }) => host.kill()));
    await Promise.all([this.temporal[Symbol.asyncDispose](), this.s3.stop()]);
    await this.#network[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #environment(home: string): Record<string, string> {
    return {
      PATH: process.env['PATH']!,
      HOME: home,
      MUSTER_HOME: join(home, 'home'),
      MUSTER_ARTIFACTS: this.s3.url,
      ...this.s3.environment,
      TEMPORAL_ADDRESS: this.temporal.address,
      ANTHROPIC_BASE_URL: `http://${this.#core.address}:${CLAUDE.toString()}`,
      ANTHROPIC_API_KEY: API_KEY,
    };
  }
}

/** A worker alone on its host. */
export class WorkerHost {
  readonly host: NetworkHost;
  readonly #home: string;
  readonly #environment: Record<string, string>;
  readonly #role: string;
  #process: ChildProcess | undefined;

  constructor(host: NetworkHost, home: string, environment: Record<string, string>, role = 'all') {
    this.host = host;
    this.#home = home;
    this.#environment = environment;
    this.#role = role;
  }

  get lines(): string {
    return readFileSync(join(this.#home, 'log'), 'utf8');
  }

  /** Starts it, or a new one after its end; resolves once it is ready. */
  async launch(): Promise<void> {
    const log = openSync(join(this.#home, 'log'), 'a');
    const listen = `${this.host.address}:${HEALTH.toString()}`;
    const args = [MUSTER, 'worker', '--role', this.#role, '--listen', listen];
    const [command, all] = this.host.on(process.execPath, args);
    this.#process = spawn(command, all, { env: this.#environment, cwd: this.#home, stdio: ['ignore', log, log] });
    while (!(await this.isReady())) {
      if (this.#process.exitCode !== null) throw new Error(`the worker ended: ${this.lines.slice(-2_000)}`);
      await delay(100);
    }
  }

  async isReady(): Promise<boolean> {
    const url = `http://${this.host.address}:${HEALTH.toString()}/readyz`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    return answer?.ok === true;
  }

  /** SIGTERM; resolves with its exit code. */
  async drain(): Promise<number | null> {
    const gone = once(this.#process!, 'exit');
    this.#process!.kill('SIGTERM');
    await gone;
    return this.#process!.exitCode;
  }
}
