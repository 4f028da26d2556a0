import { afterAll, beforeAll, expect, it } from 'vitest';
import { fleetWorkflowId } from '../../workflows/contract/ids.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { attemptsOf } from '../support/attempts.ts';
import { Cluster, type TaskOf, type WorkerProcess } from '../support/cluster.ts';

const COUNT = 60;
/** Long enough for all that is done to the workers meanwhile, on a busy machine too. */
const BUILD_TURNS = 30;
const agents = (turns: number, of: string): TaskOf[] =>
  Array.from({ length: COUNT }, (_, i) => ({ prompt: `[[simulate turns=${turns} latency=700ms]] ${of} ${i}` }));

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ workers: 3, isSupervised: true, env: { MUSTER_WORKER_SLOTS: '40' } });
});
afterAll(async () => cluster[Symbol.asyncDispose]());

async function submit(turns: number, of: string): Promise<FleetRecord> {
  const { answered } = cluster.claude.stats();
  const fleet = await cluster.submit(agents(turns, of), { maxConcurrentAgents: COUNT });
  await expect.poll(() => cluster.claude.stats().answered, { timeout: 60_000 }).toBeGreaterThan(answered + COUNT);
  return fleet;
}

/** All did their turns, each once; whoever was handed over by a drain did not fail for it. */
async function expectUntouched(fleet: FleetRecord, turnsEach: number, since: number): Promise<void> {
  await cluster.until(fleet, ({ state }) => state === 'completed');
  const results = await cluster.results(fleet);
  expect(results.filter(({ attempts }) => attempts > 1).length).toBeGreaterThan(COUNT / 4); // a drain met them
  expect(results.length).toBe(COUNT);
  expect(results.every(({ status, num_turns }) => status === 'completed' && num_turns === turnsEach)).toBe(true);
  const again = (await attemptsOf(cluster.client, fleet.id)).filter(({ attempt }) => attempt > 1);
  expect(again.filter(({ before }) => before !== 'timeout')).toEqual([]);
  // A task that Temporal hands to a poll while it is broken off never begins (DECISIONS.md: slots that close).
  expect(again.length).toBeLessThanOrEqual(2);
  const turns = (await cluster.journal()).filter(
    ({ at, outcome }) => Date.parse(at) >= since && outcome === 'answered',
  );
  expect(new Set(turns.map(({ agent, turn }) => `${agent}/${turn}`)).size).toBe(COUNT * turnsEach);
  expect(turns.length).toBe(COUNT * turnsEach);
}

it('a rolling restart of every worker under load counts no attempt against a subagent and repeats no turn', async () => {
  const since = Date.now();
  const fleet = await submit(12, 'rolled');
  for (const worker of [...cluster.workers]) {
    await cluster.startWorker();
    expect(await worker.kill('SIGTERM')).toBe(0);
  }
  await expectUntouched(fleet, 12, since);
});

it('builds take over from one another, and from workers without, while a fleet is open', async () => {
  const since = Date.now();
  const fleet = await submit(BUILD_TURNS, 'upgraded');
  const start = (buildId: string): Promise<WorkerProcess> =>
    cluster.startWorker('all', { TEMPORAL_WORKER_BUILD_ID: buildId }, undefined, '--make-current');
  const isCurrent = (worker: WorkerProcess): boolean => worker.lines.includes('this build is current');

  const old = await start('1.0-a');
  await expect.poll(() => isCurrent(old), { timeout: 60_000 }).toBe(true);
  for (const worker of cluster.workers.slice(0, -1)) await worker.kill('SIGTERM');
  const next = await start('1.1-b');
  await expect.poll(() => isCurrent(next), { timeout: 60_000 }).toBe(true);
  // A worker of the old build that starts again in the middle of it takes nothing back.
  const again = await start('1.0-a');
  await expect.poll(() => again.lines.includes('is not made current again'), { timeout: 60_000 }).toBe(true);
  await Promise.all([old, again].map((worker) => worker.kill('SIGTERM')));
  await expectUntouched(fleet, BUILD_TURNS, since);

  const { events } = await cluster.client.workflow.getHandle(fleetWorkflowId(fleet.id)).fetchHistory();
  const builds = (events ?? []).flatMap(
    ({ workflowTaskCompletedEventAttributes: task }) => task?.deploymentVersion?.buildId ?? [],
  );
  expect([...new Set(builds)]).toEqual(['1.0-a', '1.1-b']);
  expect((events ?? []).filter(({ workflowTaskFailedEventAttributes: failed }) => failed)).toEqual([]);
});
