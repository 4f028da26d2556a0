import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster, type TaskOf } from '../support/cluster.ts';
import { ownSleep, processesOf, within } from '../support/processes.ts';

const permissions = { allow: ['Read', 'Edit', 'Bash'], deny: [], mode: 'dontAsk' as const };
const bash = (command: string): string => `[[simulate call=Bash input='${JSON.stringify({ command })}']]`;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
  await writeFile(join(cluster.files, 'start.txt'), 'start\n');
});
afterAll(() => cluster[Symbol.asyncDispose]());

it('completes only what its checks accept, and keeps apart what they print, what they write and what they say', async () => {
  const check = (run: string): TaskOf['verify'] => [{ name: 'check', run, timeoutMs: 20_000 }];
  const fleet = await cluster.submit([
    { prompt: `${bash('echo good > made.txt')} good`, permissions, verify: check('grep good made.txt; touch litter') },
    { prompt: `${bash('echo bad > made.txt')} bad`, permissions, verify: check('grep good made.txt') },
    { prompt: `${bash('exit 3')} none`, permissions, verify: check('test ! -e made.txt') },
  ]);
  const ended = await cluster.until(fleet, ({ state }) => state === 'completed');
  expect(ended.census).toMatchObject({ completed: 2, failed: 1 });
  const [good, bad, none] = await cluster.results(fleet);
  expect(good).toMatchObject({ verify: [{ ok: true, exit_code: 0 }], changes: { files: ['made.txt'] } });
  expect(bad).toMatchObject({
    error: { type: 'Verify.Failed' },
    verify: [{ ok: false, exit_code: 1 }],
    changes: { files: ['made.txt'] },
  });
  expect(none!.changes).toBeUndefined();
});

it('a worker that is drained hands over a command and a check at once, and another one runs them from the start', async () => {
  const [command, check] = [ownSleep(), ownSleep()];
  const fleet = await cluster.submit([
    { prompt: `${bash(`echo half >> made.txt; sleep ${command} || echo whole >> made.txt`)} command`, permissions },
    {
      prompt: `[[simulate write=made.txt content="m"]] check`,
      permissions,
      verify: [{ name: 'check', run: `test -e made.txt && { sleep ${check} || true; }`, timeoutMs: 60_000 }],
    },
  ]);
  const areRunning = (): boolean => [command, check].every((sleep) => processesOf('sleep', sleep).length === 1);
  await within(20_000, areRunning);
  const [first] = cluster.workers;
  const drained = first!.kill('SIGTERM');
  await within(2_000, () => processesOf('sleep', command).length + processesOf('sleep', check).length === 0);
  expect(await drained).toBe(0);
  await cluster.startWorker();
  await within(20_000, areRunning);
  for (const sleep of [command, check]) process.kill(processesOf('sleep', sleep)[0]!);
  await cluster.until(fleet, ({ state }) => state === 'completed');
  const results = await cluster.results(fleet);
  expect(results.map(({ status, attempts }) => ({ status, attempts }))).toEqual([
    { status: 'completed', attempts: 2 },
    { status: 'completed', attempts: 2 },
  ]);
  const patch = Buffer.from(await cluster.store.get(results[0]!.changes!.patch)).toString();
  expect(patch).toMatch(/\+half\n\+whole\n/);
});

it('once a fleet’s cancel is acknowledged no process of its subagents is left', async () => {
  const sleep = ownSleep();
  const tree = `(setsid sleep ${sleep} &); sleep ${sleep} & sleep ${sleep}`;
  const fleet = await cluster.submit(['one', 'two'].map((name) => ({ prompt: `${bash(tree)} ${name}`, permissions })));
  await within(20_000, () => processesOf('sleep', sleep).length === 6);
  await cluster.fleets.cancel(fleet.id);
  expect(processesOf('sleep', sleep)).toEqual([]);
  const { census } = await cluster.until(fleet, ({ state }) => state === 'cancelled');
  expect(census.stopped).toBe(2);
});
