import { existsSync } from 'node:fs';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JournalEntry } from '../../client/simulated/journal.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { failAttempts, WORKER_DIED } from '../../workers/dead-attempts.ts';
import { attemptsOf } from '../support/attempts.ts';
import { Cluster, type TaskOf } from '../support/cluster.ts';
import { freePort } from '../support/temporal-server.ts';

/** Temporal's command of that name. */
const SCHEDULE_ACTIVITY = 1;
const TURNS = 2;
const COUNT = 48;
const agents = (latency: string): TaskOf[] =>
  Array.from({ length: COUNT }, (_, i) => ({
    prompt: `[[simulate turns=${TURNS} latency=${latency}]] Work ${i} ${latency}`,
  }));

/** Two workers under supervisors: each has room for most of the fleet, so that a dead one's share can run at once. */
let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ workers: 2, isSupervised: true, env: { MUSTER_WORKER_SLOTS: '40' } });
});
afterAll(async () => cluster[Symbol.asyncDispose]());

const isGone = (pid: number): boolean => !existsSync(`/proc/${pid.toString()}`);
const answered = (journal: readonly JournalEntry[]): JournalEntry[] =>
  journal.filter(({ outcome }) => outcome === 'answered');
const startOf = ({ at }: JournalEntry): number => Date.parse(at);

/** Submits, and resolves once all are in a call. */
async function inFlight(latency: string): Promise<{ fleet: FleetRecord; since: number }> {
  const since = Date.now();
  const fleet = await cluster.submit(agents(latency), { maxConcurrentAgents: COUNT });
  await expect.poll(() => cluster.claude.stats().inFlight, { timeout: 60_000 }).toBe(COUNT);
  return { fleet, since };
}

/** Nothing is lost and no answered turn is asked for again. */
async function expectWhole(fleet: FleetRecord, since: number): Promise<void> {
  const results = await cluster.results(fleet);
  expect(results.length).toBe(COUNT);
  expect(results.every(({ status, num_turns }) => status === 'completed' && num_turns === TURNS)).toBe(true);
  const turns = answered(await cluster.journal()).filter((entry) => startOf(entry) >= since);
  expect(turns.length).toBe(COUNT * TURNS);
  expect(new Set(turns.map(({ agent, turn }) => `${agent}/${turn}`)).size).toBe(COUNT * TURNS);
}

it('what a killed worker process was at runs elsewhere within seconds, without a heartbeat timeout', async () => {
  const { fleet, since } = await inFlight('5s');
  const [worker] = cluster.workers;
  const killedAt = Date.now();
  process.kill(worker!.pidsUp[0]!, 'SIGKILL');
  await cluster.until(fleet, ({ state }) => state === 'completed');

  const journal = (await cluster.journal()).filter((entry) => startOf(entry) >= since);
  const lost = journal.filter(({ outcome }) => outcome === 'cut').map(({ agent }) => agent);
  expect(lost.length).toBeGreaterThan(5); // it had its share
  const delays = lost
    .map((agent) =>
      Math.min(
        ...journal
          .filter((entry) => entry.agent === agent)
          .map(startOf)
          .filter((at) => at > killedAt),
      ),
    )
    .map((at) => at - killedAt)
    .sort((a, b) => a - b);
  console.log(
    `kill -9 → first model call elsewhere, ${delays.length} subagents: p50 ${delays[delays.length >> 1]} ms, last ${delays.at(-1)} ms`,
  );
  // The cause, which no busy machine changes: each was failed by its token, and none had to wait for a timeout.
  const again = (await attemptsOf(cluster.client, fleet.id)).filter(({ attempt }) => attempt > 1);
  expect(again.map(({ before }) => before)).toEqual(lost.map(() => WORKER_DIED));
  await expectWhole(fleet, since);
  expect(worker!.isAlive).toBe(true);
  await expect.poll(() => worker!.pidsUp.length).toBe(2);
});

