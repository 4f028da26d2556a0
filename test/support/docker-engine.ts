import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, globSync, openSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCKERFILE = join(ROOT, 'deploy/Dockerfile');
const NODE = join(ROOT, 'node_modules/node/bin/node');
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** Images and layers of earlier runs: a second build takes seconds. */
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'muster', 'docker');

/** What an engine needs and is not here; empty: one is running, or can be. */
export async function missingForDocker(): Promise<string[]> {
  if (await answers(process.env['DOCKER_HOST'])) return [];
  const programs = ['docker', 'dockerd', 'debootstrap'].filter((name) => !isOnPath(name));
  return process.getuid?.() === 0 ? programs : ['a Docker engine', ...programs];
}

/** A Docker engine: the one that runs, else one of the test's own, without a network, ended with it. */
export class DockerEngine implements AsyncDisposable {
  /** undefined: the usual socket. */
  readonly host: string | undefined;
  readonly #directory: string;
  readonly #process: ChildProcess | undefined;

  private constructor(host: string | undefined, directory: string, child?: ChildProcess) {
    this.host = host;
    this.#directory = directory;
    this.#process = child;
  }

  static async start(): Promise<DockerEngine> {
    const given = process.env['DOCKER_HOST'];
    const directory = await mkdtemp(join(tmpdir(), 'muster-docker-'));
    if (await answers(given)) return new DockerEngine(given, directory);
    await mkdir(CACHE, { recursive: true });
    const host = `unix://${directory}/docker.sock`;
    const places = ['--data-root', join(CACHE, 'data'), '--exec-root', join(directory, 'exec')];
    const alone = ['--iptables=false', '--ip6tables=false', '--bridge=none', '--pidfile', join(directory, 'pid')];
    const log = openSync(join(directory, 'log'), 'a');
    const child = spawn('dockerd', ['--host', host, ...places, ...alone], { stdio: ['ignore', log, log] });
    while (!(await answers(host))) {
      if (child.exitCode !== null) throw new Error(readFileSync(join(directory, 'log'), 'utf8').slice(-2_000));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return new DockerEngine(host, directory, child);
  }

  /** For testcontainers: which engine, and whatever else it would look for in one that has no network of its own. */
  get environment(): Record<string, string> {
    return {
      ...(this.host && { DOCKER_HOST: this.host }),
      TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1',
      // It would have to be pulled; who starts a container removes it.
      TESTCONTAINERS_RYUK_DISABLED: 'true',
    };
  }

  async docker(...args: string[]): Promise<string> {
    const env = { ...process.env, DOCKER_BUILDKIT: '0', ...(this.host && { DOCKER_HOST: this.host }) };
    const { stdout } = await run('docker', args, { env, maxBuffer: 1 << 26 });
    return stdout.trim();
  }

  /** A file of `content` that `docker` can read; gone with the engine. */
  async write(content: string): Promise<string> {
    const path = join(this.#directory, `file-${createHash('sha256').update(content).digest('hex').slice(0, 16)}`);
    await writeFile(path, content);
    return path;
  }

  /** Builds the product's image from the checkout; resolves with its name. */
  async buildImage(): Promise<string> {
    await this.#ensureBase();
    const build = ['build', '--network', 'host', '-q', '-f', DOCKERFILE];
    // Tagged, or `#prune` would take what makes the next build quick.
    await this.docker(...build, '--target', 'build', '-t', 'muster-build:test', ROOT);
    await this.docker(...build, '-t', 'muster:test', '--build-arg', 'REVISION=of-a-test', ROOT);
    if (this.#process) await this.#prune();
    return 'muster:test';
  }

  /** Of an engine of the test's own: what earlier builds left. */
  async #prune(): Promise<void> {
    await this.docker('container', 'prune', '-f');
    await this.docker('image', 'prune', '-f');
  }

  /** The image the Dockerfile starts from: pulled, or for an engine of the test's own made of Debian and Node. */
  async #ensureBase(): Promise<void> {
    const [, base] = /^ARG BASE=(\S+)$/m.exec(await readFile(DOCKERFILE, 'utf8'))!;
    const isThere = await this.docker('image', 'inspect', base!).catch(() => undefined);
    if (isThere !== undefined) return;
    if (this.#process === undefined) return void (await this.docker('pull', '-q', base!));
    const directory = await mkdtemp(join(tmpdir(), 'muster-base-'));
    try {
      const root = join(directory, 'root');
      const [, suite] = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))!;
      await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', suite!, root], {
        maxBuffer: 1 << 26,
      });
      const lib = join(root, 'usr/local/lib/node_modules');
      await mkdir(lib, { recursive: true });
      await cp(NODE, join(root, 'usr/local/bin/node'));
      await cp(await npmDirectory(), join(lib, 'npm'), { recursive: true });
      await run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
      // Whom this machine trusts, for whatever stands between it and the registries.
      if (existsSync(CERTIFICATES)) await cp(await realpath(CERTIFICATES), join(root, CERTIFICATES));
      await run('tar', ['-C', root, '-cf', join(directory, 'base.tar'), '.']);
      const trust = ['--change', `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`];
      await this.docker('import', ...trust, join(directory, 'base.tar'), base!);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  /** Ends what it started; images stay for the next run. */
  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#process;
    if (child) {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      // Network namespaces stay mounted when it ends.
      for (const path of globSync(join(this.#directory, 'exec/netns/*')))
        await run('umount', ['-l', path]).catch(() => undefined);
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

const isOnPath = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, name)));

async function answers(host: string | undefined): Promise<boolean> {
  const env = { ...process.env, ...(host && { DOCKER_HOST: host }) };
  return run('docker', ['version', '--format', '{{.Server.Version}}'], { env, timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

/** Of the npm that this machine runs. */
async function npmDirectory(): Promise<string> {
  const found = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'npm'));
  return dirname(dirname(await realpath(found.find(existsSync)!)));
}
