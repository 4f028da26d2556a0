import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport, type Progress } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetReport } from '../../client/mcp/report.ts';
import { MusterGround } from '../support/muster-process.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/muster.js', import.meta.url));
const FILE = `
name: few
params: { what: { type: string } }
tasks:
  - { label: one, prompt: 'Look for \${{ params.what }}.' }
  - { label: two, prompt: 'Look again.', dependsOn: [one] }
`;
const GATED = `
name: gated
targets: [p1, p2, p3]
task: { prompt: 'Look at \${{ target.name }}.' }
rollout: { waves: [1, 100%], gate: { approval: true } }
`;
const SCRIPT = `export const meta = { name: 'count', description: 'Looks at each' };
const found = await parallel(args.map((place) => () => agent('Look at ' + place, { label: place })));
return { found: found.filter(Boolean).length };
`;
const SLOW = '[[simulate turns=200 latency=200ms]]';

interface Answer {
  isError: boolean;
  text: string;
  report: FleetReport;
}

/** Real clients of a real server process, which share one home with the command line. */
class Callers implements AsyncDisposable {
  readonly ground = new MusterGround({
    ...{ 'fleet.yaml': FILE, 'gated.yaml': GATED, 'a.txt': 'a' },
    ...{ 'p1/a.txt': '1', 'p2/a.txt': '2', 'p3/a.txt': '3' },
  });
  readonly #clients: Client[] = [];

  get env(): Record<string, string> {
    const kept = Object.entries(process.env).filter(([key]) => !/^(ANTHROPIC|TEMPORAL)_/.test(key));
    return { ...(Object.fromEntries(kept) as Record<string, string>), MUSTER_HOME: this.ground.home };
  }

  async stdio(...flags: string[]): Promise<{ client: Client; said: Promise<string> }> {
    const options = { cwd: this.ground.directory, env: this.env, stderr: 'pipe' as const };
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [PROGRAM, 'mcp', ...flags],
      ...options,
    });
    const said = text(transport.stderr as Readable);
    return { client: await this.connect(transport), said };
  }

  async connect(transport: Parameters<Client['connect']>[0], mode: 'auto' | 'legacy' = 'auto'): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(transport);
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    await this.ground[Symbol.asyncDispose]();
  }
}

async function call(
  client: Client,
  name: string,
  input: Record<string, unknown>,
  options: { signal?: AbortSignal; onprogress?: (progress: Progress) => void } = {},
): Promise<Answer> {
  const answer = await client.callTool({ name, arguments: input }, { timeout: 100_000, ...options });
  const [content] = answer.content as [{ type: 'text'; text: string }];
  return {
    isError: answer.isError === true,
    text: content.text,
    report: answer.structuredContent as unknown as FleetReport,
  };
}

const tasks = (...prompts: string[]): { label: string; prompt: string }[] =>
  prompts.map((prompt, i) => ({ label: `t${i}`, prompt }));

