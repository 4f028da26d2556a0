import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GenericContainer, Wait, getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';

const PROFILE = fileURLToPath(new URL('../../deploy/seccomp/muster.json', import.meta.url));

/** Hardened as compose and chart have it, on this host's loopback. */
class HardenedContainer extends GenericContainer {
  constructor(image: string, seccomp: string) {
    super(image);
    this.withNetworkMode('host').withDroppedCapabilities('ALL').withTmpFs({ '/tmp': 'mode=1777' });
    this.withSecurityOpt('no-new-privileges', `seccomp=${seccomp}`);
    // `systempaths=unconfined`, which the command line turns into this.
    Object.assign(this.hostConfig, { ReadonlyRootfs: true, MaskedPaths: [], ReadonlyPaths: [] });
  }
}

/** A worker from the product's image. */
export class WorkerContainer {
  readonly #container: StartedTestContainer;

  private constructor(container: StartedTestContainer) {
    this.#container = container;
  }

  /** Resolves once it is ready, which the image's own check of its health does not ask. */
  static async start(image: string, role: string, port: number, env: Record<string, string>): Promise<WorkerContainer> {
    const container = new HardenedContainer(image, profileWithout())
      .withEnvironment({ ...env, HEALTH_PORT: port.toString() })
      .withCommand(['worker', '--role', role, '--listen', `127.0.0.1:${port.toString()}`])
      .withHealthCheck({ test: ['CMD', 'node', '-e', READY], interval: 1_000, timeout: 5_000, retries: 60 })
      .withWaitStrategy(Wait.forHealthCheck())
      .withStartupTimeout(180_000);
    return new WorkerContainer(await container.start());
  }

  async sh(command: string): Promise<string> {
    const { output } = await this.#container.exec(['sh', '-c', command]);
    return output.trim();
  }

  /** The exit code of a command in it. */
  async exitCodeOf(command: string[]): Promise<number> {
    return (await this.#container.exec(command)).exitCode;
  }

  /** Without a word, as a host that is lost. */
  async kill(): Promise<void> {
    await (await this.#raw()).kill({ signal: 'SIGKILL' });
  }

  /** As an orchestrator does it: SIGTERM, and time to drain. Resolves with the exit code of what ran. */
  async drain(): Promise<number> {
    const raw = await this.#raw();
    await raw.stop({ t: 120 });
    return (await raw.inspect()).State.ExitCode;
  }

  async remove(): Promise<void> {
    await (await this.#raw()).remove({ force: true, v: true });
  }

  async #raw() {
    const { container } = await getContainerRuntimeClient();
    return container.dockerode.getContainer(this.#container.getId());
  }
}

const READY =
  'fetch(`http://127.0.0.1:${process.env.HEALTH_PORT}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))';

interface Profile {
  syscalls: { names: string[]; comment?: string }[];
}

/** The system calls that the shipped profile adds to Docker's own. */
export const ADDED_CALLS: readonly string[] = (JSON.parse(readFileSync(PROFILE, 'utf8')) as Profile).syscalls
  .filter(({ comment }) => comment?.startsWith('muster:'))
  .flatMap(({ names }) => names)
  .filter((name, i, all) => all.indexOf(name) === i);

/** The shipped profile, less what it adds for one system call; as text. */
export function profileWithout(call?: string): string {
  const profile = JSON.parse(readFileSync(PROFILE, 'utf8')) as Profile;
  for (const rule of profile.syscalls)
    if (rule.comment?.startsWith('muster:')) rule.names = rule.names.filter((name) => name !== call);
  return JSON.stringify({ ...profile, syscalls: profile.syscalls.filter(({ names }) => names.length > 0) });
}
