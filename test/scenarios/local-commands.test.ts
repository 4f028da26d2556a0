import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endDaemons, listDaemons } from '../../client/local/down.ts';
import { FLEET_QUEUE, FLEET_WORKFLOW, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import { HOME } from '../../workflows/contract/home.ts';
import { LocalHome } from '../support/local-home.ts';

const BIN = join(import.meta.dirname, '../../bin/muster.js');

let local: LocalHome;
beforeEach(() => {
  local = new LocalHome();
});
afterEach(() => local.end());

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function muster(...args: string[]): Promise<Ended> {
  const options = { env: local.environment(), cwd: local.directory };
  return new Promise((resolve) =>
    execFile(process.execPath, [BIN, ...args], options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    ),
  );
}

const living = (): string[] => listDaemons(local.home).flatMap(({ kind, isAlive }) => (isAlive ? [kind] : []));

test('up brings up a server and a real worker that down ends, naming the fleets that wait', async () => {
  const up = await muster('up', '--simulate');
  expect(up).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^temporal 127\.0\.0\.1:\d+\nworker muster-agents-\w+\n$/),
  });
  expect(living()).toEqual(['worker', 'simulated', 'server']);
  expect(listDaemons(local.home).map(({ state }) => state.isKept)).toEqual([true, true, true]);
  const doctor = JSON.parse((await muster('doctor', '--output-format', 'json')).stdout) as {
    checks: { name: string; detail: string }[];
  };
  const detail = (name: string) => doctor.checks.find((check) => check.name === name)?.detail;
  expect(detail('daemons')).toMatch(/^worker \d+, simulated \d+ on [\d.:]+, server \d+ on [\d.:]+$/);
  expect(detail('retention')).toContain('7 days');

  const { client } = await local.open();
  // Nobody serves this queue, so it stays open.
  await client.workflow.start(FLEET_WORKFLOW, {
    workflowId: fleetWorkflowId('waiting'),
    taskQueue: `${FLEET_QUEUE}-none`,
    args: [],
  });
  const down = await muster('down');
  expect(down.code).toBe(0);
  expect(down.stderr).toMatch(/open fleets[^\n]*: waiting\nended worker \d+\nended simulated \d+\nended server \d+\n$/);
  expect(living()).toEqual([]);
  expect(await muster('down')).toMatchObject({ code: 0, stderr: 'nothing ran\n' });
});

test('up without a credential brings up the server alone, and says so', async () => {
  const { code, stderr } = await muster('up');
  expect({ code, living: living() }).toEqual({ code: 0, living: ['server'] });
  expect(stderr).toContain('no Claude credential');
});

test('up --fresh-database sets a damaged database aside and starts on a new one', async () => {
  await local.open();
  await endDaemons(local.home);
  writeFileSync(join(local.home, HOME.database), 'damaged');
  const refused = await muster('up');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/is damaged[^]*--fresh-database/) });
  const { code, stderr } = await muster('up', '--fresh-database');
  expect(code).toBe(0);
  const aside = /set aside as (.+)/.exec(stderr)?.[1];
  expect(existsSync(aside!)).toBe(true);
  expect(living()).toEqual(['server']);
});

test("dev shows Temporal's UI and the logs, and Ctrl-C ends everything it started", async () => {
  const dev = spawn(process.execPath, [BIN, 'dev', '--simulate'], {
    env: local.environment(),
    cwd: local.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  dev.stdout.on('data', (data) => (said.out += String(data)));
  dev.stderr.on('data', (data) => (said.err += String(data)));
  await expect.poll(() => said.err, { timeout: 60_000 }).toMatch(/worker on muster-agents-/);
  const url = /Temporal's UI: (\S+)/.exec(said.err)?.[1];
  expect((await fetch(url!)).status).toBe(200);
  await expect.poll(() => said.out, { timeout: 10_000 }).toMatch(/^worker-\w+ \| /m);
  expect(living()).toEqual(['worker', 'simulated', 'server']);
  dev.kill('SIGINT');
  await once(dev, 'exit');
  expect(living()).toEqual([]);
  expect(said.err).toMatch(/ended worker \d+\nended simulated \d+\nended server \d+\n$/);
});

test('down where nothing ever ran makes no home', async () => {
  expect(await muster('down')).toMatchObject({ code: 0, stderr: expect.stringContaining('nothing runs') });
  expect(existsSync(local.home)).toBe(false);
});
