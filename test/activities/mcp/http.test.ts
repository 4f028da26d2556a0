import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEgress } from '../../../activities/egress/broker.ts';
import type { Egress } from '../../../activities/egress/egress.ts';
import type { McpLimits } from '../../../activities/mcp/limits.ts';
import type { McpServers, McpTools } from '../../../activities/mcp/mcp.ts';
import { createMcpServers } from '../../../activities/mcp/servers.ts';
import { createLog } from '../../../activities/observe/log.ts';
import type { OperatorMcpServer } from '../../../workflows/contract/operator.schema.ts';
import type { McpServer } from '../../../workflows/contract/task.schema.ts';
import { listen, mcpListener, memoryRecords, unconfined } from '../../support/mcp-world.ts';
import { startWeb, type WebWorld } from '../../support/web-world.ts';

const log = createLog('silent');
const never = new AbortController().signal;
let web: WebWorld;
let egress: Egress;
beforeAll(async () => {
  web = await startWeb();
  egress = createEgress({ ...web, log });
});
afterAll(async () => {
  await egress.close();
  await web.close();
});
beforeEach(() => web.serve('/mcp', mcpListener()));

function worker(operator: Record<string, OperatorMcpServer> = {}, limits: Partial<McpLimits> = {}): McpServers {
  return createMcpServers({ operator, store: memoryRecords(), confine: unconfined, egress, log, limits });
}

/** Tools of a server that a fleet declares by URL. */
async function declared(url: string, headers: Record<string, string> = {}, servers = worker()): Promise<McpTools> {
  const server: McpServer = { type: 'http', url, headers };
  return servers.tools({ fleetId: 'fleet', names: ['web'], declared: { web: server }, signal: never });
}

/** A server that answers as the protocol wants it until `tools/call`, which is the listener's. */
function handWritten(call: RequestListener): RequestListener {
  return (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { id, method } = JSON.parse(body || '{}') as { id?: number; method?: string };
      if (method === 'tools/call') return call(request, response);
      if (id === undefined) return void response.writeHead(method === undefined ? 405 : 202).end();
      const result =
        method === 'initialize'
          ? { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } }
          : { tools: [{ name: 'x', inputSchema: { type: 'object' } }] };
      const answer = method === 'server/discover' ? { error: { code: -32601, message: 'no' } } : { result };
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
    });
  };
}

describe('a server by URL', () => {
  test('that a fleet declares is reached through the broker, with its headers', async () => {
    let token: unknown;
    const inner = mcpListener();
    web.serve('/mcp', (request, response) => {
      token = request.headers['x-token'];
      inner(request, response);
    });
    const servers = worker();
    const tools = await declared('https://granted.test/mcp', { 'x-token': 'abc' }, servers);
    expect(await tools.call('mcp__web__echo', { text: 'hi' }, never)).toEqual({ content: 'hi', isError: false });
    expect(token).toBe('abc');
    expect(new Set(web.dialled)).toEqual(new Set(['127.7.7.7']));
    await servers.close();
  });

  test.each([
    'http://rebound.test/mcp',
    'http://inside.test/mcp',
    'http://127.0.0.1/mcp',
    'http://[::1]/mcp',
    'http://user:pass@granted.test/mcp',
    'file:///etc/passwd',
  ])('that a fleet declares inside is not: %s', async (url) => {
    await expect(declared(url)).rejects.toMatchObject({
      name: 'McpUnavailable',
      message: expect.stringMatching(/^The MCP server web does not start: /),
    });
    expect(web.trespasses()).toEqual([]);
  });

  test('that a fleet declares cannot send its client elsewhere', async () => {
    const before = web.requests().length;
    web.serve('/mcp', (_request, response) => response.writeHead(307, { location: 'http://other.test/mcp' }).end());
    await expect(declared('http://granted.test/mcp')).rejects.toMatchObject({ name: 'McpUnavailable' });
    expect(
      web
        .requests()
        .slice(before)
        .filter((line) => line.includes('other.test')),
    ).toEqual([]);
  });

  test('that is no URL is a clear error', async () => {
    await expect(declared('nonsense')).rejects.toThrow(/does not start: .*URL/);
  });

  test('that the operator declares may be inside', async () => {
    await using server = await listen(mcpListener());
    const servers = worker({ web: { type: 'http', url: server.url, headers: {} } });
    const tools = await servers.tools({ fleetId: 'f', names: ['web'], declared: {}, signal: never });
    expect(await tools.call('mcp__web__echo', { text: 'hi' }, never)).toEqual({ content: 'hi', isError: false });
    await servers.close();
  });

  test.each(['application/json', 'text/event-stream'])('that answers 100 MB of %s is not listened to', async (type) => {
    web.serve(
      '/mcp',
      handWritten((_request, response) => {
        response.writeHead(200, { 'content-type': type });
        const part = `${type === 'text/event-stream' ? ': ' : ''}${'x'.repeat(1024 * 1024)}\n\n`;
        let sent = 0;
        const more = (): void => {
          while (sent < 100 && !response.destroyed) {
            sent += 1;
            if (!response.write(part)) return void response.once('drain', more);
          }
          response.end();
        };
        more();
      }),
    );
    const servers = worker({}, { messageBytes: 2 * 1024 * 1024, callMs: 3_000 });
    const tools = await declared('http://granted.test/mcp', {}, servers);
    const before = process.memoryUsage().rss;
    expect(await tools.call('mcp__web__x', {}, never)).toMatchObject({ isError: true });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    await servers.close();
  });

  test('that forgets its session, or is away for a while, is asked anew', async () => {
    let isAway = true;
    web.serve(
      '/mcp',
      handWritten((request, response) => {
        if (isAway) return void response.writeHead(404).end();
        request.resume();
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ jsonrpc: '2.0', id: 0, error: { code: -1, message: 'who are you' } }));
      }),
    );
    const servers = worker({}, { callMs: 500 });
    const tools = await declared('http://granted.test/mcp', {}, servers);
    expect(await tools.call('mcp__web__x', {}, never)).toMatchObject({ isError: true });
    isAway = false;
    web.serve('/mcp', mcpListener());
    expect(await tools.call('mcp__web__x', {}, never)).toEqual({
      content: expect.stringMatching(/not those they were pinned to/),
      isError: true,
    });
    await servers.close();
  });

  test('is out of reach where the worker has no broker', async () => {
    const servers = createMcpServers({ operator: {}, store: memoryRecords(), confine: unconfined, log });
    await expect(declared('https://granted.test/mcp', {}, servers)).rejects.toThrow(/not reachable from this worker/);
  });
});
