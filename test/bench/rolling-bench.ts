import type { JournalEntry } from '../../client/simulated/journal.ts';
import { attemptsOf } from '../support/attempts.ts';
import { Cluster, type TaskOf } from '../support/cluster.ts';

/**
 * A rolling restart of three supervised workers under load, beside the same fleet left in peace: SIGTERM, the end, a
 * replacement, the next one. Prints figures and judges nothing.
 */
const COUNT = 150;
const TURNS = 20;
const LATENCY_MS = 3_000;

const agents = (of: string): TaskOf[] =>
  Array.from({ length: COUNT }, (_, i) => ({
    prompt: `[[simulate turns=${TURNS} latency=${LATENCY_MS}ms]] ${of} ${i.toString()}`,
  }));
const between = (journal: readonly JournalEntry[], from: number, to: number): number =>
  journal.filter(({ at, durationMs, outcome }) => {
    const endedAt = Date.parse(at) + durationMs;
    return outcome === 'answered' && endedAt >= from && endedAt < to;
  }).length;
const print = (name: string, value: number): void =>
  void process.stdout.write(`  ${name.padEnd(52)} ${Number(value.toPrecision(4)).toString()}\n`);

await using cluster = await Cluster.start({ workers: 3, isSupervised: true, env: { MUSTER_WORKER_SLOTS: '100' } });

async function fleet(of: string, meanwhile: () => Promise<void>) {
  const before = cluster.claude.stats().answered;
  const startedAt = Date.now();
  const started = await cluster.submit(agents(of), { maxConcurrentAgents: COUNT });
  while (cluster.claude.stats().answered < before + 3 * COUNT) await new Promise((resolve) => setTimeout(resolve, 50));
  const from = Date.now();
  await meanwhile();
  const to = Date.now();
  await cluster.until(started, ({ state }) => state === 'completed', 600_000);
  const wallMs = Date.now() - startedAt;
  const turns = between(await cluster.journal(), from, to);
  return { wallMs, windowMs: to - from, turnsPerSecond: (turns / (to - from)) * 1_000, id: started.id, startedAt };
}

const quiet = await fleet('in peace', () => new Promise((resolve) => setTimeout(resolve, 20_000)));
const drains: number[] = [];
const rolled = await fleet('rolled', async () => {
  for (const worker of [...cluster.workers]) {
    const askedAt = Date.now();
    await worker.kill('SIGTERM');
    drains.push(Date.now() - askedAt);
    await cluster.startWorker();
  }
});
const attempts = await attemptsOf(cluster.client, rolled.id);
const journal = (await cluster.journal()).filter(({ at }) => Date.parse(at) >= rolled.startedAt);
const answered = journal.filter(({ outcome }) => outcome === 'answered');

process.stdout.write(`\nrolling restart of 3 workers, ${COUNT} subagents × ${TURNS} turns × ${LATENCY_MS} ms\n`);
print('turns a second in peace', quiet.turnsPerSecond);
print('turns a second while workers are replaced', rolled.turnsPerSecond);
print('goodput meanwhile', rolled.turnsPerSecond / quiet.turnsPerSecond);
print('goodput of the whole fleet', quiet.wallMs / rolled.wallMs);
print('SIGTERM → end, slowest (s)', Math.max(...drains) / 1_000);
print('replacing all (s)', rolled.windowMs / 1_000);
print('dispatches', attempts.length);
print('attempts that failed', attempts.filter(({ attempt }) => attempt > 1).length);
print('  of which lost until a timeout', attempts.filter(({ before }) => before === 'timeout').length);
print('turns answered twice', answered.length - new Set(answered.map(({ agent, turn }) => `${agent}/${turn}`)).size);
print('calls cut off', journal.filter(({ outcome }) => outcome === 'cut').length);
