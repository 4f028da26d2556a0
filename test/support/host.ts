import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createServer } from 'node:net';

const run = promisify(execFile);
const SUBNET = '198.18.77';

/** Where processes of a test run, and by which address others reach them. */
export interface Host {
  readonly address: string;
  /** A command as it has to be spawned so that it runs there. */
  on(command: string, args: readonly string[]): [command: string, args: string[]];
  /** A port nobody listens on there. */
  port(): Promise<number>;
}

/** This machine, by its loopback address. */
export const LOOPBACK: Host = {
  address: '127.0.0.1',
  on: (command, args) => [command, [...args]],
  port: lowPort,
};

/** Below 32,768: Temporal keeps ports of its members in a column of two bytes. */
async function lowPort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, LOOPBACK.address, () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Whether hosts of their own can be made here: network namespaces need root and `ip`. */
export async function hasNetworks(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return run('ip', ['netns', 'list']).then(
    () => true,
    () => false,
  );
}

/**
 * Hosts with addresses of their own, all on one bridge: network namespaces, in which nothing else is reachable but this
 * machine, which listens on nothing there. Closing it kills whatever still runs in them. The addresses are of the range
 * for benchmarks (RFC 2544), which no network uses.
 */
export class Network implements AsyncDisposable {
  readonly #prefix = `muster-${process.pid.toString()}-${(networks++).toString()}`;
  readonly #hosts: NetworkHost[] = [];

  private constructor() {}

  /** `core` is the first host; the bridge is in it. */
  static async create(): Promise<{ network: Network; core: NetworkHost }> {
    const network = new Network();
    const core = new NetworkHost(`${network.#prefix}-core`, `${SUBNET}.1`, undefined);
    network.#hosts.push(core);
    await ip('netns', 'add', core.name);
    await ip('-n', core.name, 'link', 'set', 'lo', 'up');
    await ip('-n', core.name, 'link', 'add', 'br0', 'type', 'bridge');
    await ip('-n', core.name, 'address', 'add', `${core.address}/24`, 'dev', 'br0');
    await ip('-n', core.name, 'link', 'set', 'br0', 'up');
    // For the test itself; it goes with the namespace at its other end.
    const cable = `mst${process.pid.toString()}-${networks.toString()}`;
    await ip('-n', core.name, 'link', 'add', 'to-test', 'type', 'veth', 'peer', 'name', cable, 'netns', '1');
    await ip('-n', core.name, 'link', 'set', 'to-test', 'up', 'master', 'br0');
    await ip('address', 'add', `${SUBNET}.254/24`, 'dev', cable);
    await ip('link', 'set', cable, 'up');
    return { network, core };
  }

  async addHost(): Promise<NetworkHost> {
    const number = this.#hosts.length;
    const core = this.#hosts[0]!;
    const host = new NetworkHost(
      `${this.#prefix}-h${number.toString()}`,
      `${SUBNET}.${(10 + number).toString()}`,
      core,
    );
    this.#hosts.push(host);
    await ip('netns', 'add', host.name);
    await ip('-n', host.name, 'link', 'set', 'lo', 'up');
    await ip('-n', core.name, 'link', 'add', host.plug, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.name);
    await ip('-n', host.name, 'address', 'add', `${host.address}/24`, 'dev', 'eth0');
    await ip('-n', host.name, 'link', 'set', 'eth0', 'up');
    await ip('-n', core.name, 'link', 'set', host.plug, 'up');
    await host.rejoin();
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts.toReversed()) {
      await host.kill();
      await ip('netns', 'delete', host.name);
    }
  }
}

let networks = 0;

export class NetworkHost implements Host {
  readonly name: string;
  readonly address: string;
  readonly #core: NetworkHost | undefined;
  #ports = 20_000;

  constructor(name: string, address: string, core: NetworkHost | undefined) {
    this.name = name;
    this.address = address;
    this.#core = core;
  }

  on(command: string, args: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', this.name, command, ...args]];
  }

  /** Nobody else is there to take one. */
  port(): Promise<number> {
    return Promise.resolve(this.#ports++);
  }

  /** The end of its cable at the bridge. */
  get plug(): string {
    return `to-${this.address.split('.').at(-1)!}`;
  }

  /** Nothing comes or goes any more, and nobody is told: as behind a switch that fails. */
  async isolate(): Promise<void> {
    await ip('-n', this.#core!.name, 'link', 'set', this.plug, 'nomaster');
  }

  async rejoin(): Promise<void> {
    await ip('-n', this.#core!.name, 'link', 'set', this.plug, 'master', 'br0');
  }

  /** All processes in it at once, as when the power goes. Resolves once they are gone. */
  async kill(): Promise<void> {
    for (;;) {
      const { stdout } = await run('ip', ['netns', 'pids', this.name]);
      const pids = stdout.split('\n').filter(Boolean).map(Number);
      if (pids.length === 0) return;
      for (const pid of pids) endQuietly(pid);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}
