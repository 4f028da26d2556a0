import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { serveMcp, type McpFlags } from '../../../client/mcp/serve.ts';
import { ended, MusterGround } from '../../support/muster-process.ts';

afterEach(() => vi.unstubAllEnvs());

it.each<[McpFlags, RegExp]>([
  [{ cwd: '/nowhere' }, /--cwd .*no such directory/],
  [{ addDir: ['.', '/nowhere'] }, /--add-dir .*no such directory/],
  [{ allow: ['Bash('] }, /Bash\(/],
  [{ deny: [''] }, /rule/],
  [{ listen: '0.0.0.0:0' }, /other machines/],
])('refuses %j before it serves', async (flags, message) => {
  await expect(serveMcp(flags, () => undefined)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(message) as string,
  });
});

it('refuses a token that could be guessed, and does not repeat it', async () => {
  vi.stubEnv('MUSTER_MCP_TOKEN', 'secret');
  await expect(serveMcp({ listen: '0' }, () => undefined)).rejects.toThrow(/^MUSTER_MCP_TOKEN(?!.*secret)/);
});

it('says nothing but the protocol on stdout, starts nothing by itself, and ends with stdin', async () => {
  await using ground = new MusterGround();
  const program = fileURLToPath(new URL('../../../bin/muster.js', import.meta.url));
  const env = { ...process.env, MUSTER_HOME: ground.home, ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: '' };
  const child = spawn(process.execPath, [program, 'mcp'], { cwd: ground.directory, env });
  const ran = ended(child);
  const lines: { id?: number; result?: { tools?: unknown[] } }[] = [];
  const listed = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line) as (typeof lines)[number]);
    if (lines.at(-1)!.id === 2) listed.resolve();
  });
  const client = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const tell = (message: object): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  tell({ id: 1, method: 'initialize', params: client });
  tell({ method: 'notifications/initialized' });
  child.stdin.write('this is no JSON\n');
  tell({ id: 2, method: 'tools/list' });
  await listed.promise;
  child.stdin.end();
  const { code, stderr } = await ran;
  expect(lines.map(({ id }) => id)).toEqual([1, 2]);
  expect(lines[1]!.result!.tools).toHaveLength(6);
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^(muster mcp: .*JSON.*\n)?$/)]);
  expect(ground.hasHome).toBe(false);
});
