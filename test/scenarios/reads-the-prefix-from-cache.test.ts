import { afterAll, beforeAll, expect, it } from 'vitest';
import { cacheFigures } from '../support/cache-figures.ts';
import { Cluster } from '../support/cluster.ts';

const SUBAGENTS = 200;
const GUIDE = 'Rules that hold for all of them. '.repeat(400);

let cluster: Cluster;
beforeAll(async () => void (cluster = await Cluster.start({ workers: 2 })));
afterAll(() => cluster[Symbol.asyncDispose]());

it('a fleet that starts at once on two workers reads at least 95 % of what its first calls share from the cache', async () => {
  const tasks = Array.from({ length: SUBAGENTS }, (_, n) => ({
    prompt: `[[simulate turns=2 latency=100ms]] Warm ${n}`,
    context: [{ name: 'guide', text: GUIDE }],
  }));
  const fleet = await cluster.submit(tasks, { maxConcurrentAgents: SUBAGENTS });
  const { census } = await cluster.until(fleet, ({ state }) => state === 'completed', 60_000);
  expect(census.completed).toBe(SUBAGENTS);
  const journal = await cluster.journal();
  const first = journal.filter(({ turn }) => turn === 1);
  const shareable = Math.max(...first.map(({ usage }) => usage.cache_read_input_tokens));
  expect(shareable).toBeGreaterThan(GUIDE.length / 4);
  const { launched, readShare } = cacheFigures(journal, shareable);
  expect(launched).toBe(SUBAGENTS);
  expect(readShare).toBeGreaterThanOrEqual(0.95);
});

it('and each later call reads all that the one before it wrote', async () => {
  const prompts = new Map<string, number>();
  for (const { agent, turn, usage, outcome } of await cluster.journal()) {
    if (outcome !== 'answered') continue;
    const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens: read } = usage;
    if (turn > 1) expect(read).toBe(prompts.get(`${agent}/${turn - 1}`));
    prompts.set(`${agent}/${turn}`, input_tokens + cache_creation_input_tokens + read);
  }
});
