import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SIMULATED } from '../../client/config.ts';
import { announceDown, endDaemons, listDaemons, listOpenFleets } from '../../client/local/down.ts';
import { readState, writeState, type DaemonState } from '../../client/local/daemon.ts';
import { VERSION } from '../../client/local/entries.ts';
import { findSessionLeaders, isAlive } from '../../client/local/process-identity.ts';
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

const server = (): DaemonState => readServer(local.home)!;
const processesOf = (kind: string): number[] =>
  findSessionLeaders({ MUSTER_HOME: local.home, MUSTER_DAEMON: kind }).map(({ pid }) => pid);

/** Ends as a power cut would, and is gone when this resolves. */
async function killNow(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await expect.poll(() => listDaemons(local.home).find(({ state }) => state.pid === pid)?.isAlive).toBe(false);
}

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
    for (const kind of ['server', 'simulated', 'worker']) expect(processesOf(kind)).toHaveLength(1);
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
    expect(processesOf('worker')).toHaveLength(3);
    for (const { state } of listWorkers(local.home))
      expect(readFileSync(`/proc/${state.pid}/environ`, 'utf8')).toContain('MUSTER_IDLE_EXIT_MS=600000');
  });

  test('a worker that dies at once is an error with the end of its log', async () => {
    const stack = await local.open({ env: { TINY_WORKER_DIES: '1' } });
    await expect(stack.ensureWorker(SIMULATED)).rejects.toThrow(/ended as soon as it had started[^]*told to die/);
  });

  test('a stack that needs no server starts none until it is asked to mend', async () => {
    const stack = await local.open({ needsServer: false });
    expect(processesOf('server')).toEqual([]);
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
    await killNow(pid);
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
    for (const { kind, state } of listDaemons(local.home)) if (kind !== 'server') await killNow(state.pid);
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
    expect(processesOf('server')).toEqual([]);
    const later = await local.open();
    await expect(later.mend()).resolves.toBeUndefined();
  });
});

describe('what was left behind', () => {
  test('a stale file whose pid is now another process is not taken for the server, which is not hurt', async () => {
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' });
    try {
      await local.open();
      await endDaemons(local.home);
      writeState(local.home, HOME.serverFile, { ...server(), pid: bystander.pid!, isReady: true });
      const stack = await local.open();
      await expect(stack.client.workflow.count()).resolves.toMatchObject({ count: 0 });
      expect(server().pid).not.toBe(bystander.pid);
      expect({ code: bystander.exitCode, signal: bystander.signalCode }).toEqual({ code: null, signal: null });
    } finally {
      bystander.kill();
      await once(bystander, 'exit');
    }
  });

  test('a damaged file of a server that lives does not lead to two servers on one database', async () => {
    await local.open();
    const { pid } = server();
    writeFileSync(join(local.home, HOME.serverFile), '{"pid":');
    const stack = await local.open();
    await expect(stack.client.workflow.count()).resolves.toMatchObject({ count: 0 });
    expect(processesOf('server')).toEqual([server().pid]);
    expect(server().pid).not.toBe(pid);
  });

  test('a server whose starter died before it was ready is replaced', async () => {
    await local.open();
    const half = server();
    writeState(local.home, HOME.serverFile, { ...half, isReady: false, address: null });
    await local.open();
    expect(isAlive(half)).toBe(false);
    expect(server().port).toBe(half.port);
  });

  test('a port taken by another program makes the server move, and its worker with it', async () => {
    const stack = await local.open();
    await stack.ensureWorker(SIMULATED);
    const { port, pid } = server();
    const oldWorker = listWorkers(local.home)[0]!.state;
    await killNow(pid);
    const intruder = createServer().listen(port!, '127.0.0.1');
    await once(intruder, 'listening');
    try {
      await stack.mend();
      expect(server().port).not.toBe(port);
      expect(local.said.join('\n')).toContain(`port ${port} is taken by another program`);
      await expect(stack.client.workflow.count()).resolves.toMatchObject({ count: 0 });
      expect(isAlive(oldWorker)).toBe(false);
      const { pid: workerPid } = listWorkers(local.home)[0]!.state;
      expect(readFileSync(`/proc/${workerPid}/environ`, 'utf8')).toContain(`TEMPORAL_ADDRESS=${server().address}`);
    } finally {
      intruder.close();
    }
  });

  test('daemons of another version are drained, workers first, and replaced', async () => {
    const farewell = join(local.directory, 'farewell');
    await (await local.open({ env: { TINY_WORKER_FAREWELL: farewell } })).ensureWorker(SIMULATED);
    const old = listDaemons(local.home);
    for (const { file, state } of old) writeState(local.home, file, { ...state, version: '0.0.1' });
    const stack = await local.open();
    await stack.ensureWorker(SIMULATED);
    expect(readFileSync(farewell, 'utf8')).toBe(String(old[0]!.state.pid));
    for (const { state } of old) expect(isAlive(state)).toBe(false);
    const renewed = listDaemons(local.home);
    expect(renewed.map(({ state }) => state.version)).toEqual([VERSION, VERSION, VERSION]);
    expect(renewed.map(({ state }) => state.port)).toEqual(old.map(({ state }) => state.port));
  });
});

describe('the database', () => {
  const database = (): string => join(local.home, HOME.database);

  async function damage(text: string): Promise<void> {
    await local.open();
    await endDaemons(local.home);
    writeFileSync(database(), text);
  }

  test.each([
    ['something else', 'this is no database at all, but long enough to be looked at by the server '.repeat(20)],
    ['empty', ''],
  ])('that is %s is refused in words, untouched, with the way out', async (_, text) => {
    await damage(text);
    await expect(local.open()).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining(`${database()} is damaged`),
      hint: expect.stringContaining('muster up --fresh-database'),
    });
    expect(readFileSync(database(), 'utf8')).toBe(text);
    expect(processesOf('server')).toEqual([]);
  });

  test('whose first making was interrupted is made anew without a word', async () => {
    const { prepareDatabase } = await import('../../client/local/database.ts');
    const { createHome } = await import('../../client/local/home.ts');
    createHome(local.home);
    prepareDatabase(local.home);
    writeFileSync(database(), '');
    const stack = await local.open();
    await expect(stack.client.workflow.count()).resolves.toMatchObject({ count: 0 });
    expect(existsSync(`${database()}-unfinished`)).toBe(false);
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
    expect(processesOf('worker')).toEqual([state.pid]);
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
      expect(processesOf('worker')).toEqual([]);
      await stack.ensureWorker({ baseUrl: 'http://127.0.0.1:1', apiKey: 'other', isSimulated: false });
      expect(processesOf('worker')).toHaveLength(1);
      expect(processesOf('server')).toEqual([]);
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
