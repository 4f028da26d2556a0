import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Cluster } from '../support/cluster.ts';

const LIMIT = 20_000;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start();
  // Reading one of them takes a good part of the window.
  for (const n of [1, 2, 3, 4])
    await writeFile(join(cluster.files, `long-${n.toString()}.txt`), `line of ${n.toString()}\n`.repeat(1_200));
});
afterAll(() => cluster[Symbol.asyncDispose]());

it('outgrows its model’s window and ends its task all the same, on a worker that was not there when it began', async () => {
  const reads = [1, 2, 3, 4].map((n) => `[[simulate call=Read input='{"file_path":"long-${n.toString()}.txt"}']]`);
  const prompt = `[[simulate window=${LIMIT.toString()} latency=400ms]] ${reads.join(' ')} Read all of them.`;
  const fleet = await cluster.submit([{ prompt, model: 'claude-haiku-5-5' }]);
  await cluster.until(fleet, ({ running }) => running === 1);
  const [first] = cluster.workers;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (cluster.claude.stats().answered < 3) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
  const second = await cluster.startWorker();
  expect(await first!.kill('SIGTERM')).toBe(0);
  await cluster.until(fleet, ({ state }) => state === 'completed');
  expect(second.isAlive).toBe(true);
  const [result] = await cluster.results(fleet);
  expect(result).toMatchObject({ status: 'completed', num_turns: 5 });
  const transcript = Buffer.from(await cluster.store.get(result!.transcript!)).toString();
  expect(transcript).toContain('"compaction"');
  for (const n of [1, 2, 3, 4]) expect(transcript).toContain(`{"file_path":"long-${n.toString()}.txt"}`);
  expect(Math.round(result!.total_cost_usd * 1e6)).toBe(
    (await cluster.journal()).reduce((sum, { billedMicroUsd }) => sum + billedMicroUsd, 0),
  );
});

it('reports what it has when its time is nearly up', async () => {
  const prompt = '[[simulate turns=50 latency=250ms]] never done';
  const fleet = await cluster.submit([{ prompt, timeoutMs: 3_000 }]);
  await cluster.until(fleet, ({ state }) => state === 'completed');
  const [result] = await cluster.results(fleet);
  expect(result).toMatchObject({ status: 'timed_out', partial: true, error: { type: 'Subagent.TimedOut' } });
  const transcript = Buffer.from(await cluster.store.get(result!.transcript!)).toString();
  expect(transcript).toContain('Your time is up');
  expect(result!.num_turns).toBeGreaterThan(3);
});
