import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FleetPlan } from '../../../client/spec/plan.ts';
import { scoutPlan } from '../../../client/spec/scout-plan.ts';
import { FleetDirectory } from './fleet-directory.ts';

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`lib-${i}/x.js`, `${i}`])));
});
afterEach(() => directory[Symbol.dispose]());

const TARGETS = "name: tidy\ntargets: ['lib-*/']\nfailIf: { count: 1 }\neligible: 'true'\ntask: { prompt: tidy }\n";
const labels = ({ tasks }: FleetPlan): string[] => tasks.map(({ label }) => label);

describe('the scouts of a preview', () => {
  it('are five, the first wave of the file, or as many as were asked for', async () => {
    const plain = await directory.load(TARGETS);
    const waved = await directory.load(`${TARGETS}rollout: { waves: [3, 100%] }\n`);
    expect(scoutPlan(plain)!.plan.tasks).toHaveLength(5);
    expect(scoutPlan(waved)!.plan.tasks).toHaveLength(3);
    expect(scoutPlan(waved, 7)!.plan.tasks).toHaveLength(7);
    expect(scoutPlan(waved, 100)).toMatchObject({ eligible: 12, plan: { tasks: { length: 12 } } });
    expect(labels(scoutPlan(waved, 7)!.plan)).toEqual(expect.arrayContaining(labels(scoutPlan(waved)!.plan)));
  });

  it('stand by themselves: no waves, no policy that ends them early, nobody asked twice whether he is eligible', async () => {
    const { plan } = scoutPlan(await directory.load(`${TARGETS}rollout: { waves: [3, 100%] }\n`))!;
    expect(plan).toMatchObject({ name: 'preview of tidy', failIf: null });
    expect(plan).not.toHaveProperty('rollout');
    expect(plan).not.toHaveProperty('eligible');
  });

  it('keep their order, so that equal tasks are counted as in a run', async () => {
    const tasks = Array.from({ length: 8 }, (_, i) => ({ label: `t${i}`, prompt: 'vote' }));
    const { plan } = scoutPlan(await directory.load(JSON.stringify({ tasks }), { as: 'tasks.json' }), 4)!;
    expect(labels(plan)).toEqual(labels(plan).toSorted());
  });

  it('bring their prerequisites, named by their places among the scouts', async () => {
    const tasks = [
      { label: 'last', prompt: 'c', depends_on: ['middle'] },
      { label: 'other', prompt: 'd' },
      { label: 'middle', prompt: 'b', depends_on: ['first'] },
      { label: 'first', prompt: 'a' },
    ];
    const whole = await directory.load(JSON.stringify({ tasks }), { as: 'tasks.json' });
    for (let limit = 1; limit <= 4; limit++) {
      const { plan } = scoutPlan(whole, limit)!;
      expect(plan.tasks).toHaveLength(limit);
      for (const { label, dependsOn } of plan.tasks) {
        const wanted = tasks.find((task) => task.label === label)!.depends_on ?? [];
        expect(dependsOn.map((place) => plan.tasks[place]!.label)).toEqual(wanted);
      }
    }
  });

  it('are none that wait for one that is not eligible, however far off', async () => {
    const tasks = [
      { label: 'a', prompt: 'a' },
      { label: 'b', prompt: 'b', depends_on: ['a'] },
      { label: 'c', prompt: 'c', depends_on: ['b'] },
      { label: 'd', prompt: 'd' },
    ];
    const whole = await directory.load(JSON.stringify({ tasks }), { as: 'tasks.json' });
    whole.tasks[0]!.isEligible = false;
    expect(scoutPlan(whole)).toMatchObject({ eligible: 1, plan: { tasks: [{ label: 'd' }] } });
    whole.tasks[3]!.isEligible = false;
    expect(scoutPlan(whole)).toBeUndefined();
    // The plan itself is left as it was.
    expect(whole.tasks[1]!.isEligible).toBe(true);
  });
});
