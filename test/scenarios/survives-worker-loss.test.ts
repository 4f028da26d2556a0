import { describe, expect, it } from 'vitest';
import { HEARTBEAT_TIMEOUT_MS } from '../../workflows/contract/limits.ts';
import type { JournalEntry } from '../../client/simulated/journal.ts';
import { Cluster, type TaskOf } from '../support/cluster.ts';

const TURNS = 6;
const agents = (count: number, latency = '1500ms'): TaskOf[] =>
  Array.from({ length: count }, (_, i) => ({ prompt: `[[simulate turns=${TURNS} latency=${latency}]] Work ${i}` }));

const unlimited = { maxConcurrentAgents: 200 };

/** What the provider saw: answered calls by agent and turn. */
function answered(journal: readonly JournalEntry[]): Map<string, number> {
  const calls = new Map<string, number>();
  for (const { outcome, agent, turn } of journal) {
    if (outcome !== 'answered') continue;
    const key = `${agent}/${turn}`;
    calls.set(key, (calls.get(key) ?? 0) + 1);
  }
  return calls;
}

const repeatsIn = (journal: readonly JournalEntry[]): number =>
  [...answered(journal).values()].reduce((sum, times) => sum + times - 1, 0);

describe('a fleet survives', () => {
  it('kill -9 of one of two workers with 100 subagents in flight', async () => {
    await using cluster = await Cluster.start({ workers: 2, env: { MUSTER_WORKER_SLOTS: '60' } }); // each has its share
    const fleet = await cluster.submit(agents(100), unlimited);
    await cluster.until(fleet, ({ running }) => running === 100);
    await untilCalls(cluster, 150);
    await untilInFlight(cluster, 60);
    const { inFlight } = cluster.claude.stats();
    const killedAt = Date.now();
    await cluster.workers[0]!.kill('SIGKILL');
    await cluster.until(fleet, ({ state }) => state === 'completed');
    const journal = await cluster.journal();
    const results = await cluster.results(fleet);
    expect(results.length).toBe(100);
    expect(results.every(({ status, num_turns }) => status === 'completed' && num_turns === TURNS)).toBe(true);
    expect(new Set(answered(journal).keys()).size).toBe(100 * TURNS); // no turn lost
    expect(results.filter(({ attempts }) => attempts > 1).length).toBeGreaterThan(20); // the fault fired
    expect(repeatsIn(journal)).toBeLessThanOrEqual(inFlight); // none but those in flight ran twice
    // Every subagent moves again within the heartbeat timeout and five seconds.
    const gaps = longestGaps(journal, killedAt);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(HEARTBEAT_TIMEOUT_MS + 5_000 + 1_500);
  });

  // The rest waits for heartbeats most of the time: each on a cluster of its own, side by side.
  it.concurrent('kill -9 of all its workers', async () => {
    await using cluster = await Cluster.start({ workers: 2 });
    const fleet = await cluster.submit(agents(60), unlimited);
    await untilCalls(cluster, 100);
    const { inFlight } = cluster.claude.stats();
    await Promise.all(cluster.workers.map((worker) => worker.kill('SIGKILL')));
    await cluster.startWorker();
    await cluster.until(fleet, ({ state }) => state === 'completed');
    const journal = await cluster.journal();
    expect((await cluster.results(fleet)).every(({ status }) => status === 'completed')).toBe(true);
    expect(answered(journal).size).toBe(60 * TURNS);
    expect(repeatsIn(journal)).toBeLessThanOrEqual(inFlight);
  });

  it.concurrent('kill -9 of the server, which comes back on the same database', async () => {
    await using cluster = await Cluster.start({ workers: 1 });
    const fleet = await cluster.submit(agents(60), unlimited);
    await untilCalls(cluster, 100);
    await cluster.server.kill('SIGKILL');
    const before = cluster.claude.stats().calls;
    await cluster.server.launch();
    await cluster.until(fleet, ({ state }) => state === 'completed');
    expect(cluster.claude.stats().calls).toBeGreaterThan(before);
    const results = await cluster.results(fleet);
    expect(results.length).toBe(60);
    expect(results.every(({ status }) => status === 'completed')).toBe(true);
    expect(answered(await cluster.journal()).size).toBe(60 * TURNS);
  });

  it.concurrent('a worker stopped past its heartbeat timeout and continued: it writes nothing', async () => {
    await using cluster = await Cluster.start({ workers: 2, env: { MUSTER_WORKER_SLOTS: '25' } }); // each has its share
    const fleet = await cluster.submit(agents(40, '3s'), unlimited);
    await untilCalls(cluster, 60);
    const stalled = cluster.workers[0]!;
    stalled.signal('SIGSTOP');
    await cluster.until(fleet, ({ state }) => state === 'completed');
    const before = await cluster.results(fleet);
    expect(before.filter(({ attempts }) => attempts > 1).length).toBeGreaterThan(5); // it did hold some
    stalled.signal('SIGCONT');
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (!stalled.lines.includes('overtaken by a newer attempt')) return;
        clearInterval(timer);
        resolve();
      }, 100);
    });
    expect(await cluster.results(fleet)).toEqual(before);
    expect(before.every(({ status, num_turns }) => status === 'completed' && num_turns === TURNS)).toBe(true);
  });
});

async function untilCalls(of: Cluster, calls: number): Promise<void> {
  while (of.claude.stats().calls < calls) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function untilInFlight(of: Cluster, calls: number): Promise<void> {
  while (of.claude.stats().inFlight < calls) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** For each agent the longest time without an answer around `sinceMs`. */
function longestGaps(journal: readonly JournalEntry[], sinceMs: number): number[] {
  const times = Map.groupBy(
    journal.filter(({ outcome }) => outcome === 'answered'),
    ({ agent }) => agent,
  );
  return [...times.values()].map((entries) => {
    const ends = entries.map(({ at, durationMs }) => Date.parse(at) + durationMs).sort((a, b) => a - b);
    return Math.max(
      0,
      ...ends.slice(1).flatMap((end, i) => (end > sinceMs ? [end - Math.max(ends[i]!, sinceMs)] : [])),
    );
  });
}
