import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { destinationOf } from './destination.ts';
import { EgressDenied, EgressFailed } from './egress.ts';
import { exchange } from './exchange.ts';
import type { ProxyContext } from './proxy-answer.ts';

/** About this connection alone (RFC 9110 §7.6.1), and what tells of proxies. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'host']);

/** A plain `http://` request in absolute form, sent on and answered. Rejects before anything was answered, or not at all. */
export async function forward(
  context: ProxyContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { broker, mayReach, signal } = context;
  const { limits, trust, dialler } = broker;
  const url = absolute(request.url ?? '');
  const to = destinationOf(url);
  const gone = new AbortController();
  response.once('close', () => gone.abort(new EgressFailed('the client went away')));
  const both = AbortSignal.any([signal, gone.signal]);
  const socket = await dialler.dial(to, mayReach, both);
  const answer = await exchange(socket, to, url, {
    method: request.method ?? 'GET',
    headers: endToEnd(request.headers),
    ...(hasBody(request) && { body: request }),
    trust,
    headerBytes: limits.headerBytes,
    idleMs: limits.tunnelIdleMs,
    signal: both,
  });
  cap(request, limits.tunnelBytes, () => socket.destroy());
  cap(answer, limits.tunnelBytes, () => socket.destroy());
  response.writeHead(answer.statusCode ?? 502, { ...endToEnd(answer.headers), connection: 'close' });
  pipeline(answer, response, () => socket.destroy());
}

function absolute(target: string): URL {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(target) || !URL.canParse(target))
    throw new EgressDenied('HOST_DENIED', 'this is a proxy: ask for a whole URL, or for CONNECT host:443');
  const url = new URL(target);
  if (url.protocol !== 'http:')
    throw new EgressDenied('HOST_DENIED', `${url.protocol} goes by CONNECT host:443, not through a plain request`);
  return url;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function endToEnd(headers: IncomingMessage['headers']): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const kept = Object.entries(headers).filter(
    ([name]) => !HOP_BY_HOP.has(name) && !named.includes(name) && !name.startsWith('proxy-'),
  );
  return Object.fromEntries(kept);
}

/** Ends a flow that is longer than it may be. */
function cap(stream: Readable, maxBytes: number, end: () => void): void {
  let sizeBytes = 0;
  stream.on('data', ({ length }: Uint8Array) => {
    sizeBytes += length;
    if (sizeBytes > maxBytes) end();
  });
}
