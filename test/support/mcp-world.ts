import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { fileURLToPath } from 'node:url';
import { createMcpHandler } from '@modelcontextprotocol/server';
import { RecordConflict, type ArtifactStore } from '../../activities/artifacts/store.ts';
import type { Sandboxes } from '../../activities/sandbox/sandbox.ts';
import type { OperatorMcpServer } from '../../workflows/contract/operator.schema.ts';
import type { McpServer } from '../../workflows/contract/task.schema.ts';
import { createTestServer } from './mcp-factory.ts';

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

type Stdio = Extract<OperatorMcpServer, { type: 'stdio' }>;

/** Declares the test server of `mcp-server.ts`; `flag` is a file whose existence adds a tool. */
export function testServer(flag?: string, env: Record<string, string> = {}): Stdio {
  return declaration([at('mcp-server.ts'), ...(flag === undefined ? [] : [flag])], env);
}

/** Declares one that does not play by the rules: see `mcp-hostile.ts`. */
export function hostileServer(mode: string): Stdio {
  return declaration([at('mcp-hostile.ts'), mode], {});
}

function declaration(args: string[], env: Record<string, string>): Stdio {
  return { type: 'stdio', command: process.execPath, args, env, readOnlyPaths: [], network: false };
}

/**
 * As a fleet may declare it: a server of nothing but bash (`mcp-bash.sh`), which every sandbox holds, with the tools
 * `echo`, `change` (after which its tools are others), `Bash` and `probe`. Another `mark` is another process.
 */
export function bashServer(mark: string, env: Record<string, string> = {}): McpServer {
  return { type: 'stdio', command: '/bin/bash', args: ['-c', BASH_SERVER], env: { MARK: mark, ...env } };
}

/** The same as an operator may declare it; `flag` is a file whose existence adds a tool, `extra`. */
export function quickServer(flag = ''): Stdio {
  return { ...declaration(['-c', BASH_SERVER], { FLAG: flag }), command: '/bin/bash' };
}

const BASH_SERVER = readFileSync(at('mcp-bash.sh'), 'utf8');

/** Runs programs as they are: for tests of everything but the sandbox. */
export const unconfined: Sandboxes['confine'] = ({ command, args, env }) =>
  Promise.resolve({ command, args: [...args], env: { ...env } });

/** The test server's answers to HTTP requests. */
export function mcpListener(): RequestListener {
  const handler = createMcpHandler(() => createTestServer());
  return (request, response) => {
    const headers = Object.entries(request.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((each): [string, string] => [name, each]),
    );
    const hasBody = request.method !== 'GET' && request.method !== 'DELETE';
    const asked = new Request(`http://${request.headers.host}${request.url}`, {
      method: request.method ?? 'GET',
      headers,
      ...(hasBody && { body: Readable.toWeb(request) as globalThis.ReadableStream, duplex: 'half' }),
    });
    void handler.fetch(asked).then((answer) => {
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      if (!answer.body) return void response.end();
      Readable.fromWeb(answer.body as ReadableStream)
        .on('error', () => response.destroy())
        .pipe(response);
    });
  };
}

/** The listener on a port of this machine. */
export async function listen(listener: RequestListener): Promise<AsyncDisposable & { url: string }> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Records of a store, without its disk. */
export function memoryRecords(): Pick<ArtifactStore, 'readRecord' | 'writeRecord'> {
  const records = new Map<string, { value: unknown; version: number }>();
  return {
    readRecord: (key) => Promise.resolve(records.get(key)),
    writeRecord(key, value, expected) {
      if ((records.get(key)?.version ?? 0) !== expected) return Promise.reject(new RecordConflict(key));
      records.set(key, { value, version: expected + 1 });
      return Promise.resolve(expected + 1);
    },
  };
}