describe('muster mcp', () => {
  let callers: Callers;
  let client: Client;
  let said: Promise<string>;
  let ended: string;
  beforeAll(async () => {
    callers = new Callers();
    ({ client, said } = await callers.stdio('--simulate'));
  });
  afterAll(() => callers[Symbol.asyncDispose]());

  it('runs subagents to their end and tells of their progress', async () => {
    const told: Progress[] = [];
    const onprogress = (progress: Progress): void => void told.push(progress);
    const input = { tasks: tasks('Look.', 'Look again.', 'No [[simulate fault=refusal times=0]]'), timeout_s: 90 };
    const { report, text: json } = await call(client, 'spawn_subagents', input, { onprogress });
    expect(report).toMatchObject({ status: 'completed', count: 3, census: { completed: 2, failed: 1 } });
    expect(JSON.parse(json)).toEqual(report);
    ended = report.id;
    const byLabel = new Map(report.results!.map((row) => [row.label, row]));
    expect(byLabel.get('t0')).toMatchObject({ status: 'completed', simulated: true });
    expect(byLabel.get('t2')).toMatchObject({ status: 'failed', error: { type: 'Claude.Refused' } });
    expect(report).not.toHaveProperty('cursor');
    expect(told.at(-1)).toMatchObject({ total: 3, message: expect.stringContaining(`fleet ${report.id}: `) as string });

    const status = await callers.ground.run(['status', report.id, '--output-format', 'json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ id: report.id, status: 'completed' });
  });

  it('answers when as many as asked for have ended, then tells each result once until the fleet is cancelled', async () => {
    const input = { tasks: tasks('Look.', 'Look again.', SLOW), wait: 'first', timeout_s: 60, reuse: 'never' };
    const { report: first } = await call(client, 'spawn_subagents', input);
    expect(first).toMatchObject({ status: 'running', next: expect.stringContaining('fleet_results') as string });
    const labels = first.results!.map(({ label }) => label);
    expect(labels).not.toEqual([]);
    let { cursor } = first;
    while (labels.length < 2) {
      const { report } = await call(client, 'fleet_results', { id: first.id, cursor, timeout_s: 20 });
      labels.push(...report.results!.map(({ label }) => label));
      ({ cursor } = report);
    }
    expect(labels.sort()).toEqual(['t0', 't1']);
    const { report: cancelled } = await call(client, 'cancel_fleet', { id: first.id });
    expect(cancelled).toMatchObject({ status: 'cancelled', census: { completed: 2, stopped: 1 } });
    const { report: rest } = await call(client, 'fleet_results', { id: first.id, cursor });
    expect(rest.results!.map(({ label, status }) => [label, status])).toEqual([['t2', 'stopped']]);
    expect(rest).not.toHaveProperty('cursor');
    expect((await call(client, 'cancel_fleet', { id: first.id })).text).toMatch(/has ended/);
  });

  it('leaves the fleet running when the call is cancelled, and when the client is gone', async () => {
    const gone = await callers.stdio('--simulate');
    const leave = new AbortController();
    const heard = Promise.withResolvers<string>();
    const onprogress = ({ message }: Progress): void => heard.resolve(/fleet (\w+):/.exec(message ?? '')?.[1] ?? '');
    const input = { tasks: tasks(SLOW), name: 'left', timeout_s: 90 };
    const left = call(gone.client, 'spawn_subagents', input, { onprogress, signal: leave.signal });
    const id = await heard.promise;
    leave.abort();
    await expect(left).rejects.toThrow();
    await gone.client.close();
    expect(await gone.said).toContain(`nobody waits for the fleet ${id} any more; it goes on`);
    expect((await call(client, 'fleet_status', { id, timeout_s: 0.5 })).report).toMatchObject({
      status: 'running',
      name: 'left',
    });
    await call(client, 'cancel_fleet', { id });
  });

  it('runs scripts and parents, and answers with what they left', async () => {
    const script = { script: SCRIPT, args: ['p1', 'p2'], timeout_s: 60 };
    const [counted, told] = await Promise.all([
      call(client, 'run_workflow', script),
      call(client, 'run_workflow', { prompt: 'What is in each directory? [[simulate spawn=2]]', timeout_s: 60 }),
    ]);
    expect(counted.report).toMatchObject({ name: 'count', status: 'completed', count: 2, result: { found: 2 } });
    expect(told.report).toMatchObject({ status: 'completed', count: 3, result: expect.any(String) as string });
    const { isError, text: fault } = await call(client, 'run_workflow', { ...script, script: `${SCRIPT}agnt('x');` });
    expect([isError, fault]).toEqual([true, expect.stringMatching(/^script:4:1: .*agnt.*agent/)]);
  });

  it('answers at once when a person is asked, with the figures, and goes on as they decide', async () => {
    const { report } = await call(client, 'run_workflow', { file: 'gated.yaml', timeout_s: 60 });
    expect(report).toMatchObject({ status: 'paused', reason: 'approval', census: { completed: 1 } });
    const [asked] = report.approvals!;
    expect(asked).toMatchObject({ kind: 'gate', figures: expect.stringMatching(/completed 1[^]*forecast/) as string });
    const wrong = await call(client, 'approve_fleet', { id: report.id, hash: '0'.repeat(64) });
    expect([wrong.isError, wrong.text]).toEqual([true, expect.stringContaining('fleet_status')]);
    await call(client, 'approve_fleet', { id: report.id, hash: asked!.hash });
    const { report: done } = await call(client, 'fleet_status', { id: report.id, timeout_s: 60 });
    expect(done).toMatchObject({ status: 'completed', census: { completed: 3 } });

    const again = (await call(client, 'run_workflow', { file: 'gated.yaml', timeout_s: 60 })).report;
    await call(client, 'approve_fleet', { id: again.id, hash: again.approvals![0]!.hash, approve: false });
    const { report: rejected } = await call(client, 'fleet_status', { id: again.id, timeout_s: 60 });
    expect(rejected).toMatchObject({ census: { completed: 1, not_attempted: 2 } });
  });

  it('tells a caller what is wrong and what to do, and starts nothing', async () => {
    const { ground } = callers;
    const cycle = [
      { label: 'a', prompt: 'x', depends_on: ['b'] },
      { label: 'b', prompt: 'x', depends_on: ['a'], modle: 'm' },
    ];
    const before = (await ground.run(['list', '--output-format', 'json'])).stdout;
    const refused = await Promise.all([
      call(client, 'spawn_subagents', { tasks: cycle }),
      call(client, 'spawn_subagents', { tasks: [{ prompt: 'x', permissions: 'full' }] }),
      call(client, 'spawn_subagents', { tasks: [{ prompt: 'x', working_directory: '..' }] }),
      call(client, 'spawn_subagents', { taks: [] }),
      call(client, 'run_workflow', { file: '../../etc/passwd', prompt: 'x' }),
      call(client, 'run_workflow', { file: '/etc/passwd' }),
      call(client, 'run_workflow', { file: 'fleet.yaml', params: { wat: 1 } }),
      call(client, 'fleet_status', { id: 'nobody' }),
      call(client, 'approve_fleet', { id: ended }),
    ]);
    expect(refused.map(({ isError }) => isError)).toEqual(refused.map(() => true));
    const texts = refused.map((one) => one.text);
    expect(texts[0]).toMatch(/modle.*write `model`[^]*nothing was started/);
    expect(texts.slice(1)).toEqual([
      expect.stringMatching(/GRANT_INVALID.*Bash[^]*--allow/),
      expect.stringMatching(/outside[^]*--add-dir/),
      expect.stringMatching(/`taks` is no argument of this tool; write `tasks`/),
      expect.stringMatching(/exactly one/),
      expect.stringMatching(/outside/),
      expect.stringMatching(/`?wat`?[^]*what/),
      expect.stringMatching(/no fleet "nobody"/),
      expect.stringMatching(/has ended/),
    ]);
    expect((await ground.run(['list', '--output-format', 'json'])).stdout).toBe(before);
  });

  it('wants a credential, and a budget for many, on the real Claude', async () => {
    const { client: real } = await callers.stdio();
    const without = await call(real, 'spawn_subagents', { tasks: tasks('x') });
    expect([without.isError, without.text]).toEqual([true, expect.stringMatching(/credential[^]*simulate: true/)]);
    const many = await call(real, 'spawn_subagents', { tasks: tasks(...Array<string>(13).fill('x')) });
    expect([many.isError, many.text]).toEqual([true, expect.stringMatching(/13 subagents.*no budget[^]*`budget_usd`/)]);
  });

  it('serves HTTP to those who know the token; a call that waits is answered when the server ends', async () => {
    const args = [PROGRAM, 'mcp', '--simulate', '--listen', '0'];
    const server = spawn(process.execPath, args, { cwd: callers.ground.directory, env: callers.env });
    const lines = createInterface({ input: server.stderr })[Symbol.asyncIterator]();
    const url = /MCP at (\S+)/.exec((await lines.next()).value as string)![1]!;
    const token = /: (\S+)$/.exec((await lines.next()).value as string)![1]!;
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401);
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    const [modern, legacy] = await Promise.all(
      (['auto', 'legacy'] as const).map((mode) =>
        callers.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }), mode),
      ),
    );
    const { report } = await call(legacy!, 'run_workflow', {
      file: 'fleet.yaml',
      params: { what: 'bugs' },
      timeout_s: 60,
    });
    expect(report).toMatchObject({ name: 'few', status: 'completed', census: { completed: 2 } });

    const heard = Promise.withResolvers<void>();
    const onprogress = (): void => heard.resolve();
    const waiting = call(modern!, 'spawn_subagents', { tasks: tasks(SLOW), timeout_s: 90 }, { onprogress });
    await heard.promise;
    server.kill('SIGTERM');
    const { report: left } = await waiting;
    expect(left).toMatchObject({ status: 'running', count: 1 });
    if (server.exitCode === null) await once(server, 'exit');
    expect(server.exitCode).toBe(0);
    await call(client, 'cancel_fleet', { id: left.id });
  });

  it('has said nothing of trouble, and ends when its client does', async () => {
    await client.close();
    expect(await said).not.toMatch(/failed|error/i);
  });
});
