import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, inTurn, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';
import { toolResults, TreeWorld } from './tree-world.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const spawn = (...tasks: Record<string, unknown>[]) => call('spawn_subagents', { tasks });
const costly = (name: string): string => `[[simulate turns=40 tokens=12000]] ${name}`;
const SPAWNING = { allow: ['spawn_subagents'] };

/** What a whole tree has spent. */
async function treeUsd(world: TreeWorld): Promise<number> {
  let sum = 0;
  for (let index = 0; index < world.size; index++)
    sum += (await bench.parts.records.newestResult(world.fleet.fleetId, index))?.result.total_cost_usd ?? 0;
  return sum;
}

describe('a parent with a cap of its own', () => {
  it('shares it out, so that its tree never passes it, however deep and greedy, and still reports', async () => {
    const child = bench.played.play(
      'm-child',
      inTurn(
        [spawn({ label: 'x', prompt: costly('m-x') }, { label: 'y', prompt: costly('m-y') })],
        [say('child reports')],
      ),
    );
    const prompt = bench.played.play(
      'm-root',
      inTurn(
        [spawn({ label: 'a', prompt: child, permissions: SPAWNING }, { label: 'b', prompt: costly('m-b') })],
        [spawn({ label: 'c', prompt: costly('m-c') })],
        [say('root reports')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'r', maxBudgetMicroUsd: 3_000_000 }]);
    expect(await world.run()).toMatchObject({ status: 'completed' });
    expect(await world.fleet.result()).toMatchObject({ output: 'root reports' });
    expect(await world.result('r/a')).toMatchObject({ output: 'child reports' });
    expect(await world.result('r/b')).toMatchObject({ status: 'budget_reached' });
    const spent = await treeUsd(world);
    expect(spent).toBeLessThanOrEqual(3);
    // What was promised and not spent came back to be spent.
    expect((await world.task('r/c')).maxBudgetMicroUsd).toBeGreaterThan(0);
    expect(spent).toBeGreaterThan(1.5);
  });

  it('gives what its tasks ask for, and the others even shares of the rest', async () => {
    const prompt = bench.played.play(
      'm-share',
      inTurn(
        [
          spawn(
            { label: 'a', prompt: '[[simulate turns=1]] m-a', max_budget_usd: 0.5 },
            { label: 'b', prompt: '[[simulate turns=1]] m-b2' },
            { label: 'c', prompt: '[[simulate turns=1]] m-c2' },
          ),
        ],
        [say('done')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, label: 'r', maxBudgetMicroUsd: 2_000_000 }]);
    await world.run();
    const caps = await Promise.all(
      ['a', 'b', 'c'].map(async (label) => (await world.task(`r/${label}`)).maxBudgetMicroUsd!),
    );
    expect(caps[0]).toBe(500_000);
    expect(caps[1]).toBe(caps[2]);
    expect(caps[0]! + caps[1]! + caps[2]!).toBeLessThan(2_000_000);
    expect(caps[1]).toBeGreaterThan(400_000);
  });

  it('that has too little left is told how little, and nothing is spawned', async () => {
    const prompt = bench.played.play(
      'm-poor',
      inTurn(
        [spawn({ prompt: 'a', max_budget_usd: 5 })],
        [spawn(...Array.from({ length: 60 }, (_, i) => ({ prompt: `p${i.toString()}` })))],
        [say('alone')],
      ),
    );
    const world = await TreeWorld.start(bench, [{ prompt, maxBudgetMicroUsd: 1_000_000 }]);
    expect(await world.dispatch()).toMatchObject({ status: 'completed' });
    expect(toolResults(bench, 'm-poor', 1)[0]).toMatchObject({
      isError: true,
      text: expect.stringMatching(/ask for \$5\.0000, and \$0\.\d+ of your own budget/) as string,
    });
    expect(toolResults(bench, 'm-poor', 2)[0]).toMatchObject({
      isError: true,
      text: expect.stringMatching(/does not pay its first answer/) as string,
    });
  });

  it('has a refused request’s money back', async () => {
    const some = [{ prompt: '[[simulate turns=1]] m-r1' }, { prompt: '[[simulate turns=1]] m-r2' }];
    const prompt = bench.played.play('m-refused', inTurn([spawn(...some)], [spawn(some[0]!)], [say('done')]));
    const world = await TreeWorld.start(bench, [{ prompt, maxBudgetMicroUsd: 1_000_000 }], { maxTotalAgents: 1 });
    expect(await world.run()).toMatchObject({ status: 'completed' });
    expect(toolResults(bench, 'm-refused', 2)[0]!.json.census).toMatchObject({ completed: 1 });
    expect(world.size).toBe(2);
  });
});

it('a parent without a cap gives none; its slices alone bound it', async () => {
  const prompt = bench.played.play(
    'm-none',
    inTurn([spawn({ label: 'a', prompt: '[[simulate turns=1]] m-n' })], [say('done')]),
  );
  const world = await TreeWorld.start(bench, [{ prompt, label: 'r' }]);
  await world.run();
  expect(await world.task('r/a')).not.toHaveProperty('maxBudgetMicroUsd');
});

it('waiting costs no time of a parent’s timeout', async () => {
  const prompt = bench.played.play(
    'm-time',
    inTurn([spawn({ label: 'a', prompt: '[[simulate turns=1 latency=2600ms]] m-slow' })], [say('done')]),
  );
  const world = await TreeWorld.start(bench, [{ prompt, label: 'r', timeoutMs: 3_000 }]);
  expect(await world.run()).toMatchObject({ status: 'completed' });
});
