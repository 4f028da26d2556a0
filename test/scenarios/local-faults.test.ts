import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SIMULATED } from '../../client/config.ts';
import { writeState, type DaemonState } from '../../client/local/daemon.ts';
import { prepareDatabase } from '../../client/local/database.ts';
import { endDaemons, listDaemons } from '../../client/local/down.ts';
import { VERSION } from '../../client/local/entries.ts';
import { createHome } from '../../client/local/home.ts';
import { isAlive } from '../../client/local/process-identity.ts';
import { readServer } from '../../client/local/server.ts';
import { listWorkers } from '../../client/local/worker.ts';
import { HOME } from '../../workflows/contract/home.ts';
import { LocalHome } from '../support/local-home.ts';

let local: LocalHome;
beforeEach(() => {
  local = new LocalHome();
});
afterEach(() => local.end());

const server = (): DaemonState => readServer(local.home)!;

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
    expect(local.processes('server')).toEqual([server().pid]);
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
    await local.kill(pid);
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
    expect(local.processes('server')).toEqual([]);
  });

  test('whose first making was interrupted is made anew without a word', async () => {
    createHome(local.home);
    prepareDatabase(local.home);
    writeFileSync(database(), '');
    const stack = await local.open();
    await expect(stack.client.workflow.count()).resolves.toMatchObject({ count: 0 });
    expect(existsSync(`${database()}-unfinished`)).toBe(false);
  });
});
