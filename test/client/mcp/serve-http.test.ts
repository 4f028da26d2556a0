import { once } from 'node:events';
import { request } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cursors } from '../../../client/mcp/cursors.ts';
import { Door } from '../../../client/mcp/door.ts';
import { listenForMcp, type HttpServer } from '../../../client/mcp/serve-http.ts';
import { ceilingOf } from '../../../client/mcp/server-limits.ts';
import type { Workshop } from '../../../client/mcp/tool.ts';

const TOKEN = 'correct-horse-battery';
const limits = { cwd: '/', roots: ['/'], ceiling: ceilingOf([], []), budgetMicroUsd: null, maxAgents: undefined };
const shop: Workshop = {
  limits: { ...limits, isSimulated: true, waitMs: 0 },
  door: new Door(() => Promise.reject(new Error('no fleet is started here'))),
  cursors: new Cursors(),
  log: () => undefined,
  ending: new AbortController().signal,
};
const options = { host: '127.0.0.1', port: 0, token: TOKEN, hosts: [] };

describe('MCP over HTTP', () => {
  let server: HttpServer;
  beforeAll(async () => {
    server = await listenForMcp(shop, options);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(server.url, {
      method: 'POST',
      body,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...headers,
      },
    });

  it.each(['legacy', 'auto'] as const)('serves the protocol of today and of before: %s', async (mode) => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    const requestInit = { headers: { authorization: `Bearer ${TOKEN}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { requestInit }));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      ...['spawn_subagents', 'run_workflow', 'fleet_status', 'fleet_results', 'approve_fleet', 'cancel_fleet'],
    ]);
    const refused = await client.callTool({ name: 'fleet_status', arguments: { id: 'a' } });
    expect(refused).toMatchObject({ isError: true, structuredContent: { ok: false, code: 'internal' } });
    await client.close();
  });

  it('does not speak to a client that does not know the token', async () => {
    const client = new Client({ name: 'test', version: '1' });
    await expect(client.connect(new StreamableHTTPClientTransport(new URL(server.url)))).rejects.toThrow(
      /401|authorized/i,
    );
    expect((await post('{}', { authorization: 'Bearer wrong' })).status).toBe(401);
  });

  it('is at one path', async () => {
    const elsewhere = await fetch(new URL('/', server.url), { headers: { authorization: `Bearer ${TOKEN}` } });
    expect(elsewhere.status).toBe(404);
  });

  it.each(['evil.test', 'no host'])('refuses a request for the host %j, as after DNS rebinding', async (host) => {
    const asked = request(server.url, { headers: { host, authorization: `Bearer ${TOKEN}` } }).end();
    const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume: () => void }];
    response.resume();
    expect(response.statusCode).toBe(403);
  });

  it('reads no more than 8 MiB, and nothing that is no JSON', async () => {
    expect((await post('x'.repeat(9 * 1_048_576))).status).toBe(413);
    expect((await post('{"jsonrpc":')).status).toBe(400);
    expect((await post('{}', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('says that a port is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(listenForMcp(shop, { ...options, port })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('EADDRINUSE') as string,
    });
  });
});

it('ends while clients keep their connections', async () => {
  const server = await listenForMcp(shop, options);
  await (await fetch(server.url, { headers: { connection: 'keep-alive' } })).text();
  await server[Symbol.asyncDispose]();
  await expect(fetch(server.url)).rejects.toThrow();
});
