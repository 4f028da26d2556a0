import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import type { McpLimits } from '../../../activities/mcp/limits.ts';
import type { McpServers, McpTools } from '../../../activities/mcp/mcp.ts';
import { createMcpServers } from '../../../activities/mcp/servers.ts';
import { createLog } from '../../../activities/observe/log.ts';
import type { ConfinedProgram } from '../../../activities/sandbox/sandbox.ts';
import type { OperatorMcpServer } from '../../../workflows/contract/operator.schema.ts';
import type { McpServer } from '../../../workflows/contract/task.schema.ts';
import { hostileServer, quickServer, testServer, unconfined } from '../../support/mcp-world.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const log = createLog('silent');
const never = new AbortController().signal;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: DiskStore;
let workers: McpServers[];
let confined: ConfinedProgram[];

beforeEach(async () => {
  directory = await temporaryDirectory();
  store = await DiskStore.open(join(directory.path, 'store'));
  workers = [];
  confined = [];
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  await directory[Symbol.asyncDispose]();
});

/** A worker of its own, on the store they all share. */
function worker(operator: Record<string, OperatorMcpServer> = {}, limits: Partial<McpLimits> = {}): McpServers {
  const servers = createMcpServers({
    operator,
    store: store,
    confine(program) {
      confined.push(program);
      return unconfined(program);
    },
    log,
    limits,
  });
  workers.push(servers);
  return servers;
}

function toolsOf(
  servers: McpServers,
  names = ['test'],
  { fleetId = 'fleet', declared = {} as Record<string, McpServer>, signal = never } = {},
): Promise<McpTools> {
  return servers.tools({ fleetId, names, declared, signal });
}

async function call(tools: McpTools, name: string, input: Record<string, unknown> = {}): Promise<string> {
  const { content, isError } = await tools.call(`mcp__test__${name}`, input, never);
  expect(isError, content).toBe(false);
  return content;
}

/** Of all processes of this machine. */
function commandLines(): string[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, 'utf8')] : [];
    } catch {
      return [];
    }
  });
}

