import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { McpServers } from '../../../activities/mcp/mcp.ts';
import { createMcpServers } from '../../../activities/mcp/servers.ts';
import { createLog } from '../../../activities/observe/log.ts';
import type { Sandboxes } from '../../../activities/sandbox/sandbox.ts';
import { createSandboxes } from '../../../activities/sandbox/sandboxes.ts';
import { bashServer, memoryRecords } from '../../support/mcp-world.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** The real sandbox around a server: what a fleet's gets, and what an operator may give to its own. */
const log = createLog('silent');
const never = new AbortController().signal;
const listener = createServer((socket) => socket.destroy());
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let sandboxes: Sandboxes;
let env: { LOOK: string; PORT: string };
beforeAll(async () => {
  directory = await temporaryDirectory();
  sandboxes = createSandboxes({ isolation: 'bubblewrap', log });
  await once(listener.listen(0, '127.7.7.7'), 'listening');
  env = { LOOK: join(directory.path, 'secret'), PORT: `${(listener.address() as AddressInfo).port}` };
  await writeFile(env.LOOK, 'secret');
});
afterAll(async () => {
  listener.close();
  await sandboxes.close();
  await directory[Symbol.asyncDispose]();
});

function worker(operator: Parameters<typeof createMcpServers>[0]['operator'] = {}): McpServers {
  return createMcpServers({ operator, store: memoryRecords(), confine: (program) => sandboxes.confine(program), log });
}

test('a server that a fleet declares sees no files, no network and no environment of the worker', async () => {
  const servers = worker();
  const declared = { notes: bashServer('fleet', env) };
  const tools = await servers.tools({ fleetId: 'f', names: ['notes'], declared, signal: never });
  const { content } = await tools.call('mcp__notes__probe', {}, never);
  expect(content).toMatch(/^unreadable unwritten no-network uid=1000 /);
  const names = content
    .replace(/.*env=/, '')
    .trim()
    .split(' ');
  expect(
    names.filter((name) => !['HOME', 'LANG', 'LOOK', 'MARK', 'PATH', 'PORT', 'PWD', 'SHLVL', '_'].includes(name)),
  ).toEqual([]);
  expect(existsSync(`${env.LOOK}.written`)).toBe(false);
  await servers.close();
});

test('one that the operator declares sees what the operator says, and writes nowhere', async () => {
  const notes = bashServer('operator', env);
  if (notes.type !== 'stdio') throw new Error('it is one of stdio');
  const servers = worker({ notes: { ...notes, readOnlyPaths: [directory.path], network: true } });
  const tools = await servers.tools({ fleetId: 'f', names: ['notes'], declared: {}, signal: never });
  expect((await tools.call('mcp__notes__probe', {}, never)).content).toMatch(/^readable unwritten network /);
  await servers.close();
});

test('where nothing can be confined nothing is started', async () => {
  const servers = createMcpServers({
    operator: {},
    store: memoryRecords(),
    confine: () => Promise.reject(new Error('bubblewrap is not installed')),
    log,
  });
  const declared = { notes: bashServer('none', env) };
  await expect(servers.tools({ fleetId: 'f', names: ['notes'], declared, signal: never })).rejects.toMatchObject({
    name: 'McpUnavailable',
    message: 'The MCP server notes does not start: bubblewrap is not installed.',
  });
});
