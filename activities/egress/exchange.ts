import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { connect as connectTls, type SecureContext } from 'node:tls';
import { type Destination, literalAddress } from './destination.ts';
import { codeOf } from './dial.ts';
import { EgressFailed } from './egress.ts';

export interface ExchangeOptions {
  method: string;
  headers: OutgoingHttpHeaders;
  body?: Readable | string | Uint8Array | undefined;
  /** Certificates that are trusted. */
  trust: SecureContext;
  headerBytes: number;
  /** How long the other side may say nothing; 0: for ever. */
  idleMs: number;
  signal: AbortSignal;
}

/**
 * One HTTP/1.1 request over a connection that is used for nothing else, and its answer, headers read and body to come.
 * Owns the socket: it ends with the answer's body, its destruction, or the signal. Rejects with `EgressFailed`, or
 * `signal.reason`.
 */
export async function exchange(
  socket: Socket,
  to: Destination,
  url: URL,
  options: ExchangeOptions,
): Promise<IncomingMessage> {
  const { signal, idleMs } = options;
  const abort = (): void => void socket.destroy();
  signal.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', abort));
  socket.setTimeout(idleMs, () => socket.destroy(new EgressFailed(`${to.host} said nothing for ${idleMs / 1000} s`)));
  try {
    signal.throwIfAborted();
    const stream = to.isSecure ? await secured(socket, to, options.trust) : socket;
    return await answered(stream, url, to, options);
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw failureOf(error, to.host);
  }
}

/** Any failure of a connection, as one the model can act on. */
export function failureOf(error: unknown, host: string): Error {
  if (error instanceof EgressFailed) return error;
  const code = codeOf(error);
  const isTooLarge = code === 'HPE_HEADER_OVERFLOW';
  return new EgressFailed(isTooLarge ? `the headers of ${host} are too large` : `${host} did not answer (${code})`);
}

function secured(socket: Socket, to: Destination, trust: SecureContext): Promise<Socket> {
  const literal = literalAddress(to.host);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const stream = connectTls({
    socket,
    host: literal ?? to.host,
    ...(literal === undefined && { servername: to.host }),
    secureContext: trust,
    ALPNProtocols: ['http/1.1'],
  });
  stream.once('secureConnect', () => resolve(stream));
  stream.on('error', reject);
  socket.on('error', (error) => stream.destroy(error));
  socket.once('close', () => reject(new Error('the connection ended')));
  return promise;
}

function answered(stream: Socket, url: URL, to: Destination, options: ExchangeOptions): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asked = request({
    // Without `agent`: with any, even `false`, the agent would connect by itself, to localhost.
    createConnection: () => stream,
    method: options.method,
    path: `${url.pathname}${url.search}`,
    headers: { ...options.headers, host: url.port === '' ? to.host : `${to.host}:${url.port}`, connection: 'close' },
    setHost: false,
    maxHeaderSize: options.headerBytes,
  });
  asked.once('response', (message) => {
    // Else all a body's reader learns is that the connection was reset.
    stream.on('error', (error) => message.destroy(error));
    resolve(message);
  });
  asked.on('error', reject);
  const { body } = options;
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) asked.end(body);
  else {
    body.once('error', (error) => asked.destroy(error));
    body.pipe(asked);
  }
  return promise;
}
