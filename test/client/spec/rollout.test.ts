import { describe, expect, it } from 'vitest';
import { EXPECTED } from '../../../client/spec/expected.ts';
import { NESTED_KEYS } from '../../../client/spec/keys.ts';
import { InvalidFleet, formatFault } from '../../../client/spec/plan.ts';
import { RolloutShape } from '../../../client/spec/rollout-shape.ts';
import { planWaves } from '../../../client/spec/wave-plan.ts';
import { FleetDirectory } from './fleet-directory.ts';

const labels = (count: number): string =>
  `tasks: [${Array.from({ length: count }, (_, i) => `{label: t${i}, prompt: a, workingDirectory: sub}`).join(', ')}]\n`;
const VERIFIED = 'verify: [{name: tests, run: npm test}]\n';

describe('waves of a fleet file', () => {
  it.each([
    ['rollout: {waves: [2, 50%, 100%]}', [2, { share: 0.5 }, { share: 1 }]],
    ['rollout: {waves: ["7.5%", 100%]}', [{ share: 0.075 }, { share: 1 }]],
    ['rollout: {scout: 3}', [3, { share: 1 }]],
    ['scout: 3', [3, { share: 1 }]],
  ])('reads %s', async (text, reaches) => {
    using directory = new FleetDirectory({ 'sub/': '' });
    const plan = await directory.load(`${text}\n${labels(4)}`);
    expect(plan.rollout).toMatchObject({ reaches, gate: null, stopOnFailureRate: null });
    expect(plan.warnings).toEqual([]);
  });

  it('reads the gate beside a scout, shares as numbers or texts, in either spelling of JSON', async () => {
    using directory = new FleetDirectory({ 'sub/': '' });
    const gate = { minCompleted: 0.8, minVerified: 0.9, maxCostPerTargetMicroUsd: 2_500_000, approval: true };
    const yaml = `${VERIFIED}scout: 1
rollout:
  gate: {minCompleted: 80%, minVerified: 0.9, maxCostPerTarget: 2.50, approval: true}
  stopOnFailureRate: 30%
${labels(2)}`;
    expect((await directory.load(yaml)).rollout).toMatchObject({ gate, stopOnFailureRate: 0.3 });
    const json = {
      tasks: [{ prompt: 'a', verify: [{ name: 'tests', run: 'npm test' }] }, { prompt: 'b' }],
      rollout: { waves: [1, '100%'], gate: { min_verified: 0.5 }, stop_on_failure_rate: 0.3 },
    };
    expect((await directory.load(JSON.stringify(json), { as: 'tasks.json' })).rollout).toMatchObject({
      gate: { minVerified: 0.5 },
      stopOnFailureRate: 0.3,
    });
  });

  it('adds a last wave where the last one does not reach all, and says so unless it does in fact', async () => {
    using directory = new FleetDirectory({ 'sub/': '' });
    const short = await directory.load(`rollout: {waves: [1, 50%]}\n${labels(4)}`);
    expect(short.rollout!.reaches).toEqual([1, { share: 0.5 }, { share: 1 }]);
    expect(short.warnings).toEqual(['`rollout.waves` ends before 100 %: a last wave for all the rest was added']);
    const exact = await directory.load(`rollout: {waves: [1, 4]}\n${labels(4)}`);
    expect(exact.warnings).toEqual([]);
    const known = planWaves(exact)!;
    expect(known.rollout.waves).toBe(2);
  });
});

describe('a rollout at fault says where, what, and what to write', () => {
  const faults: [title: string, text: string, expected: string][] = [
    ['no waves', 'rollout: {stopOnFailureRate: 0.3}', '1:1: `rollout` has no waves; write waves: [5, 10%, 100%]'],
    ['scout and waves', 'rollout: {waves: [1, 100%]}\nscout: 2', '2:1: `scout` and `waves` exclude each other; keep'],
    ['scout twice', 'rollout: {scout: 1}\nscout: 2', '2:1: `scout` is given twice; remove one'],
    [
      'waves that shrink',
      'rollout: {waves: [5, 3, 100%]}',
      '1:22: the wave 3 reaches no further than one before it; write waves that grow',
    ],
    ['equal shares', 'rollout: {waves: [10%, 10%]}', '1:24: the wave 10 % reaches no further than one before it'],
    ['waves behind all', 'rollout: {waves: [100%, 5]}', '1:25: nothing is left for this wave: 100 % comes before it'],
    ['a fraction', 'rollout: {waves: [0.1, 100%]}', '1:19: `rollout.waves.0` is 0.1; write whole numbers of targets'],
    ['no targets', 'rollout: {waves: [0, 100%]}', '1:19: `rollout.waves.0` is 0; write whole numbers of targets'],
    [
      'nothing of them',
      'rollout: {waves: [0%, 100%]}',
      '1:19: `rollout.waves.0` is the text "0%"; write whole numbers',
    ],
    ['more than all', 'rollout: {waves: [110%]}', '1:19: `rollout.waves.0` is the text "110%"; write whole numbers'],
    ['no list', 'rollout: {waves: 5}', '1:18: `rollout.waves` is 5; write whole numbers of targets'],
    ['scouts below one', 'scout: 0', '1:8: `scout` is 0; write a whole number of targets from 1'],
    [
      'a share above all',
      'rollout: {waves: [1, 100%], gate: {minCompleted: 1.5}}',
      '1:50: `rollout.gate.minCompleted` is 1.5; write a share above 0 and up to 1',
    ],
    [
      'a share of nothing',
      'rollout: {waves: [1, 100%], gate: {minVerified: 0}}',
      '1:49: `rollout.gate.minVerified` is 0; write a share',
    ],
    [
      'a cost of nothing',
      'rollout: {waves: [1, 100%], gate: {maxCostPerTarget: 0}}',
      '1:54: `rollout.gate.maxCostPerTarget` is 0; write an amount of US dollars above 0',
    ],
    [
      'a rate of nothing',
      'rollout: {waves: [1], stopOnFailureRate: 0%}',
      '1:42: `rollout.stopOnFailureRate` is the text',
    ],
    [
      'a gate that says nothing',
      'rollout: {waves: [1, 100%], gate: {approval: false}}',
      '1:35: the gate asks for nothing; write {minVerified: 0.9} or {approval: true}',
    ],
    [
      'a gate with nothing behind it',
      'rollout: {waves: [100%], gate: {approval: true}}',
      '1:26: the gate has no wave behind it; write waves: [5, 100%]',
    ],
    [
      'a gate that can never open',
      'rollout: {waves: [1, 100%], gate: {minVerified: 0.9}}',
      '1:49: the gate can never open: 0 of 4 tasks before it have `verify`, which is less than 90 %; write `verify:',
    ],
    ['a slip', 'rollout: {wave: [1, 100%]}', '1:11: `wave` is no key of rollout; write `waves`'],
    [
      'a slip in the gate',
      'rollout: {waves: [1], gate: {aproval: true}}',
      '1:30: `aproval` is no key of a gate; write `approval`',
    ],
    [
      'a later key',
      'rollout: {waves: [1], gate: {approval: true, minMerged: 1}}',
      '1:46: `minMerged` is not supported yet; remove it',
    ],
  ];
  it.each(faults)('%s', async (_, text, expected) => {
    using directory = new FleetDirectory({ 'sub/': '' });
    const found = await directory.faults(`${text}\n${labels(4)}`);
    expect(found[0]).toContain(`fleet.yaml:${expected}`);
    expect(found).toHaveLength(1);
  });

  it('tells the faults of the tasks, and not that a gate misses what they lack', async () => {
    using directory = new FleetDirectory();
    const text =
      'rollout: {waves: [1, 100%], gate: {minVerified: 1}}\ntasks: [{prompt: a, workingDirectory: nowhere}]\n';
    expect(await directory.faults(text)).toHaveLength(1);
  });
});

