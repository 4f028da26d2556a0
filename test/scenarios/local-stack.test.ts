import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SIMULATED } from '../../client/config.ts';
import { announceDown, endDaemons, listDaemons, listOpenFleets } from '../../client/local/down.ts';
import { readState, type DaemonState } from '../../client/local/daemon.ts';
import { readServer } from '../../client/local/server.ts';
import { listWorkers } from '../../client/local/worker.ts';
import { FLEET_QUEUE, FLEET_WORKFLOW, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import { HOME } from '../../workflows/contract/home.ts';
import { LocalHome } from '../support/local-home.ts';

const RACER = join(import.meta.dirname, '../support/stack-racer.ts');

let local: LocalHome;
beforeEach(() => {
  local = new LocalHome();
});
afterEach(() => local.end());

/** A file of MCP servers that names a variable. */
function declarations(): string {
  const file = join(local.directory, 'mcp.json');
  writeFileSync(file, '{"mcpServers":{"files":{"command":"x","env":{"A":"${FILES_TOKEN}"}}}}');
  return file;
}

const server = (): DaemonState => readServer(local.home)!;
async function startFleet(client: Awaited<ReturnType<LocalHome['open']>>['client'], id: string): Promise<void> {
  await client.workflow.start(FLEET_WORKFLOW, { workflowId: fleetWorkflowId(id), taskQueue: FLEET_QUEUE, args: [] });
}

describe('starting', () => {
  test('two commands at once bring up one server, one simulated Claude and one worker', async () => {
    const run = () =>
      promisify(execFile)(process.execPath, [RACER], { env: local.environment(), cwd: local.directory });
    const [one, other] = await Promise.all([run(), run()]);
    expect(one.stdout).toBe(other.stdout);
    expect(JSON.parse(one.stdout)).toEqual({
      address: server().address,
      queue: expect.stringContaining('muster-agents-'),
    });
    for (const kind of ['server', 'simulated', 'worker'] as const) expect(local.processes(kind)).toHaveLength(1);
    expect(`${one.stderr}${other.stderr}`.match(/starting Temporal/g)).toHaveLength(1);
  });

  test('daemons hold nothing of the command that started them, and carry the home', async () => {
    const stack = await local.open();
    await stack.ensureWorker(SIMULATED);
    const daemons = listDaemons(local.home);
    expect(daemons.map(({ kind }) => kind)).toEqual(['worker', 'simulated', 'server']);
    for (const { kind, state } of daemons) {
      const [, , , session, terminal] = readFileSync(`/proc/${state.pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
      expect({ session: Number(session), terminal: Number(terminal) }).toEqual({ session: state.pid, terminal: 0 });
      expect(readFileSync(`/proc/${state.pid}/environ`, 'utf8').split('\0')).toContain(`MUSTER_HOME=${local.home}`);
      if (kind === 'worker') expect(readFileSync(`/proc/${state.pid}/cmdline`, 'utf8')).toContain('\0worker\0');
    }
  });

  test('a second command finds all of it running and starts nothing', async () => {
    await (await local.open()).ensureWorker(SIMULATED);
    const before = listDaemons(local.home).map(({ state }) => state.pid);
    local.said.length = 0;
    const start = performance.now();
    const stack = await local.open();
    await stack.ensureWorker(SIMULATED);
    expect(performance.now() - start).toBeLessThan(500);
    expect(listDaemons(local.home).map(({ state }) => state.pid)).toEqual(before);
    expect(local.said).toEqual([]);
  });

  test('another credential brings up another worker on another queue', async () => {
    const stack = await local.open();
    const access = { baseUrl: 'http://127.0.0.1:1', isSimulated: false };
    const queues = [
      await stack.ensureWorker({ ...access, apiKey: 'one' }),
      await stack.ensureWorker({ ...access, apiKey: 'two' }),
      await stack.ensureWorker({ ...access, authToken: 'two' }),
      await stack.ensureWorker({ ...access, apiKey: 'one' }),
    ];
    expect(new Set(queues).size).toBe(3);
    expect(queues[3]).toBe(queues[0]);
    expect(local.processes('worker')).toHaveLength(3);
    for (const { state } of listWorkers(local.home))
      expect(readFileSync(`/proc/${state.pid}/environ`, 'utf8')).toContain('MUSTER_IDLE_EXIT_MS=600000');
  });

  test('a worker that dies at once is an error with the end of its log', async () => {
    const stack = await local.open({ env: { TINY_WORKER_DIES: '1' } });
    await expect(stack.ensureWorker(SIMULATED)).rejects.toThrow(/ended as soon as it had started[^]*told to die/);
  });

  test("a worker of another operator's configuration is drained and replaced, but not by those under way", async () => {
    const before = await local.open();
    await before.ensureWorker(SIMULATED);
    const [old] = local.processes('worker');
    const env = { MUSTER_SANDBOX: 'none', MUSTER_EGRESS_INTERNAL: '10.0.0.0/8', MUSTER_MCP_CONFIG: declarations() };
    const missing = await local.open({ env });
    await expect(missing.ensureWorker(SIMULATED)).rejects.toMatchObject({
      exitCode: 2,
      message: 'mcpServers names FILES_TOKEN, which is not set',
    });
    const after = await local.open({ env: { ...env, FILES_TOKEN: 'one' } });
    await after.ensureWorker(SIMULATED);
    const [fresh, ...others] = local.processes('worker');
    expect(others).toEqual([]);
    expect(fresh).not.toBe(old);
    const environment = readFileSync(`/proc/${fresh}/environ`, 'utf8').split('\0');
    expect(environment).toEqual(expect.arrayContaining(['MUSTER_SANDBOX=none', 'FILES_TOKEN=one']));
    const file = environment.find((pair) => pair.startsWith('MUSTER_MCP_CONFIG='))!.slice('MUSTER_MCP_CONFIG='.length);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain('one"');
    await before.mend();
    expect(local.processes('worker')).toEqual([fresh]);
    await (await local.open({ env: { ...env, FILES_TOKEN: 'two' } })).ensureWorker(SIMULATED);
    expect(local.processes('worker')).not.toEqual([fresh]);
  });

  test('a stack that needs no server starts none until it is asked to mend', async () => {
    const stack = await local.open({ needsServer: false });
    expect(local.processes('server')).toEqual([]);
    await stack.mend();
    await expect(stack.client.workflow.count()).resolves.toMatchObject({ count: 0 });
  });

  test('a proxy in the environment is not asked for the way to this machine', async () => {
    const before = { ...process.env };
    Object.assign(process.env, { http_proxy: 'http://127.0.0.1:3', https_proxy: 'http://127.0.0.1:3' });
    try {
      await expect((await local.open()).client.workflow.count()).resolves.toMatchObject({ count: 0 });
    } finally {
      process.env = before;
    }
  });
});

describe('mending', () => {
  test('brings a killed server back on its database and port, with what it knew', async () => {
    const stack = await local.open();
    await stack.ensureWorker(SIMULATED);
    await startFleet(stack.client, 'survivor');
    const { address, pid } = server();
    await local.kill(pid);
    await stack.mend();
    expect(server().address).toBe(address);
    expect(server().pid).not.toBe(pid);
    expect(await stack.client.workflow.getHandle(fleetWorkflowId('survivor')).describe()).toMatchObject({
      status: { name: 'RUNNING' },
    });
    expect(await listOpenFleets(local.home)).toEqual(['survivor']);
  });

  test('brings back worker and simulated Claude, on the same queue', async () => {
    const stack = await local.open();
    const queue = await stack.ensureWorker(SIMULATED);
    for (const { kind, state } of listDaemons(local.home)) if (kind !== 'server') await local.kill(state.pid);
    await stack.mend();
    expect(listDaemons(local.home).filter(({ isAlive }) => isAlive)).toHaveLength(3);
    expect(await stack.ensureWorker(SIMULATED)).toBe(queue);
  });

  test('costs about nothing when all is well', async () => {
    const stack = await local.open();
    await stack.ensureWorker(SIMULATED);
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const start = performance.now();
      await stack.mend();
      times.push(performance.now() - start);
    }
    expect(times.toSorted((a, b) => a - b)[25]).toBeLessThan(5);
  });

  test('waits for a server that was just ending, and starts it again', async () => {
    const stack = await local.open();
    const { pid, address } = server();
    process.kill(pid, 'SIGTERM');
    const other = await local.open();
    await expect(other.client.workflow.count()).resolves.toMatchObject({ count: 0 });
    expect(server().address).toBe(address);
    await stack.mend();
  });

  test('does not bring back what a person ended', async () => {
    const stack = await local.open();
    announceDown(local.home);
    await endDaemons(local.home);
    await expect(stack.mend()).rejects.toThrow('`muster down` ended what ran here');
    expect(local.processes('server')).toEqual([]);
    const later = await local.open();
    await expect(later.mend()).resolves.toBeUndefined();
  });
});

describe('down', () => {
  test('ends worker, simulated Claude and server, in this order, strays too, and remembers ports', async () => {
    await (await local.open()).ensureWorker(SIMULATED);
    const [worker, simulated, serverDaemon] = listDaemons(local.home).map(({ state }) => state.pid);
    const { port } = server();
    const ended = await endDaemons(local.home);
    expect(ended).toEqual([
      { kind: 'worker', pid: worker, how: 'ended' },
      { kind: 'simulated', pid: simulated, how: 'ended' },
      { kind: 'server', pid: serverDaemon, how: 'ended' },
    ]);
    expect(await endDaemons(local.home)).toEqual([]);
    await local.open();
    expect(server().port).toBe(port);
    const stray = server().pid;
    writeFileSync(join(local.home, HOME.serverFile), '');
    expect(await endDaemons(local.home)).toEqual([{ kind: 'server', pid: stray, how: 'ended' }]);
  });

  test('kept daemons have no idle time, and those of a run become kept', async () => {
    await (await local.open()).ensureWorker(SIMULATED);
    expect(server().isKept).toBe(false);
    await (await local.open({ isKept: true })).ensureWorker(SIMULATED);
    expect(readState(local.home, HOME.serverFile)).toMatchObject({ isKept: true });
    const { state } = listWorkers(local.home)[0]!;
    expect(readFileSync(`/proc/${state.pid}/environ`, 'utf8')).not.toContain('MUSTER_IDLE_EXIT_MS');
    expect(local.processes('worker')).toEqual([state.pid]);
  });
});

describe('with TEMPORAL_ADDRESS', () => {
  test('no server is started, and a worker only where nobody serves the queue', async () => {
    const host = new LocalHome();
    try {
      const theirs = await host.open();
      await theirs.ensureWorker({ baseUrl: 'http://127.0.0.1:1', apiKey: 'k', isSimulated: false });
      const env = { TEMPORAL_ADDRESS: readServer(host.home)!.address! };
      const stack = await local.open({ env });
      await stack.ensureWorker({ baseUrl: 'http://127.0.0.1:1', apiKey: 'k', isSimulated: false });
      expect(local.processes('worker')).toEqual([]);
      const other = { baseUrl: 'http://127.0.0.1:1', apiKey: 'other', isSimulated: false };
      await stack.ensureWorker(other);
      expect(local.processes('worker')).toHaveLength(1);
      expect(local.processes('server')).toEqual([]);
      await expect(local.open({ env: { ...env, TEMPORAL_NAMESPACE: 'nope' } })).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringContaining('has no namespace nope'),
      });
      // A worker of the embedded server is no worker of theirs, nor the other way round.
      await (await local.open()).ensureWorker(other);
      expect(local.processes('worker')).toHaveLength(2);
    } finally {
      await host.end();
    }
  });

  test('an address where nobody answers is said to be so', async () => {
    await expect(local.open({ env: { TEMPORAL_ADDRESS: '127.0.0.1:3' } })).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('no Temporal answers at 127.0.0.1:3'),
    });
  });
});
