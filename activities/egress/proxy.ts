import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Broker } from './broker.ts';
import { EgressFailed, type Egress } from './egress.ts';
import { type ProxyContext, rawAnswer, refusalOf } from './proxy-answer.ts';
import { forward } from './proxy-forward.ts';
import { openTunnel } from './proxy-tunnel.ts';

/** See `Egress.openProxy`. */
export async function openProxy(
  broker: Broker,
  { directory, mayReach, onDenied }: Parameters<Egress['openProxy']>[0],
): Promise<{ socket: string; close(): Promise<void> }> {
  const { limits } = broker;
  const life = new AbortController();
  const context: ProxyContext = { broker, mayReach, onDenied, signal: life.signal };
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.idleMs,
    requestTimeout: 0,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = limits.connections;
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A client that goes away is no event; without a listener it would be the end of the worker.
    socket.on('error', () => undefined);
  });
  server.on('request', (request, response) => void handled(context, request, response));
  server.on('connect', (request, socket, head) => void openTunnel(context, request, socket as Socket, head));
  server.on('clientError', (_error, socket) => {
    if (socket.writable)
      socket.end(rawAnswer(400, 'Failed: that is no HTTP/1.1 request, or its headers are too large.\n'));
    else socket.destroy();
  });
  const path = join(directory, `egress-${randomBytes(4).toString('hex')}`);
  server.listen(path);
  await once(server, 'listening');
  await chmod(path, 0o600);
  return {
    socket: path,
    async close() {
      life.abort(new EgressFailed('the proxy is closed'));
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

async function handled(context: ProxyContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await forward(context, request, response);
  } catch (error) {
    const { status, text } = refusalOf(context, error, request.url ?? '');
    if (response.headersSent) response.destroy();
    else response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(text);
  }
}
