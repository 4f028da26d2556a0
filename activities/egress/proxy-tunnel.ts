import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { readClientHello } from './client-hello.ts';
import { type Destination, destinationOfAuthority, literalAddress } from './destination.ts';
import { untilAborted } from './dial.ts';
import { EgressDenied, EgressFailed } from './egress.ts';
import { type ProxyContext, rawAnswer, refusalOf } from './proxy-answer.ts';

/** TLS alert: fatal, unrecognized_name (RFC 6066 §3). Clients print it as such. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 1, 0, 2, 2, 112]);

/**
 * `CONNECT host:443`: dials, consents, and joins the two ends once the client has said in the clear that it means that
 * host. What goes through is end-to-end encrypted and not looked into; one host behind the same certificate and address
 * can therefore be reached as another (domain fronting), which is documented. Never rejects.
 */
export async function openTunnel(
  context: ProxyContext,
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
): Promise<void> {
  const { broker, mayReach, signal } = context;
  const gone = new AbortController();
  client.once('close', () => gone.abort(new EgressFailed('the client went away')));
  const both = AbortSignal.any([signal, gone.signal]);
  const authority = request.url ?? '';
  let server: Socket | undefined;
  let hasConsented = false;
  try {
    const to = destinationOfAuthority(authority);
    server = await broker.dialler.dial(to, mayReach, both);
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    hasConsented = true;
    const hello = await firstBytes(client, head, both, broker.limits.helloMs);
    checkName(hello, to);
    server.write(hello);
    join(client, server, broker.limits);
  } catch (error) {
    server?.destroy();
    if (both.aborted) return void client.destroy();
    const { status, text } = refusalOf(context, error, authority);
    client.end(hasConsented ? UNRECOGNIZED_NAME : rawAnswer(status, text));
    client.destroySoon();
  }
}

/** All of the client's first TLS message. */
async function firstBytes(client: Socket, head: Buffer, signal: AbortSignal, helloMs: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const timer = setTimeout(() => reject(new EgressFailed('the TLS client said nothing')), helloMs);
  let bytes = head;
  const take = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const { kind } = readClientHello(bytes);
    if (kind === 'hello') resolve(bytes);
    if (kind === 'bad') reject(new EgressDenied('HOST_DENIED', 'what goes through CONNECT must be TLS'));
  };
  client.on('data', take);
  take(Buffer.alloc(0));
  try {
    return await untilAborted(promise, signal);
  } finally {
    clearTimeout(timer);
    client.off('data', take);
    client.pause();
  }
}

function checkName(bytes: Buffer, { host }: Destination): void {
  const hello = readClientHello(bytes);
  if (hello.kind !== 'hello') throw new EgressDenied('HOST_DENIED', 'what goes through CONNECT must be TLS');
  if (hello.isEncrypted)
    throw new EgressDenied('HOST_DENIED', 'an encrypted client hello hides the host it is for; switch it off');
  const name = hello.serverName?.toLowerCase().replace(/\.$/, '');
  const isMeant = name === undefined ? literalAddress(host) !== undefined : name === host;
  if (!isMeant)
    throw new EgressDenied('HOST_DENIED', `the TLS client asks for ${name ?? 'no host'}, the tunnel is for ${host}`);
}

function join(
  client: Socket,
  server: Socket,
  { tunnelBytes, tunnelIdleMs }: { tunnelBytes: number; tunnelIdleMs: number },
): void {
  const end = (): void => {
    client.destroy();
    server.destroy();
  };
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    let sizeBytes = 0;
    from.on('data', ({ length }: Buffer) => {
      sizeBytes += length;
      if (sizeBytes > tunnelBytes) end();
    });
    // What it said last is still on its way to the other.
    from.once('close', () => to.destroySoon());
    from.pipe(to);
  }
  for (const socket of [client, server]) socket.setTimeout(tunnelIdleMs, end);
}
