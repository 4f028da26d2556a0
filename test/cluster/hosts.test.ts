import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { JournalEntry } from '../../client/simulated/journal.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import { HostCluster, missingForHosts } from '../support/host-cluster.ts';

const COUNT = 200;
const TURNS = 16;

const missing = await missingForHosts();

it.skipIf(missing.length > 0)(
  `a fleet of ${COUNT.toString()} over four hosts outlives the loss of one, a partition, and stores that come and go` +
    (missing.length > 0 ? ` (skipped: ${missing.join(', ')})` : ''),
  async () => {
    await using cluster = await HostCluster.start({ workers: 4, env: { MUSTER_WORKER_SLOTS: '110' } });
    const [lost, cut] = cluster.workers;
    await cluster.write('notes.txt', 'Nothing of note.\n');
    await cluster.write('tasks.json', JSON.stringify({ tasks: Array.from({ length: COUNT }, (_, i) => task(i)) }));

    const run = cluster.muster('run', 'tasks.json', '--concurrency', '200', '--yes', '--output-format', 'json');
    await cluster.until(({ inFlight }) => inFlight > 150);
    await lost!.host.kill();
    const lostAtMs = Date.now();
    await cluster.until(({ inFlight }) => inFlight < 180); // what it held is gone …
    await cluster.until(({ inFlight }) => inFlight > 190); // … and elsewhere
    await cut!.host.isolate();
    const stores = disturb(cluster);
    await delay(60_000);
    await cut!.host.rejoin();
    await expect.poll(() => cut!.isReady(), { timeout: 120_000 }).toBe(true);
    const restarts = await stores.end();

    const { code, stdout, stderr } = await run;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const fleet = JSON.parse(stdout) as { status: string; results: Result[]; total_cost_usd: number };
    expect(fleet.status).toBe('completed');
    // Nothing lost: everybody ended, after all of its turns, with the one file that was its to write.
    expect(fleet.results.length).toBe(COUNT);
    for (const [i, { label, status, num_turns, changes }] of fleet.results.entries())
      expect({ label, status, num_turns, files: changes?.files }).toEqual({
        label: `task-${(i + 1).toString()}`,
        status: 'completed',
        num_turns: TURNS,
        files: [`done-${i.toString()}.txt`],
      });
    // Nothing twice: an answer that was written down is never asked for again, and none goes unpaid.
    const journal = await cluster.journal();
    const answers = Map.groupBy(journal.filter(isAnswered), ({ agent, turn }) => `${agent}/${turn.toString()}`);
    expect(answers.size).toBe(COUNT * TURNS);
    const again = [...answers.values()].reduce((sum, calls) => sum + calls.length - 1, 0);
    const retries = fleet.results.reduce((sum, { attempts }) => sum + attempts - 1, 0);
    expect(again).toBeLessThanOrEqual(retries);
    const billed = journal.reduce((sum, { billedMicroUsd }) => sum + billedMicroUsd, 0) / 1e6;
    expect(fleet.total_cost_usd).toBeGreaterThanOrEqual(billed - 1e-6);
    // Each fault fired.
    expect(retries).toBeGreaterThan(20);
    expect(restarts.postgres).toBeGreaterThanOrEqual(4);
    expect(restarts.s3).toBeGreaterThanOrEqual(2);
    expect(cut!.lines).toMatch(/overtaken by a newer attempt|broke off without a word|transport error|Unavailable/i);

    const patch = await cluster.muster('diff', '@latest', 'task-1');
    expect(patch.stdout).toContain('+++ b/done-0.txt');
    process.stderr.write(
      `four hosts: ${again.toString()} of ${(COUNT * TURNS).toString()} turns taken again, ${retries.toString()} retries, ` +
        `next answer of those on the lost host after ${secondsUntilNext(journal, lostAtMs)}\n`,
    );
  },
);

const task = (i: number): object => ({
  prompt: `[[simulate turns=${TURNS.toString()} latency=6s write=done-${i.toString()}.txt content="${i.toString()}"]] Work ${i.toString()}`,
  permissions: 'edit',
});

const isAnswered = ({ outcome }: JournalEntry): boolean => outcome === 'answered';

/** PostgreSQL is gone for up to two seconds every ten, the S3 server twice for a moment; resolves with how often. */
function disturb({ temporal: { postgres }, s3 }: HostCluster): {
  end(): Promise<{ postgres: number; s3: number }>;
} {
  const restarts = { postgres: 0, s3: 0 };
  const ending = new AbortController();
  const pause = (ms: number) => delay(ms, undefined, { signal: ending.signal }).catch(() => undefined);
  const databases = (async () => {
    while (!ending.signal.aborted) {
      await postgres.kill();
      await delay((restarts.postgres % 3) * 1_000);
      await postgres.launch();
      restarts.postgres++;
      await pause(10_000);
    }
  })();
  const objects = (async () => {
    while (restarts.s3 < 2) {
      await pause(15_000);
      await s3.kill();
      await delay(1_000);
      await s3.launch();
      restarts.s3++;
    }
  })();
  return {
    async end() {
      ending.abort();
      await Promise.all([databases, objects]);
      return restarts;
    },
  };
}

/** Median and worst of the agents that had a call under way at that moment and never got its answer. */
function secondsUntilNext(journal: readonly JournalEntry[], atMs: number): string {
  const cut = journal.filter(({ outcome, at, durationMs }) => {
    const startedAtMs = Date.parse(at);
    return outcome === 'cut' && startedAtMs <= atMs && startedAtMs + durationMs >= atMs - 1_000;
  });
  const gaps = cut
    .flatMap(({ agent }) => {
      const next = journal.find((entry) => entry.agent === agent && Date.parse(entry.at) > atMs);
      return next ? [(Date.parse(next.at) - atMs) / 1_000] : [];
    })
    .sort((a, b) => a - b);
  const shown = (value: number | undefined): string => value?.toFixed(1) ?? '–';
  return `${shown(gaps[Math.floor(gaps.length / 2)])} s (median of ${gaps.length.toString()}), at most ${shown(gaps.at(-1))} s`;
}
