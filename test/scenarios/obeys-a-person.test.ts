import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cluster, type TaskOf } from '../support/cluster.ts';

let cluster: Cluster;
beforeAll(async () => void (cluster = await Cluster.start({ workers: 2, env: { MUSTER_WORKER_SLOTS: '30' } })));
afterAll(() => cluster[Symbol.asyncDispose]());

const agents = (count: number, latency: string, turns = 30): TaskOf[] =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `[[simulate turns=${turns} latency=${latency} write=w${i}.txt content="x"]] Long ${i}`,
    permissions: { allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' },
  }));

describe('a person', () => {
  it('cancels: once acknowledged there is no call and no workspace, and results so far are kept', async () => {
    const quick: TaskOf[] = [{ prompt: '[[simulate turns=1]] Quick' }];
    const fleet = await cluster.submit([...quick, ...agents(60, '1s')], { maxConcurrentAgents: 40 });
    await cluster.until(fleet, ({ census, running }) => census.completed === 1 && running > 30);
    const status = await cluster.fleets.cancel(fleet.id);
    const { calls, inFlight } = cluster.claude.stats();
    expect(inFlight).toBe(0);
    expect(status.census.completed).toBe(1);
    expect(status.census.stopped + status.census.not_attempted).toBe(60);
    expect(status.census.stopped).toBeGreaterThan(20);
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // nothing more comes: that takes watching, not a condition
    expect(cluster.claude.stats().calls).toBe(calls);
    expect(ownWorkspaces(cluster.home, fleet.id)).toEqual([]);
    expect((await cluster.until(fleet, ({ state }) => state === 'cancelled')).state).toBe('cancelled');
    const stopped = (await cluster.results(fleet)).filter((result) => result.status === 'stopped');
    expect(stopped.some(({ partial, num_turns }) => partial === true && num_turns > 0)).toBe(true);
  });

  it('changes the concurrency of a running fleet: it takes effect within seconds, both ways', async () => {
    const fleet = await cluster.submit(agents(80, '400ms', 60), { maxConcurrentAgents: 20 });
    await cluster.until(fleet, ({ running }) => running === 20);
    await cluster.fleets.set(fleet.id, { concurrency: 5 });
    await untilInFlight(cluster, (calls) => calls <= 5, 60_000);
    await cluster.fleets.set(fleet.id, { concurrency: 60 });
    await untilInFlight(cluster, (calls) => calls > 40, 60_000);
    await cluster.fleets.cancel(fleet.id);
  });

  it('stops one, skips one, retries one; the others go on', async () => {
    const tasks: TaskOf[] = [
      { label: 'slow', prompt: '[[simulate turns=200 latency=300ms]] Slow' },
      { label: 'queued', prompt: '[[simulate turns=1]] Queued', dependsOn: [0] },
      { label: 'picky', prompt: '[[simulate turns=1 fault=bad_request]] Picky' },
      { label: 'fine', prompt: '[[simulate turns=20 latency=300ms]] Fine' },
    ];
    const fleet = await cluster.submit(tasks);
    await cluster.until(fleet, ({ census, running }) => census.failed === 1 && running === 2);
    await cluster.fleets.retry(fleet.id, [2], async () => cluster.queue);
    await cluster.fleets.skip(fleet.id, ['queued']);
    const status = await cluster.fleets.stop(fleet.id, ['slow']);
    expect(status.census).toMatchObject({ stopped: 1, skipped: 1 });
    const ended = await cluster.until(fleet, ({ state }) => state === 'completed');
    expect(ended.census).toMatchObject({ completed: 2, stopped: 1, skipped: 1, failed: 0 });
  });

  it('pauses and resumes: nothing is lost, no turn is repeated', async () => {
    const { answered } = cluster.claude.stats();
    const fleet = await cluster.submit(agents(20, '200ms', 40));
    await cluster.until(fleet, ({ running }) => running === 20);
    await cluster.fleets.pause(fleet.id);
    await cluster.until(fleet, ({ running, parked }) => running === 0 && parked === 20);
    expect(cluster.claude.stats().inFlight).toBe(0);
    await cluster.fleets.resume(fleet.id);
    await cluster.until(fleet, ({ state }) => state === 'completed');
    const results = await cluster.results(fleet);
    expect(results.every(({ num_turns, changes }) => num_turns === 40 && changes?.files.length === 1)).toBe(true);
    expect(cluster.claude.stats().answered - answered).toBe(800);
  });

  it('ends a worker with SIGTERM: it hands over within seconds, and no turn is repeated', async () => {
    const { answered } = cluster.claude.stats();
    const fleet = await cluster.submit(agents(40, '500ms', 12));
    await untilAnswered(cluster, answered + 100); // both workers are well under way
    const askedAt = Date.now();
    expect(await cluster.workers[0]!.kill('SIGTERM')).toBe(0);
    expect(Date.now() - askedAt).toBeLessThan(30_000);
    await cluster.until(fleet, ({ state }) => state === 'completed');
    const results = await cluster.results(fleet);
    expect(results.every(({ status, num_turns }) => status === 'completed' && num_turns === 12)).toBe(true);
    expect(results.filter(({ attempts }) => attempts > 1).length).toBeGreaterThan(5);
    expect(cluster.claude.stats().answered - answered).toBe(40 * 12);
  });
});

/** Directories of subagents that write, as long as they are open. */
function ownWorkspaces(home: string, fleetId: string): string[] {
  const names = readdirSync(join(home, 'workspaces'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.includes(`${fleetId}-`));
}

async function untilAnswered({ claude }: Cluster, calls: number): Promise<void> {
  while (claude.stats().answered < calls) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function untilInFlight({ claude }: Cluster, is: (calls: number) => boolean, ms: number): Promise<void> {
  const deadline = Date.now() + ms;
  while (!is(claude.stats().inFlight)) {
    if (Date.now() > deadline) throw new Error(`${claude.stats().inFlight.toString()} calls in flight`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
