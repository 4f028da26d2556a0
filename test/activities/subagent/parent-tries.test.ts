import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleSubagents } from '../../../activities/subagent/settle-subagents.ts';
import { call, inTurn, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';
import { SPAWNS, toolResults, TreeWorld } from './tree-world.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const spawn = (...tasks: Record<string, unknown>[]) => call('spawn_subagents', { tasks });
const done = (text: string): string => `[[simulate turns=1 output="${text}"]] ${text}`;

describe('labels and occurrences of a tree', () => {
  it('are those of a retried parent’s own generation', async () => {
    const prompt = bench.played.play('t-retry', inTurn([spawn({ label: 'a', prompt: done('t-a') })], [say('done')]));
    const world = await TreeWorld.start(bench, [{ prompt, label: 'p' }]);
    await world.run();
    const again = await world.dispatch(0, { generation: 2 });
    if (again.kind !== 'parked') throw new Error('not parked');
    await world.admit(0, again, 2);
    await world.run(2);
    expect(await world.dispatch(0, { generation: 2 })).toMatchObject({ kind: 'ended', status: 'completed' });
    expect(await world.result('p/a#2')).toMatchObject({ output: 't-a', parent: 'p' });
    expect(toolResults(bench, 't-retry')[0]!.json.results).toMatchObject([{ label: 'a', output: 't-a' }]);
    expect((await world.task('p/a#2')).occurrence).toBe(0);
  });

  it('count equal tasks of one parent over all its requests: none takes another’s result', async () => {
    const judge = { prompt: '[[simulate turns=1]] judge this, t' };
    const prompt = (name: string): string =>
      bench.played.play(
        name,
        inTurn(
          [spawn({ label: 'j1', ...judge }, { label: 'j2', ...judge })],
          [spawn({ label: 'j3', ...judge })],
          [say('judged')],
        ),
      );
    const first = await TreeWorld.start(bench, [{ prompt: prompt('t-judge-1'), label: 'p' }]);
    await first.run();
    const occurrences = async (world: TreeWorld) =>
      Promise.all(['p/j1', 'p/j2', 'p/j3'].map(async (label) => (await world.task(label)).occurrence));
    expect(await occurrences(first)).toEqual([0, 1, 2]);
    const { calls } = bench.claude.stats();
    const second = await TreeWorld.start(bench, [{ prompt: prompt('t-judge-2'), label: 'p' }]);
    await second.run();
    const from = await Promise.all(
      ['p/j1', 'p/j2', 'p/j3'].map(async (label) => (await second.result(label)).reused_from),
    );
    expect(from).toEqual(['p/j1', 'p/j2', 'p/j3'].map((label) => `${first.fleet.fleetId}/${label}`));
    expect((await second.result('p/j1')).parent).toBe('p');
    // Only the parent's own three turns.
    expect(bench.claude.stats().calls).toBe(calls + 3);
  });
});

it('a fresh start of a parent begins without what the try before it spawned', async () => {
  const prompt = bench.played.play('t-fresh', ({ number, request }) => {
    const isSecond = JSON.stringify(request.body.messages[0]).includes('an earlier try');
    if (number === 1) return [spawn({ label: 'a', prompt: done(isSecond ? 't-second' : 't-first') })];
    if (number === 2) return [call('collect_subagents', {})];
    if (number > 3) return [say('done')];
    return [call('Write', { file_path: isSecond ? 'good' : 'bad', content: 'x' })];
  });
  const world = await TreeWorld.start(bench, [
    {
      prompt,
      label: 'p',
      permissions: SPAWNS,
      verify: [{ name: 'good', run: 'test -f good', timeoutMs: 10_000 }],
      retry: { maxAttempts: 2, escalate: [] },
      maxTurns: 20,
    },
  ]);
  await world.run();
  expect(await world.fleet.result()).toMatchObject({ status: 'completed', changes: { files: ['good'] } });
  expect(await world.result('p/a')).toMatchObject({ output: 't-first' });
  expect(await world.result('p/a#1.1')).toMatchObject({ output: 't-second' });
});

it('a parent’s last turn spawns nothing: it would not see the answer', async () => {
  const prompt = bench.played.play('t-last', inTurn([spawn({ prompt: done('never') })]));
  const world = await TreeWorld.start(bench, [{ prompt, maxTurns: 1 }]);
  expect(await world.dispatch()).toMatchObject({ kind: 'ended', status: 'failed' });
  expect(world.size).toBe(1);
  expect(await bench.transcript(await world.fleet.result())).toContain('this was your last turn');
});

it('a parent wanted back in its turn keeps the answer and asks once it is back', async () => {
  const back = new AbortController();
  const prompt = bench.played.play('t-back', ({ number }) => {
    if (number > 1) return [say('done')];
    back.abort();
    return [spawn({ label: 'a', prompt: done('t-wanted') })];
  });
  const world = await TreeWorld.start(bench, [{ prompt, label: 'p' }]);
  expect(await world.dispatch(0, { back: back.signal })).toMatchObject({ kind: 'parked' });
  expect(await world.run()).toMatchObject({ status: 'completed' });
  expect(bench.played.turns.get('t-back')).toHaveLength(2);
  expect(world.size).toBe(2);
});

it('a subagent that ended without having run is told as any other, with whose it is', async () => {
  const prompt = bench.played.play(
    't-skipped',
    inTurn([spawn({ label: 'a', prompt: done('t-never') })], [say('done')]),
  );
  const world = await TreeWorld.start(bench, [{ prompt, label: 'p' }]);
  const parked = await world.dispatch();
  if (parked.kind !== 'parked') throw new Error('not parked');
  await world.admit(0, parked);
  await settleSubagents(bench.parts, {
    ...{ fleetId: world.fleet.fleetId, manifest: world.fleet.manifest, units: [{ index: 1, generation: 1, epoch: 1 }] },
    end: { status: 'skipped', type: 'Dependency.Failed', message: 'what it waits for did not complete' },
  });
  expect(await world.dispatch()).toMatchObject({ kind: 'ended', status: 'completed' });
  expect(await world.result('p/a')).toMatchObject({ label: 'p/a', parent: 'p', status: 'skipped' });
  expect(toolResults(bench, 't-skipped')[0]!.json).toMatchObject({
    census: { skipped: 1, completed: 0, running: 0 },
    results: [{ label: 'a', status: 'skipped', error: { type: 'Dependency.Failed' } }],
  });
});
