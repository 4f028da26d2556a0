import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { DYNAMIC_CONFIG } from '../../client/local/server.ts';

/** A port nobody listens on; it may be taken before it is used, so callers start at once. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A Temporal dev server of the test's own, with the embedded one's settings, on a database that survives `kill`. */
export class TemporalServer {
  readonly address: string;
  private readonly directory: string;
  private readonly port: number;
  private readonly binary: string;
  private process: ChildProcess | undefined;

  private constructor(binary: string, directory: string, port: number) {
    this.binary = binary;
    this.directory = directory;
    this.port = port;
    this.address = `127.0.0.1:${port}`;
  }

  static async start(binary = process.env['MUSTER_TEMPORAL_BINARY'] ?? 'temporal'): Promise<TemporalServer> {
    const server = new TemporalServer(binary, await mkdtemp(join(tmpdir(), 'muster-temporal-')), await freePort());
    await server.launch();
    return server;
  }

  async launch(): Promise<void> {
    const args = ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(this.port)];
    args.push('--db-filename', join(this.directory, 'temporal.db'), '--log-level', 'never');
    args.push('--sqlite-pragma', 'synchronous=off');
    for (const [key, value] of Object.entries(DYNAMIC_CONFIG)) args.push('--dynamic-config-value', `${key}=${value}`);
    this.process = spawn(this.binary, args, { stdio: 'ignore' });
    await this.ready();
  }

  /** Where its database lies. */
  get data(): string {
    return this.directory;
  }

  /** The process id, for `/proc` and signals of the test's own. */
  get pid(): number {
    return this.process!.pid!;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { process } = this;
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, 'exit');
    process.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        const connection = await Connection.connect({ address: this.address, connectTimeout: 1_000 });
        await connection.workflowService.describeNamespace({ namespace: 'default' });
        return await connection.close();
      } catch (error) {
        if (attempt > 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}