/** Neither gone nor waiting for a parent to notice. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('the servers of a worker', () => {
  test('are started on first use, and their tools are named, sorted and called', async () => {
    const servers = worker({ test: testServer() });
    expect(confined).toEqual([]);
    const tools = await toolsOf(servers);
    const names = tools.definitions.map(({ name }) => name);
    expect(names).toContain('mcp__test__echo');
    expect(names).toEqual([...names].sort());
    expect(tools.definitions.find(({ name }) => name === 'mcp__test__echo')).toMatchObject({
      description: 'Says it again',
      input_schema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    });
    expect(await call(tools, 'echo', { text: 'hello' })).toBe('hello');
  });

  test('are one process for all subagents and fleets with the same declaration', async () => {
    const servers = worker({ test: quickServer() });
    const [a, b, again] = await Promise.all([
      toolsOf(servers),
      toolsOf(servers, ['test'], { fleetId: 'other' }),
      toolsOf(servers),
    ]);
    expect(again).toBe(a);
    expect(await call(a!, 'pid')).toBe(await call(b!, 'pid'));
    const different = await toolsOf(servers, ['test'], { fleetId: 'third', declared: { test: quickServer('/none') } });
    expect(await call(different, 'pid')).not.toBe(await call(a!, 'pid'));
  });

  test('get what their operator says, and what a fleet says gets neither network nor files', async () => {
    const servers = worker({ test: { ...quickServer(), readOnlyPaths: ['/opt/data'], network: true } });
    await toolsOf(servers);
    expect(confined.at(-1)).toMatchObject({ readOnlyPaths: ['/opt/data'], hasNetwork: true });
    const greedy = { ...quickServer(), readOnlyPaths: ['/etc'], network: true } as McpServer;
    await toolsOf(servers, ['test'], { fleetId: 'greedy', declared: { test: greedy } });
    expect(confined.at(-1)).toMatchObject({ readOnlyPaths: [], hasNetwork: false });
  });

  test('have no environment but their own', async () => {
    const servers = worker({ test: testServer(undefined, { TOKEN: '${HOME}' }) });
    expect(JSON.parse(await call(await toolsOf(servers), 'env'))).toEqual({ TOKEN: '${HOME}' });
  });

  test('come of the fleet before the operator, and never from a repository', async () => {
    const { path } = directory;
    const repository = join(path, 'repository');
    await mkdir(repository);
    const proof = join(path, 'proof');
    const planted = { command: '/bin/sh', args: ['-c', `touch ${proof}`] };
    await writeFile(join(repository, '.mcp.json'), JSON.stringify({ mcpServers: { planted, test: planted } }));
    const before = process.cwd();
    process.chdir(repository);
    try {
      const servers = worker({ test: quickServer() });
      await expect(toolsOf(servers, ['planted'])).rejects.toMatchObject({
        name: 'McpUnavailable',
        message: 'There is no MCP server planted. Declared by this fleet or the operator: test.',
      });
      expect(await call(await toolsOf(servers), 'echo', { text: 'mine' })).toBe('mine');
    } finally {
      process.chdir(before);
    }
    expect(existsSync(proof)).toBe(false);
  });

  test.each(['constructor', '__proto__', 'a__b', '', '../x', 'a'.repeat(65)])(
    'are none by the name %j',
    async (name) => {
      await expect(toolsOf(worker({ test: quickServer() }), [name])).rejects.toMatchObject({ name: 'McpUnavailable' });
    },
  );

  test('end with the worker, whatever they have started themselves', async () => {
    const servers = worker({ test: quickServer() });
    const tools = await toolsOf(servers);
    const pids = [Number(await call(tools, 'pid')), Number(await call(tools, 'spawn'))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    await servers.close();
    await servers.close();
    await expect.poll(() => pids.some(isAlive)).toBe(false);
    await expect(toolsOf(servers, ['test'], { fleetId: 'late' })).rejects.toMatchObject({ name: 'McpUnavailable' });
    expect(await tools.call('mcp__test__echo', { text: 'x' }, never)).toMatchObject({ isError: true });
  });

  test('end when nobody calls them, and are there again for the next call', async () => {
    const servers = worker({ test: quickServer() }, { idleMs: 50 });
    const tools = await toolsOf(servers);
    const pid = Number(await call(tools, 'pid'));
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(Number(await call(tools, 'pid'))).not.toBe(pid);
  });
});

describe('a call', () => {
  test('answers with what the model can read', async () => {
    const tools = await toolsOf(worker({ test: testServer() }));
    expect(await call(tools, 'mixed')).toBe(
      'a chart\n(image, image/png: not shown)\n(link to report: file:///report)\nthe notes',
    );
    expect(await call(tools, 'structured')).toBe('{"n":1}');
    expect(await tools.call('mcp__test__fail', {}, never)).toEqual({ content: 'it broke', isError: true });
    expect(await tools.call('mcp__test__echo', { text: 3 }, never)).toMatchObject({ isError: true });
    expect(await tools.call('mcp__test__none', {}, never)).toEqual({
      content: 'There is no tool mcp__test__none.',
      isError: true,
    });
    const big = await call(tools, 'big', { chars: 1_000_000 });
    expect(big.length).toBeLessThan(80_100);
    expect(big).toMatch(/\(Cut: 920000 more characters\.\)$/);
  });

  test('that is aborted ends with the reason, and the server goes on', async () => {
    const tools = await toolsOf(worker({ test: testServer() }));
    const pid = await call(tools, 'pid');
    const leave = new AbortController();
    const hanging = tools.call('mcp__test__hang', {}, leave.signal);
    setImmediate(() => leave.abort(new Error('left')));
    await expect(hanging).rejects.toThrow('left');
    await expect(tools.call('mcp__test__echo', {}, leave.signal)).rejects.toThrow('left');
    expect(await call(tools, 'pid')).toBe(pid);
  });

  test('without an answer ends in time; three of them, and the server is started anew', async () => {
    const tools = await toolsOf(worker({ test: quickServer() }, { callMs: 300 }));
    const pid = await call(tools, 'pid');
    for (let i = 0; i < 3; i += 1)
      expect(await tools.call('mcp__test__hang', {}, never)).toEqual({
        content: expect.stringMatching(/did not answer within 0\.3 s; whether it did/),
        isError: true,
      });
    const isAnother = async (): Promise<boolean> => {
      const { content } = await tools.call('mcp__test__pid', {}, never);
      return /^\d+$/.test(content) && content !== pid;
    };
    await expect.poll(isAnother, { timeout: 10_000 }).toBe(true);
  });

  test('that kills the server is an error, never made twice, and the next one finds another', async () => {
    const tools = await toolsOf(worker({ test: quickServer() }));
    const pid = await call(tools, 'pid');
    expect(await tools.call('mcp__test__die', {}, never)).toEqual({
      content: expect.stringMatching(/ended during the call/),
      isError: true,
    });
    expect(await call(tools, 'pid')).not.toBe(pid);
    expect(confined).toHaveLength(2);
  });

  test('waits for its turn: so many at once and a second, over all fleets', async () => {
    const servers = worker({ test: testServer() }, { callsInFlight: 2, callsPerSecond: 20 });
    const fleets = await Promise.all(['a', 'b'].map((fleetId) => toolsOf(servers, ['test'], { fleetId })));
    const startMs = performance.now();
    const most = await Promise.all(Array.from({ length: 10 }, (_, i) => call(fleets[i % 2]!, 'busy')));
    expect(Math.max(...most.map(Number))).toBeLessThanOrEqual(2);
    expect(performance.now() - startMs).toBeGreaterThan(440);
    const leave = new AbortController();
    const held = [call(fleets[0]!, 'busy'), call(fleets[0]!, 'busy')];
    const waiting = fleets[1]!.call('mcp__test__busy', {}, leave.signal);
    leave.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
    await Promise.all(held);
  });
});

describe('the tools of a server', () => {
  test('that change while it runs are refused from then on, and the others of the task are not', async () => {
    const servers = worker({ test: quickServer(), other: quickServer() });
    const tools = await toolsOf(servers, ['other', 'test']);
    expect(tools.refusal('mcp__test__echo')).toBeUndefined();
    await call(tools, 'change');
    await expect
      .poll(() => tools.refusal('mcp__test__echo'))
      .toEqual({
        reason: 'MCP_CHANGED',
        message: expect.stringMatching(/^The tools of the MCP server test are not those they were pinned to \(sha256:/),
      });
    expect(await tools.call('mcp__test__echo', { text: 'x' }, never)).toMatchObject({ isError: true });
    expect(tools.refusal('mcp__other__echo')).toBeUndefined();
    expect(await tools.call('mcp__other__echo', { text: 'x' }, never)).toEqual({ content: 'x', isError: false });
    expect(await toolsOf(servers, ['other', 'test'])).toBe(tools);
  });

  test('that differ after a restart are not called, not even once', async () => {
    const flag = join(directory.path, 'flag');
    const tools = await toolsOf(worker({ test: quickServer(flag) }));
    await writeFile(flag, '');
    await tools.call('mcp__test__die', {}, never);
    expect(await tools.call('mcp__test__echo', { text: 'x' }, never)).toEqual({
      content: expect.stringMatching(/not those they were pinned to/),
      isError: true,
    });
    expect(tools.refusal('mcp__test__echo')).toMatchObject({ reason: 'MCP_CHANGED' });
  });

  test('that differ on another worker are not shown and not called there; a new fleet takes them as they are', async () => {
    const flag = join(directory.path, 'flag');
    await toolsOf(worker({ test: quickServer(flag) }));
    await writeFile(flag, '');
    const second = worker({ test: quickServer(flag), other: quickServer() });
    const tools = await toolsOf(second, ['other', 'test']);
    expect(tools.definitions.filter(({ name }) => name.startsWith('mcp__test__'))).toEqual([]);
    expect(tools.definitions.some(({ name }) => name === 'mcp__other__echo')).toBe(true);
    expect(tools.refusal('mcp__test__echo')).toMatchObject({ reason: 'MCP_CHANGED' });
    expect(tools.refusal('mcp__test__extra')).toMatchObject({ reason: 'MCP_CHANGED' });
    expect(await tools.call('mcp__test__extra', {}, never)).toMatchObject({ isError: true });
    const fresh = await toolsOf(second, ['test'], { fleetId: 'new' });
    expect(await call(fresh, 'extra')).toBe('extra');
  });

  test('are pinned by one of many workers that begin at once', async () => {
    const flag = join(directory.path, 'flag');
    const before = worker({ test: quickServer(flag) });
    const after = worker({ test: quickServer(flag) });
    await toolsOf(before, ['test'], { fleetId: 'warm' });
    await writeFile(flag, '');
    await toolsOf(after, ['test'], { fleetId: 'warm-too' });
    const both = await Promise.all([before, after].map((servers) => toolsOf(servers, ['test'], { fleetId: 'race' })));
    expect(both.filter(({ definitions }) => definitions.length > 0)).toHaveLength(1);
    expect(both.filter((tools) => tools.refusal('mcp__test__echo'))).toHaveLength(1);
  });

  test('are pinned by the operator’s hash, where there is one', async () => {
    const open = await toolsOf(worker({ test: { ...quickServer(), pin: 'f'.repeat(64) } }));
    expect(open.definitions).toEqual([]);
    const [, hash] = /\((sha256:[0-9a-f]{64}), pinned/.exec(open.refusal('mcp__test__echo')?.message ?? '') ?? [];
    const pinned = await toolsOf(worker({ test: { ...quickServer(), pin: hash } }));
    expect(await call(pinned, 'echo', { text: 'x' })).toBe('x');
  });

  test('are shown without what only a model would see, by names that are nobody else’s', async () => {
    const { definitions } = await toolsOf(worker({ test: hostileServer('names') }));
    expect(definitions.map(({ name }) => name)).toEqual([
      'mcp__test__Read',
      'mcp__test_____Bash',
      `mcp__test__${'a'.repeat(53)}`,
      'mcp__test__late',
    ]);
    const shown = JSON.stringify(definitions);
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}]|\\u00/u);
    expect(shown).toContain('Hidden words');
    expect(Math.max(...definitions.map(({ description = '' }) => description.length))).toBe(2_000);
  });

  test.each([
    ['twins', /"a\.b" and "a\/b" are both mcp__test__a_b/],
    ['argument', /an argument "ab c", which is no name/],
    ['deep', /nested more than 32 deep/],
    ['pages', /listMaxPages|tools/],
    ['weird', /does not start/],
  ])('that nobody can be shown are a clear error: %s', async (mode, message) => {
    await expect(toolsOf(worker({ test: hostileServer(mode) }, { tools: 100 }))).rejects.toMatchObject({
      name: 'McpUnavailable',
      message: expect.stringMatching(message),
    });
  });

  test('are counted', async () => {
    await expect(toolsOf(worker({ test: hostileServer('many') }, { tools: 100 }))).rejects.toThrow(
      'The MCP server test does not start: it offers 150 tools; 100 are too many to show.',
    );
  });
});

describe('a server that misbehaves', () => {
  test.each(['garbage', 'old'])('is understood where that is possible: %s', async (mode) => {
    expect(await call(await toolsOf(worker({ test: hostileServer(mode) })), 'echo')).toBe('ran echo');
  });

  test('by ending at once is an error that can be tried again, after a pause that grows', async () => {
    const servers = worker({ test: hostileServer('dead') });
    const startMs = performance.now();
    for (let i = 0; i < 3; i += 1)
      await expect(toolsOf(servers)).rejects.toMatchObject({ name: 'McpUnavailable', message: /does not start/ });
    expect(performance.now() - startMs).toBeGreaterThan(700);
  });

  test('again and again rests, and who asks then learns for how long', async () => {
    const limits = { backOffMs: 60_000, firstBackOffMs: 4_000 };
    const servers = worker({ test: { ...hostileServer('x'), command: '/nowhere/at-all' } }, limits);
    await expect(toolsOf(servers)).rejects.toThrow(/does not start: .*ENOENT/);
    await expect(toolsOf(servers)).rejects.toThrow(/has failed \(1 in a row\) and rests for 4 s more/);
  });

  test('by silence is given up in time, and leaves no process', async () => {
    const mute = hostileServer('mute');
    const mark = directory.path;
    const servers = worker({ test: { ...mute, args: [...mute.args, mark] } }, { connectMs: 500 });
    const asked = toolsOf(servers);
    await expect.poll(() => commandLines().some((line) => line.includes(mark))).toBe(true);
    await expect(asked).rejects.toThrow('does not start: it did not answer within 0.5 s');
    expect(commandLines().filter((line) => line.includes(mark))).toEqual([]);
  });

  test('does not hold up who no longer wants it', async () => {
    const servers = worker({ test: hostileServer('mute') }, { connectMs: 1_000 });
    const leave = new AbortController();
    const asked = toolsOf(servers, ['test'], { signal: leave.signal });
    leave.abort(new Error('left'));
    await expect(asked).rejects.toThrow('left');
  });

  test('by a flood is read at a pace the worker can bear', async () => {
    const servers = worker({ test: hostileServer('') }, { linesPerSecond: 500, callMs: 1_500 });
    const tools = await toolsOf(servers);
    let ticks = 0;
    const ticker = setInterval(() => (ticks += 1), 10);
    await tools.call('mcp__test__flood', {}, never);
    clearInterval(ticker);
    expect(ticks).toBeGreaterThan(75);
  });

  test('by a message without end is ended, and the memory with it', async () => {
    const servers = worker({ test: hostileServer('') });
    const tools = await toolsOf(servers);
    const before = process.memoryUsage().rss;
    expect(await tools.call('mcp__test__huge', {}, never)).toEqual({
      content: expect.stringMatching(/ended during the call/),
      isError: true,
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    expect(await call(tools, 'echo')).toBe('ran echo');
  });

  test('by crying change all the time is listed again only so often', async () => {
    const tools = await toolsOf(worker({ test: hostileServer('') }));
    await call(tools, 'list-flood');
    expect(Number(await call(tools, 'lists'))).toBeLessThan(10);
    expect(tools.refusal('mcp__test__echo')).toBeUndefined();
  });
});
