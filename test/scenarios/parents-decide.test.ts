import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
import { Draws } from '../../workflows/policy/draws.ts';
import { Cluster } from '../support/cluster.ts';
import { ENDS, PATTERNS, PLANS, playParents, RETURNED, SCRIPTS, type Pattern } from '../support/deciding-parents.ts';
import { PlayedClaude } from '../support/played-claude.ts';

/** Worlds in which workers die at moments drawn from a seed: two in CI, more by MUSTER_KILL_SEEDS=20. */
const SEEDS = Array.from({ length: Number(process.env['MUSTER_KILL_SEEDS'] ?? 2) }, (_, i) => i + 1);
const KILLS = 3;
/** An undisturbed fleet of these takes about ten seconds. */
const KILLED_WITHIN_MS = 10_000;

interface Started {
  kind: 'claude' | 'script' | 'plan';
  pattern: Pattern;
  fleet: FleetRecord;
}

/** All three patterns under all three kinds of parents, at once on one cluster. */
async function startAll(cluster: Cluster, prompts: Record<Pattern, string>): Promise<Started[]> {
  const started: Started[] = [];
  for (const pattern of PATTERNS) {
    const start = async (kind: Started['kind'], source: Parameters<Cluster['start']>[0]) =>
      started.push({ kind, pattern, fleet: await cluster.start(source) });
    const files = { script: join(cluster.home, `${pattern}.js`), plan: join(cluster.home, `${pattern}.yaml`) };
    writeFileSync(files.script, SCRIPTS[pattern]);
    writeFileSync(files.plan, PLANS[pattern]);
    await start('claude', { prompt: prompts[pattern], label: 'parent' });
    await start('script', { script: files.script });
    await start('plan', { file: files.plan });
  }
  return started;
}

const endsOf = (results: readonly Result[]): Record<string, [string, string | null]> =>
  Object.fromEntries(
    results
      .filter(({ label }) => label !== 'parent')
      .map(({ label, status, output }) => [
        label.replace('parent/', ''),
        [status, status === 'completed' ? output : null],
      ]),
  );

/** Every subagent once, as it should have ended, and told to its parent. */
async function expectWhole(cluster: Cluster, { kind, pattern, fleet }: Started): Promise<Result[]> {
  const { state, outcome } = await cluster.until(fleet, (status) => status.state !== 'running', 170_000);
  const results = await cluster.results(fleet);
  expect({ kind, pattern, state, ends: endsOf(results) }).toEqual({
    kind,
    pattern,
    state: 'completed',
    ends: ENDS[pattern],
  });
  expect(new Set(results.map(({ label }) => label)).size).toBe(results.length);
  if (kind === 'script') {
    const value = outcome && 'value' in outcome && outcome.value ? await cluster.store.get(outcome.value) : undefined;
    expect(JSON.parse(Buffer.from(value ?? []).toString())).toEqual(RETURNED[pattern]);
  }
  if (kind === 'claude') expect(results[0]).toMatchObject({ label: 'parent', status: 'completed' });
  return results;
}

async function world(workers: number): Promise<{ cluster: Cluster; prompts: Record<Pattern, string> }> {
  const claude = new PlayedClaude();
  const prompts = playParents(claude);
  return { cluster: await Cluster.start({ workers, simulated: { scripts: [claude.script] } }), prompts };
}

describe('a Claude that spawns, a script and a plan: fan-out, fan-in and decide, dependencies', () => {
  it.concurrent('come to the same results', async () => {
    const { prompts, ...of } = await world(1);
    await using cluster = of.cluster;
    for (const one of await startAll(cluster, prompts)) {
      const results = await expectWhole(cluster, one);
      expect(results.every(({ attempts }) => attempts >= 1)).toBe(true);
      if (one.kind === 'claude' && one.pattern === 'fan-out')
        expect(results[0]!.output).toBe(
          `8: ${Object.values(ENDS['fan-out'])
            .map(([, output]) => output)
            .join(', ')}`,
        );
    }
  });

  it.concurrent.each(SEEDS)('and also where workers die at any moment, seed %i', async (seed) => {
    const { prompts, ...of } = await world(2);
    await using cluster = of.cluster;
    const draws = new Draws(seed);
    const moments = Array.from({ length: KILLS }, () => draws.uniform() * KILLED_WITHIN_MS).sort((a, b) => a - b);
    const begun = Date.now();
    const started = await startAll(cluster, prompts);
    for (const [i, moment] of moments.entries()) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, begun + moment - Date.now())));
      const alive = cluster.workers.filter(({ isAlive }) => isAlive);
      await alive[Math.floor(draws.uniform() * alive.length)]!.kill('SIGKILL');
      if (i < KILLS - 1 || alive.length === 1) await cluster.startWorker();
    }
    const results = [];
    for (const one of started) results.push(...(await expectWhole(cluster, one)));
    expect(results.some(({ attempts }) => attempts > 1)).toBe(true); // a kill met somebody
  });
});
