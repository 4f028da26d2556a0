import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { goBinary } from './go-binary.ts';
import type { Postgres } from './postgres.ts';
import { hasPostgres } from './postgres.ts';

const run = promisify(execFile);

/** As every deployment file sets it: fairness and the room a cluster needs. */
const DYNAMIC_CONFIG = `
matching.enableFairness: [{ value: true }]
matching.numTaskqueueWritePartitions: [{ value: 1 }]
frontend.namespaceRPS.visibility: [{ value: 200 }]
limit.maxIDLength: [{ value: 255 }]
frontend.WorkerHeartbeatsEnabled: [{ value: true }]
system.forceSearchAttributesCacheRefreshOnRead: [{ value: true }]
`;

/** What a Temporal server on PostgreSQL needs and is not here; empty: it can be started. */
export function missingForPostgres(): string[] {
  return [
    ...(hasPostgres ? [] : ['postgresql']),
    ...(goBinary('server') ? [] : ['go.temporal.io/server/cmd/server']),
    ...(goBinary('sql') ? [] : ['go.temporal.io/server/cmd/tools/sql']),
  ];
}

/** A Temporal server as clusters have it, its own schema tool having made its databases. */
export class TemporalOnPostgres implements AsyncDisposable {
  readonly postgres: Postgres;
  readonly address: string;
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;

  private constructor(postgres: Postgres, directory: string, ports: readonly number[]) {
    const { host, user, port } = postgres;
    this.postgres = postgres;
    this.#directory = directory;
    this.address = `${host.address}:${ports[0]!.toString()}`;
    const names = ['FRONTEND_GRPC', 'FRONTEND_HTTP', 'FRONTEND_MEMBERSHIP', 'HISTORY_GRPC', 'HISTORY_MEMBERSHIP'];
    names.push('MATCHING_GRPC', 'MATCHING_MEMBERSHIP', 'WORKER_GRPC', 'WORKER_MEMBERSHIP');
    this.#environment = {
      PATH: process.env['PATH'],
      HOME: directory,
      ...Object.fromEntries(names.map((name, i) => [`${name}_PORT`, ports[i]!.toString()])),
      DB: 'postgres12',
      POSTGRES_SEEDS: host.address,
      DB_PORT: port.toString(),
      POSTGRES_USER: user,
      POSTGRES_PWD: 'any',
      DBNAME: 'temporal',
      VISIBILITY_DBNAME: 'temporal_visibility',
      NUM_HISTORY_SHARDS: '64',
      BIND_ON_IP: host.address,
      LOG_LEVEL: 'warn',
      DYNAMIC_CONFIG_FILE_PATH: join(directory, 'dynamic.yaml'),
    };
  }

  /** On the host of `postgres`, which it owns from here on. Takes some seconds. */
  static async start(postgres: Postgres): Promise<TemporalOnPostgres> {
    const directory = await mkdtemp(join(tmpdir(), 'muster-temporal-'));
    await writeFile(join(directory, 'dynamic.yaml'), DYNAMIC_CONFIG);
    const ports: number[] = [];
    while (ports.length < 9) ports.push(await postgres.host.port());
    const server = new TemporalOnPostgres(postgres, directory, ports);
    await Promise.all([server.#makeSchema('temporal'), server.#makeSchema('visibility')]);
    await server.launch();
    return server;
  }

  async launch(): Promise<void> {
    const log = openSync(join(this.#directory, 'server.log'), 'a');
    const [command, args] = this.postgres.host.on(goBinary('server')!, ['start']);
    this.#process = spawn(command, args, { env: this.#environment, cwd: this.#directory, stdio: ['ignore', log, log] });
    await this.#untilNamespace();
  }

  get log(): string {
    return join(this.#directory, 'server.log');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** The process id, for `/proc`. */
  get pid(): number {
    return this.#process!.pid!;
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.postgres[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #lastWords(): Promise<string> {
    return `Temporal does not serve: ${(await readFile(this.log, 'utf8')).slice(-2_000)}`;
  }

  async #makeSchema(kind: 'temporal' | 'visibility'): Promise<void> {
    const { host, port, user } = this.postgres;
    const database = kind === 'temporal' ? 'temporal' : 'temporal_visibility';
    const where = ['--ep', host.address, '-p', port.toString(), '-u', user, '--pl', 'postgres12', '--db', database];
    const sql = (...args: string[]) => run(...host.on(goBinary('sql')!, [...where, ...args]));
    await sql('create');
    await sql('setup-schema', '-v', '0.0');
    await sql('update-schema', '--schema-name', `postgresql/v12/${kind}`);
  }

  /** Serves once its namespace does, which a new cluster needs some seconds for. */
  async #untilNamespace(): Promise<void> {
    const temporal = (...args: string[]) =>
      run(...this.postgres.host.on(goBinary('temporal')!, [...args, '--address', this.address]), { timeout: 10_000 });
    const deadline = performance.now() + 120_000;
    for (;;) {
      try {
        await temporal('operator', 'namespace', 'describe', '-n', 'default');
        await temporal('workflow', 'count');
        return;
      } catch (error) {
        const { exitCode } = this.#process!;
        if (exitCode !== null || performance.now() > deadline)
          throw new Error(await this.#lastWords(), { cause: error });
        await temporal('operator', 'namespace', 'create', '-n', 'default').catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
}