it('key tables and shapes of a rollout speak of the same keys', () => {
  expect([...NESTED_KEYS['rollout']!.known].sort()).toEqual(Object.keys(RolloutShape.shape).sort());
  const gate = RolloutShape.shape.gate.unwrap();
  expect([...NESTED_KEYS['gate']!.known].sort()).toEqual(Object.keys(gate.shape).sort());
  for (const key of [...NESTED_KEYS['rollout']!.known, ...NESTED_KEYS['gate']!.known])
    expect(EXPECTED[key]).toBeTruthy();
});

describe('which task is in which wave', () => {
  it('counts waves among the eligible, and gives the others none', async () => {
    using directory = new FleetDirectory({ 'sub/': '' });
    const { rollout, tasks } = await directory.load(`rollout: {waves: [1, 50%, 100%]}\n${labels(6)}`);
    const asked = tasks.map((task, i) => ({ ...task, isEligible: i % 3 !== 0 }));
    const { waves, rollout: counted, warnings } = planWaves({ rollout: rollout!, tasks: asked })!;
    expect(counted).toEqual({ waves: 3, gate: null, stopOnFailureRate: null });
    expect(waves.map((wave) => wave === 0)).toEqual([true, false, false, true, false, false]);
    expect(waves.filter((wave) => wave > 0).sort()).toEqual([1, 2, 3, 3]);
    expect(planWaves({ rollout: rollout!, tasks: asked })!.waves).toEqual(waves);
    expect(warnings).toEqual([]);
  });

  it('says when waves fall together, and what that does to the gate', async () => {
    using directory = new FleetDirectory({ 'sub/': '' });
    const few = await directory.load(`rollout: {waves: [5, 10%, 100%], gate: {approval: true}}\n${labels(3)}`);
    const one = planWaves(few)!;
    expect(one.rollout.waves).toBe(1);
    expect(one.warnings).toEqual(['all 3 targets are in the first wave: no gate comes between them']);
    const some = await directory.load(`rollout: {waves: [5, 10%, 100%]}\n${labels(9)}`);
    expect(planWaves(some)).toMatchObject({ rollout: { waves: 2 }, warnings: [/^9 targets make 2 waves, not 3/] });
    expect(planWaves({ ...few, tasks: few.tasks.map((task) => ({ ...task, isEligible: false })) })).toBeUndefined();
  });

  it('refuses a gate that the targets left can never open, where it stands in the file', async () => {
    using directory = new FleetDirectory({ 'sub/': '' });
    const plan = await directory.load(`rollout: {waves: [1, 100%], gate: {minVerified: 0.5}}
tasks: [{label: a, prompt: a, verify: [{name: t, run: 'true'}]}, {label: b, prompt: b}]\n`);
    const without = plan.tasks.map((task) => ({ ...task, isEligible: task.label === 'b' }));
    expect(planWaves({ ...plan, tasks: without })?.rollout.waves).toBe(1); // no gate is left
    const both = plan.tasks.map((task) => ({ ...task, verify: [] }));
    const caught = (() => {
      try {
        planWaves({ ...plan, tasks: both });
      } catch (error) {
        return error;
      }
    })();
    expect(caught).toBeInstanceOf(InvalidFleet);
    expect((caught as InvalidFleet).faults.map(formatFault)).toEqual([
      expect.stringMatching(/^fleet.yaml:1:\d+: the gate can never open: 0 of 1 tasks before it have `verify`/),
    ]);
  });
});
