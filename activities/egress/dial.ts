import { lookup as systemLookup } from 'node:dns/promises';
import { connect as systemConnect, type Socket } from 'node:net';
import type { AddressRules } from './address.ts';
import { type Destination, literalAddress } from './destination.ts';
import { EgressDenied, EgressFailed } from './egress.ts';
import { Gate } from './gate.ts';

/** All addresses of a name. Rejects where it has none. */
export type Lookup = (host: string) => Promise<readonly { address: string }[]>;
/** Starts a connection to an address, never to a name. */
export type Connect = (to: { host: string; port: number }) => Socket;

export interface Dialler {
  /**
   * A TCP connection to a granted host at a checked address; whoever gets it owns it. Rejects with `EgressDenied`,
   * `EgressFailed`, or `signal.reason`. A host that is not granted is not even looked up: its name would carry data out.
   */
  dial(to: Destination, mayReach: (host: string) => boolean, signal: AbortSignal): Promise<Socket>;
}

export interface DiallerOptions {
  rules: AddressRules;
  lookup?: Lookup | undefined;
  connect?: Connect | undefined;
}

const CONNECT_MS = 5_000;
const MAX_ADDRESSES = 4;
const WEB_PORTS = new Set([80, 443]);
/** A name server that does not answer holds a thread of libuv's four, which files need too. */
const LOOKUPS_AT_ONCE = 2;

export function createDialler({ rules, lookup = lookupAll, connect = systemConnect }: DiallerOptions): Dialler {
  const lookups = new Gate(LOOKUPS_AT_ONCE);

  async function candidates({ host }: Destination, signal: AbortSignal): Promise<string[]> {
    const literal = literalAddress(host);
    if (literal !== undefined) return [literal];
    const answer = lookups.run(signal, () => lookup(host));
    try {
      const found = (await untilAborted(answer, signal)).map(({ address }) => address);
      if (found.length > 0) return found;
    } catch (error) {
      signal.throwIfAborted();
      throw new EgressFailed(`${host} cannot be resolved (${codeOf(error)})`);
    }
    throw new EgressFailed(`${host} has no address`);
  }

  return {
    async dial(to, mayReach, signal) {
      const literal = literalAddress(to.host);
      if (literal !== undefined) check(to, literal);
      if (!mayReach(to.host)) throw new EgressDenied('HOST_DENIED', `${to.host} is not granted`);
      const addresses = await candidates(to, signal);
      // All of them, not the one that is used: a name with one foot inside is no name of the public web.
      for (const address of addresses) check(to, address);
      return connectFirst(to, addresses.slice(0, MAX_ADDRESSES), signal);
    },
  };

  function check({ host, port }: Destination, address: string): void {
    const fault = rules.fault(address);
    if (fault !== undefined) {
      const what = literalAddress(host) === undefined ? `${host} is at ${address}, which` : host;
      throw new EgressDenied('SSRF_DENIED', `${what} is no address of the public web: ${fault}`);
    }
    if (!WEB_PORTS.has(port) && !rules.isInternal(address))
      throw new EgressDenied('HOST_DENIED', `port ${port} of ${host} is not granted, only 80 and 443 are`);
  }

  async function connectFirst(to: Destination, addresses: readonly string[], signal: AbortSignal): Promise<Socket> {
    const faults: string[] = [];
    for (const address of addresses) {
      signal.throwIfAborted();
      const socket = connect({ host: address, port: to.port });
      try {
        await connected(socket, signal);
        // What counts is where the connection ended up, whatever was asked for.
        check(to, socket.remoteAddress ?? '');
        return socket;
      } catch (error) {
        socket.destroy();
        signal.throwIfAborted();
        if (error instanceof EgressDenied) throw error;
        faults.push(codeOf(error));
      }
    }
    throw new EgressFailed(`${to.host} cannot be reached at port ${to.port} (${faults.join(', ')})`);
  }
}

const lookupAll: Lookup = (host) => systemLookup(host, { all: true, order: 'verbatim' });

function connected(socket: Socket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason as Error);
  const timer = setTimeout(() => reject(new Error(`no answer in ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  signal.addEventListener('abort', abort, { once: true });
  socket.once('connect', resolve);
  // Stays: an error of a socket nobody listens to ends the process.
  socket.on('error', reject);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
}

/** The promise, or `signal.reason` at once; the promise itself goes on to its end. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

/** What the system calls a failure: `ECONNREFUSED`, else its message. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
