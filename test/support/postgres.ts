import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { appendFile, chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LOOPBACK, type Host } from './host.ts';

const run = promisify(execFile);
/** Debian keeps them off PATH, one directory a version. */
const BINARIES = globSync('/usr/lib/postgresql/*/bin').sort().at(-1);

export const hasPostgres = BINARIES !== undefined;

/** A PostgreSQL server of the test's own, on data that survives `kill`. As root it runs as the user `postgres`. */
export class Postgres implements AsyncDisposable {
  readonly host: Host;
  readonly port: number;
  readonly directory: string;
  readonly user = 'temporal';
  #process: ChildProcess | undefined;

  private constructor(host: Host, port: number, directory: string) {
    this.host = host;
    this.port = port;
    this.directory = directory;
  }

  static async start(host: Host = LOOPBACK): Promise<Postgres> {
    const directory = await mkdtemp(join(tmpdir(), 'muster-postgres-'));
    if (process.getuid?.() === 0) await chown(directory, ...(await owner()));
    const postgres = new Postgres(host, await host.port(), join(directory, 'data'));
    const args = ['-D', postgres.directory, '-U', postgres.user, '--auth=trust', '-E', 'UTF8', '--no-sync'];
    await run(...unprivileged(join(BINARIES!, 'initdb'), args), { cwd: '/' });
    await appendFile(join(postgres.directory, 'pg_hba.conf'), 'host all all 0.0.0.0/0 trust\n');
    await postgres.launch();
    return postgres;
  }

  /** Resolves when it answers. */
  async launch(): Promise<void> {
    const { host, port, directory } = this;
    // A process that is killed loses nothing without a sync to disk; a machine would.
    const settings = ['fsync=off', 'max_connections=200', 'unix_socket_directories='].flatMap((one) => ['-c', one]);
    const args = ['-D', directory, '-h', host.address, '-p', port.toString(), ...settings];
    this.#process = spawn(...host.on(...unprivileged(join(BINARIES!, 'postgres'), args)), {
      cwd: '/',
      stdio: 'ignore',
    });
    const ready = ['-h', host.address, '-p', port.toString(), '-q'];
    for (;;) {
      if (this.#process.exitCode !== null)
        throw new Error(`PostgreSQL ended with ${this.#process.exitCode.toString()}`);
      if (await succeeds(...host.on(join(BINARIES!, 'pg_isready'), ready))) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Without a checkpoint, as a crash would; resolves when all of its processes are gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGQUIT'); // "immediate shutdown"
    await gone;
  }

  /** The process id of the one that starts all others, for `/proc`. */
  get pid(): number {
    return this.#process!.pid!;
  }

  /** One statement in one database; its rows as lines, columns parted by `|`. */
  async query(database: string, sql: string): Promise<string[]> {
    const args = ['-h', this.host.address, '-p', this.port.toString(), '-U', this.user, '-d', database, '-Atc', sql];
    const { stdout } = await run(...this.host.on(join(BINARIES!, 'psql'), args), { maxBuffer: 1 << 28 });
    return stdout.split('\n').filter(Boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(join(this.directory, '..'), { recursive: true, force: true });
  }
}

function unprivileged(command: string, args: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [command, [...args]];
  return ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', command, ...args]];
}

/** The numbers of the user `postgres`: those of its home. */
async function owner(): Promise<[number, number]> {
  const { uid, gid } = await stat('/var/lib/postgresql');
  return [uid, gid];
}

const succeeds = (command: string, args: string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  );
