import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';
import { ended, failed, lettersOf, WaveWorld } from './wave-world.ts';

let world: WaveWorld;
beforeEach(async () => {
  world = await WaveWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const SCOUTS = [ended('a'), ended('b', { total_cost_usd: 0.5 }), ended('c', { total_cost_usd: 0.36 })];
/** Three scouts, then five targets. */
const WAVES = [1, 1, 1, 2, 2, 2, 2, 2];
const UNITS = 'CCCwwwww';
const SPENT = 1_260_000;

describe('a gate', () => {
  it('opens on what the scouts left, and says so in its title', async () => {
    const manifest = await world.fleet('f', WAVES, SCOUTS);
    const verdict = await world.judge(manifest, { minVerified: 1 }, { units: UNITS, spentMicroUsd: SPENT });
    expect(verdict).toMatchObject({
      isOpen: true,
      why: [],
      title: 'wave 2 of 2: 5 targets after 3 scouts (3/3 completed, 3/3 verified, $0.42 a target)',
    });
    expect(await world.report(verdict)).toMatchObject({
      census: { completed: 3, failed: 0 },
      ...{ tried: 3, completed: 3, verified: 3, costPerTargetMicroUsd: 420_000, reused: 0, spentMicroUsd: SPENT },
      ...{ elapsedMs: 90_000, failures: [], remaining: 5 },
      forecast: { basis: 3, isThin: false },
      next: { count: 5, labels: ['target-3', 'target-4', 'target-5', 'target-6', 'target-7'] },
    });
  });

  it('stays closed on failures, of which it tells each kind once', async () => {
    const results = [...SCOUTS, failed('d', 'test 1 failed in /x/d'), failed('e', 'test 22 failed in /y/e')];
    const manifest = await world.fleet('f', [1, 1, 1, 1, 1, 2], results);
    const verdict = await world.judge(manifest, { minCompleted: 0.9 }, { units: `${lettersOf(results)}w` });
    expect(verdict).toMatchObject({ isOpen: false, why: ['3 of 5 targets completed (60 %), less than 90 %'] });
    const { failures, forecast } = await world.report(verdict);
    expect(failures).toMatchObject([{ type: 'Verify.Failed', count: 2, labels: ['d', 'e'] }]);
    expect(forecast?.basis).toBe(5);
  });

  it('leaves out targets that were skipped, were not eligible or stand in a later wave', async () => {
    const skipped = ended('d', { status: 'skipped', error: { type: 'Subagent.Skipped', message: 'by a person' } });
    const stopped = ended('e', { status: 'stopped', verify: [], total_cost_usd: 0.01 });
    const results = [...SCOUTS, skipped, stopped, ended('not-eligible', { status: 'skipped' })];
    const manifest = await world.fleet('f', [1, 1, 1, 1, 1, 0, 2], results);
    const verdict = await world.judge(manifest, { minCompleted: 0.75 }, { units: `${lettersOf(results)}w` });
    const report = await world.report(verdict);
    expect(report).toMatchObject({ tried: 4, completed: 3, census: { skipped: 1, stopped: 1 }, remaining: 1 });
    // One that was cut off says nothing of what a target takes.
    expect(report.forecast?.basis).toBe(3);
    expect(verdict.isOpen).toBe(true);
  });

  it('counts as verified only what completed with a verification that passed', async () => {
    const results = [ended('a'), ended('b', { verify: [] }), ended('c')];
    delete results[2]!.verify;
    const manifest = await world.fleet('f', [1, 1, 1, 2], results);
    const verdict = await world.judge(manifest, { minVerified: 0.5 }, { units: 'CCCw' });
    expect(verdict).toMatchObject({ isOpen: false, why: ['1 of 3 targets verified (33.3 %), less than 50 %'] });
  });

  it('is judged by the newest generation of each target', async () => {
    const manifest = await world.fleet('f', [1, 1, 2], [ended('a'), failed('b', 'no')]);
    await world.commit('f', 1, 2, ended('b'));
    const units = 'CCw';
    const generations: [number, number][] = [[1, 2]];
    const report = await world.report(await world.judge(manifest, { minVerified: 1 }, { units, generations }));
    expect(report).toMatchObject({ isOpen: true, verified: 2, failures: [] });
  });

  it('shares what spawned subagents and earlier generations spent out among the targets', async () => {
    const manifest = await world.fleet('f', WAVES, SCOUTS);
    const gate = { maxCostPerTargetMicroUsd: 500_000 };
    const verdict = await world.judge(manifest, gate, { units: UNITS, spentMicroUsd: 2 * SPENT });
    expect(verdict.why).toEqual(['$0.84 a target is more than $0.50']);
  });

  it('forecasts from originals what was taken over here without cost, and goes without where they are gone', async () => {
    await world.fleet('preview', [0, 0], [ended('b'), ended('a', { total_cost_usd: 0.6 })]);
    const taken = (label: string, from: string): Result => ended(label, { total_cost_usd: 0, reused_from: from });
    const results = [taken('a', 'preview/a'), taken('b', 'preview/b'), taken('c', 'forgotten/c')];
    const manifest = await world.fleet('f', WAVES, results);
    const report = await world.report(await world.judge(manifest, { approval: true }, { units: UNITS }));
    expect(report).toMatchObject({ reused: 3, costPerTargetMicroUsd: 500_000, forecast: { basis: 2, isThin: true } });
    expect(report.forecast!.costMicroUsd.p50).toBeGreaterThan(1_000_000);
  });

  it('says that nothing is known where nobody cost anything', async () => {
    const results = [failed('a', 'clone denied', { total_cost_usd: 0 }), undefined];
    const manifest = await world.fleet('f', [1, 1, 2], results);
    const verdict = await world.judge(manifest, { approval: true }, { units: 'FFw' });
    const report = await world.report(verdict);
    expect(report.forecast).toBeUndefined();
    expect(report).toMatchObject({ tried: 2, completed: 0, costPerTargetMicroUsd: 0 });
  });
});

describe('what is damaged', () => {
  it('ends the judging for good, so that a person is asked and no retry goes on for ever', async () => {
    const manifest = await world.fleet('f', WAVES, SCOUTS);
    await world.store.writeRecord(recordKeys.subagent('f', 1, 1), { v: 1, nonsense: true }, 1);
    await expect(world.judge(manifest, {}, { units: UNITS })).rejects.toMatchObject({
      type: 'Artifact.Damaged',
      nonRetryable: true,
    });
    const missing = `sha256:${'0'.repeat(64)}`;
    await expect(world.judge(missing, {}, { units: UNITS })).rejects.toMatchObject({ type: 'Artifact.Damaged' });
  });

  it('in an earlier fleet only means that it says nothing of what a target takes', async () => {
    await world.fleet('preview', [0, 0], [ended('a'), ended('b')]);
    await world.store.writeRecord(recordKeys.subagent('preview', 0, 1), { v: 1, nonsense: true }, 1);
    const taken = (label: string): Result => ended(label, { total_cost_usd: 0, reused_from: `preview/${label}` });
    const manifest = await world.fleet('f', WAVES, [taken('a'), taken('b'), ended('c')]);
    const report = await world.report(await world.judge(manifest, {}, { units: UNITS }));
    expect(report).toMatchObject({ completed: 3, forecast: { basis: 2 } });
  });
});

describe('the hash of what is approved', () => {
  const judged = async (
    manifest: string,
    more: { units?: string; generations?: [number, number][]; gate?: object; spentMicroUsd?: number } = {},
  ) => {
    const { gate = { approval: true }, ...request } = more;
    return world.judge(manifest, gate, { units: UNITS, spentMicroUsd: SPENT, ...request });
  };

  it('is the same when the activity runs again, and its report is stored once', async () => {
    const manifest = await world.fleet('f', WAVES, SCOUTS);
    expect(await judged(manifest)).toEqual(await judged(manifest));
  });

  it('is another for other results, figures, gates, retries and files', async () => {
    const manifest = await world.fleet('f', WAVES, SCOUTS);
    const other = await world.fleet('g', [...WAVES, 2], SCOUTS);
    await world.commit('f', 0, 2, ended('a'));
    const verdicts = [
      await judged(manifest),
      await judged(manifest, { spentMicroUsd: SPENT + 1 }),
      await judged(manifest, { gate: { approval: true, minCompleted: 0.5 } }),
      await judged(manifest, { generations: [[0, 2]] }),
      await judged(other),
    ];
    expect(new Set(verdicts.map(({ hash }) => hash)).size).toBe(verdicts.length);
    expect(verdicts[0]!.hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
