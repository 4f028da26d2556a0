import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { CommandFailure } from '../cli/context.ts';
import { createServer } from './create-server.ts';
import { guard } from './http-guard.ts';
import { urlHost, type ListenAddress } from './listen-address.ts';
import type { Workshop } from './tool.ts';
import { sendResponse, webRequest } from './web-bridge.ts';

export interface HttpOptions extends ListenAddress {
  token: string;
  /** Further names by which clients address it. */
  hosts: readonly string[];
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
}

const PATH = '/mcp';
/** A thousand tasks of 8 KB; larger fleets come from a file. */
const MAX_BODY_BYTES = 8 * 1_048_576;
const MAX_CONNECTIONS = 500;
/** Calls that wait answer within a second of `ending`. */
const CLOSING_MS = 5_000;

/**
 * Streamable HTTP at `/mcp`, without sessions: each request stands by itself. Closing it stops taking requests, lets
 * those under way answer, and ends what is left. Throws `CommandFailure` where it cannot listen.
 */
export async function listenForMcp(shop: Workshop, options: HttpOptions): Promise<HttpServer> {
  const handler = createMcpHandler(() => createServer(shop), {
    maxRequestBodySize: MAX_BODY_BYTES,
    onerror: (error) => shop.log(`mcp: ${error.message}`),
  });
  const refusal = guard({
    token: options.token,
    hosts: ['localhost', '127.0.0.1', '[::1]', urlHost(options.host), ...options.hosts],
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = webRequest(request, response);
    const isHere = new URL(asked.url).pathname === PATH;
    const refused =
      refusal(asked) ?? (isHere ? undefined : Response.json({ error: `MCP is at ${PATH}` }, { status: 404 }));
    await sendResponse(refused ?? (await handler.fetch(asked)), response);
  }
  const server = createHttpServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (!response.destroyed) shop.log(`mcp: ${error instanceof Error ? error.message : String(error)}`);
      response.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  try {
    await once(server.listen(options.port, options.host), 'listening');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(1, `cannot listen on ${options.host}:${options.port}: ${why}`, 'take another port');
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${urlHost(options.host)}:${port}${PATH}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
      await closed;
      clearTimeout(late);
      await handler.close();
    },
  };
}