it('a token that is failed twice, too late or by mistake does no harm', async () => {
  const { workflow, connection } = cluster.client;
  const { workflowService } = connection;
  const polled = <T>(poll: () => Promise<T>): Promise<T> => connection.withDeadline(Date.now() + 60_000, poll);
  const of = { namespace: 'default', taskQueue: { name: 'tokens' }, identity: 'by hand' };
  await workflow.start('byHand', { workflowId: 'tokens', taskQueue: 'tokens' });
  const { taskToken } = await polled(() => workflowService.pollWorkflowTaskQueue(of));
  const scheduleActivityTaskCommandAttributes = {
    ...{ activityId: 'a', activityType: { name: 'a' }, taskQueue: { name: 'tokens' } },
    startToCloseTimeout: msToTs(300_000),
  };
  const commands = [{ commandType: SCHEDULE_ACTIVITY, scheduleActivityTaskCommandAttributes }];
  await workflowService.respondWorkflowTaskCompleted({ namespace: 'default', taskToken, commands });

  const fail = (...tokens: (Uint8Array | string)[]): Promise<number> =>
    failAttempts(
      { connection: { address: cluster.server.address }, namespace: 'default' },
      tokens.map((token) => (typeof token === 'string' ? token : Buffer.from(token).toString('base64'))),
      { message: 'died', retryAfterMs: 0 },
    );
  const first = await polled(() => workflowService.pollActivityTaskQueue(of));
  expect(await fail('bm8gdG9rZW4=', first.taskToken, first.taskToken)).toBe(1);
  const second = await polled(() => workflowService.pollActivityTaskQueue(of));
  expect([first.attempt, second.attempt]).toEqual([1, 2]);
  expect(await fail(first.taskToken)).toBe(0); // of an attempt that was overtaken
  await workflowService.respondActivityTaskCompleted({ namespace: 'default', taskToken: second.taskToken });
  expect(await fail(second.taskToken)).toBe(0); // of one that has ended
  await workflow.getHandle('tokens').terminate();
});

it('a worker process that dies while Temporal is away is handed over when it is back', async () => {
  const { fleet, since } = await inFlight('6s');
  await cluster.server.kill('SIGKILL');
  process.kill(cluster.workers[0]!.pidsUp.at(-1)!, 'SIGKILL');
  await cluster.server.launch();
  await cluster.until(fleet, ({ state }) => state === 'completed');
  const again = (await attemptsOf(cluster.client, fleet.id)).filter(({ attempt }) => attempt > 1);
  expect(again.length).toBeGreaterThan(5);
  expect(again.every(({ before }) => before === WORKER_DIED)).toBe(true);
  await expectWhole(fleet, since);
});

it('a worker process whose supervisor is killed drains and ends; SIGTERM and Ctrl-C end with 0', async () => {
  const { fleet } = await inFlight('4s');
  const [first, second] = cluster.workers;
  const orphan = first!.pidsUp.at(-1)!;
  await first!.kill('SIGKILL');
  await expect.poll(() => isGone(orphan), { timeout: 60_000 }).toBe(true);
  const port = await freePort();
  const third = await cluster.startWorker('all', {}, `127.0.0.1:${port}`);
  expect(await second!.kill('SIGTERM')).toBe(0);
  expect(second!.pidsUp.every(isGone)).toBe(true);
  await cluster.until(fleet, ({ state }) => state === 'completed');
  // Handed over between two turns, or with the call in flight given up: no attempt failed.
  expect((await attemptsOf(cluster.client, fleet.id)).every(({ attempt }) => attempt === 1)).toBe(true);
  const results = await cluster.results(fleet);
  expect(results.every(({ status, num_turns }) => status === 'completed' && num_turns === TURNS)).toBe(true);
  // Whoever probes it is answered again once it has been started again.
  const isReady = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(isReady).toBe(true);
  process.kill(third.pidsUp[0]!, 'SIGKILL');
  await expect.poll(() => third.pidsUp.length, { timeout: 60_000 }).toBe(2);
  await expect.poll(isReady).toBe(true);
  expect(await third.kill('SIGINT')).toBe(0);
  expect(await isReady()).toBe(false);
});
