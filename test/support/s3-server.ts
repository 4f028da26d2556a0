import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, closeSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { goBinary } from './go-binary.ts';
import { LOOPBACK, type Host } from './host.ts';

/** The servers the artifact store is tried with. */
export const S3_KINDS = ['minio', 'versitygw'] as const;
export type S3Kind = (typeof S3_KINDS)[number];

const READY_MS = 60_000;
const BUCKET = 'muster';
const CREDENTIALS = { accessKeyId: 'muster-test', secretAccessKey: 'muster-test-secret' };

export interface S3ServerOptions {
  /** Default: the first of `S3_KINDS` that is installed. */
  kind?: S3Kind;
  /** Address to listen on, of this host. Default 127.0.0.1; with 0.0.0.0 `endpoint` says 127.0.0.1. */
  listen?: string;
  /** Where it runs, listening on that host's address. Default: here. */
  host?: Host;
}

/** An S3 server of the test's own, with one empty bucket, on data that survives `kill`. */
export class S3Server {
  readonly kind: S3Kind;
  readonly port: number;
  readonly #listen: string;
  readonly #host: Host;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(kind: S3Kind, directory: string, port: number, listen: string, host: Host) {
    this.kind = kind;
    this.port = port;
    this.#listen = listen;
    this.#host = host;
    this.#directory = directory;
  }

  static async start({ kind, host = LOOPBACK, listen = host.address }: S3ServerOptions = {}): Promise<S3Server> {
    const chosen = kind ?? S3_KINDS.find(goBinary);
    if (chosen === undefined) throw new Error(`none of ${S3_KINDS.join(', ')} is installed`);
    const directory = await mkdtemp(join(tmpdir(), 'muster-s3-'));
    await mkdir(join(directory, 'data'));
    const server = new S3Server(chosen, directory, await host.port(), listen, host);
    await server.launch();
    return server;
  }

  /** For clients on this host. */
  get endpoint(): string {
    return `http://${this.#listen === '0.0.0.0' ? '127.0.0.1' : this.#listen}:${this.port}`;
  }

  /** For MUSTER_ARTIFACTS on this host, beside `environment`. */
  get url(): string {
    return this.urlThrough(this.endpoint);
  }

  /** As `url`, for whoever reaches the server by another endpoint: another host, a proxy. `prefix`: a store of its own. */
  urlThrough(endpoint: string, prefix = 'store'): string {
    return `s3://${BUCKET}/${prefix}?endpoint=${endpoint}`;
  }

  /** What a process needs to be let in. */
  get environment(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_REGION: 'us-east-1',
    };
  }

  /** A client of the test's own, for what the store must not do. The caller destroys it. */
  client(): S3Client {
    return new S3Client({
      endpoint: this.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: CREDENTIALS,
      maxAttempts: 1,
    });
  }

  /** Where the server keeps its objects. */
  get data(): string {
    return join(this.#directory, 'data');
  }

  /** The process id, for `/proc` and signals of the test's own. */
  get pid(): number {
    return this.#process!.pid!;
  }

  /** Starts it, or starts it again after `kill`, on the same port and data; resolves once the bucket is there. */
  async launch(): Promise<void> {
    const binary = goBinary(this.kind);
    if (binary === undefined) throw new Error(`${this.kind} is not installed`);
    const log = openSync(join(this.#directory, 'log'), 'a');
    const { args, env } = commandOf(this.kind, `${this.#listen}:${this.port}`, this.data);
    this.#process = spawn(...this.#host.on(binary, args), {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    });
    closeSync(log);
    await this.#ready();
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill(signal);
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const client = this.client();
    try {
      for (const deadline = performance.now() + READY_MS; ;) {
        const trouble = await client.send(new CreateBucketCommand({ Bucket: BUCKET })).catch((error: unknown) => error);
        const isThere = trouble instanceof Error && /^BucketAlready/.test(trouble.name);
        if (isThere || !(trouble instanceof Error)) return;
        if (this.#process!.exitCode !== null || performance.now() > deadline)
          throw new Error(`${this.kind} does not answer: ${this.#lastWords()}`, { cause: trouble });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } finally {
      client.destroy();
    }
  }

  #lastWords(): string {
    return readFileSync(join(this.#directory, 'log'), 'utf8').slice(-2_000);
  }
}

/** The kinds to try, and the names of those that cannot be; a test says which it leaves out. */
export function installedKinds(): { installed: S3Kind[]; missing: S3Kind[] } {
  const installed = S3_KINDS.filter((kind) => goBinary(kind) !== undefined);
  return { installed, missing: S3_KINDS.filter((kind) => !installed.includes(kind)) };
}

function commandOf(kind: S3Kind, address: string, data: string): { args: string[]; env: Record<string, string> } {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  if (kind === 'versitygw')
    return { args: ['--access', accessKeyId, '--secret', secretAccessKey, '--port', address, 'posix', data], env: {} };
  return {
    args: ['server', '--quiet', '--address', address, data],
    env: { MINIO_ROOT_USER: accessKeyId, MINIO_ROOT_PASSWORD: secretAccessKey, MINIO_BROWSER: 'off' },
  };
}
