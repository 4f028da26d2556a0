import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlannedTarget } from '../../../client/spec/representative-order.ts';
import { assignWaves } from '../../../client/spec/waves.ts';
import { FleetDirectory } from './fleet-directory.ts';

const target = (label: string, more: Partial<PlannedTarget> = {}): PlannedTarget => ({
  label,
  workspace: { url: `https://git.test/${label}.git` },
  isEligible: true,
  dependsOn: [],
  ...more,
});
const targets = (owner: string, count: number): PlannedTarget[] =>
  Array.from({ length: count }, (_, i) => target(`${owner}/repo-${i}`));
const sizes = (waves: readonly number[]): number[] =>
  [...new Set(waves)].sort((a, b) => a - b).map((wave) => waves.filter((other) => other === wave).length);
const labelsIn = (tasks: readonly PlannedTarget[], waves: readonly number[], wave: number): string[] =>
  tasks.filter((_, i) => waves[i] === wave).map(({ label }) => label);

describe('the sizes of waves', () => {
  it('are counted from the first: five, then up to a tenth, then all', () => {
    expect(sizes(assignWaves(targets('a', 200), [5, { share: 0.1 }, { share: 1 }]))).toEqual([5, 15, 180]);
  });

  it('round shares up, by what is meant and not by what a float makes of it', () => {
    expect(sizes(assignWaves(targets('a', 100), [{ share: 0.07 }, { share: 1 }]))).toEqual([7, 93]);
    expect(sizes(assignWaves(targets('a', 11), [{ share: 0.1 }, { share: 1 }]))).toEqual([2, 9]);
  });

  it('leave out a wave that would be empty, and add one for what the last does not reach', () => {
    expect(sizes(assignWaves(targets('a', 20), [5, { share: 0.1 }, { share: 1 }]))).toEqual([5, 15]);
    expect(sizes(assignWaves(targets('a', 3), [5, { share: 1 }]))).toEqual([3]);
    expect(sizes(assignWaves(targets('a', 9), [4]))).toEqual([4, 5]);
    expect(assignWaves([], [5])).toEqual([]);
  });

  it('count those that are eligible alone, and give the others no wave', () => {
    const tasks = targets('a', 10).map((task, i) => ({ ...task, isEligible: i % 2 === 0 }));
    const waves = assignWaves(tasks, [{ share: 0.4 }, { share: 1 }]);
    expect(tasks.every(({ isEligible }, i) => isEligible === waves[i]! > 0)).toBe(true);
    expect(waves.filter((wave) => wave === 1)).toHaveLength(2);
  });
});

describe('the choice of scouts', () => {
  it('has one of each owner before two of any, then in proportion', () => {
    const tasks = [...targets('large', 80), ...targets('middle', 16), ...targets('small', 4)];
    const owners = (count: number): Record<string, number> => {
      const scouts = labelsIn(tasks, assignWaves(tasks, [count]), 1);
      return Object.fromEntries(
        ['large', 'middle', 'small'].map((o) => [o, scouts.filter((l) => l.startsWith(o)).length]),
      );
    };
    expect(owners(3)).toEqual({ large: 1, middle: 1, small: 1 });
    expect(owners(25)).toEqual({ large: 20, middle: 4, small: 1 });
    expect(owners(50)).toEqual({ large: 40, middle: 8, small: 2 });
  });

  it('tells languages and sizes of directories apart, by their names and by the index of git', () => {
    using directory = new FleetDirectory();
    const place = (name: string, manifest: string, files: number, isRepository: boolean): PlannedTarget => {
      const path = join(directory.path, name);
      mkdirSync(path);
      writeFileSync(join(path, manifest), '');
      mkdirSync(join(path, 'src'));
      for (let i = 1; i < files; i++) writeFileSync(join(path, 'src', `${i}.txt`), '');
      const git = (...args: string[]): unknown => execFileSync('git', ['-C', path, ...args], { stdio: 'ignore' });
      if (isRepository) void [git('init'), git('add', '.')];
      return target(name, { workspace: { directory: path } });
    };
    const common = Array.from({ length: 12 }, (_, i) => place(`js-${i}`, 'package.json', 3, false));
    const tasks = [...common, place('go', 'go.mod', 3, false), place('vast', 'package.json', 120, true)];
    const scouts = labelsIn(tasks, assignWaves(tasks, [3]), 1);
    expect(scouts).toHaveLength(3);
    expect(scouts).toEqual(expect.arrayContaining(['go', 'vast']));
  });

  it('is the same when asked again, and whatever the order of the tasks', () => {
    const tasks = [...targets('a', 30), ...targets('b', 7), ...targets('c', 1)];
    const scouts = new Set(labelsIn(tasks, assignWaves(tasks, [6]), 1));
    const turned = tasks.toReversed();
    expect(new Set(labelsIn(turned, assignWaves(turned, [6]), 1))).toEqual(scouts);
    const larger = new Set(labelsIn(tasks, assignWaves(tasks, [12]), 1));
    expect([...scouts].every((label) => larger.has(label))).toBe(true);
  });

  it('takes a directory that is gone, and a repository to be cloned, for what their names say', () => {
    const tasks = [target('gone', { workspace: { directory: '/nowhere/at/all' } }), target('x/y'), target('file.ts')];
    expect(assignWaves(tasks, [2]).toSorted()).toEqual([1, 1, 2]);
  });

  it('is made for tens of thousands in chains, who all wait for one', { timeout: 20_000 }, () => {
    const tasks = Array.from({ length: 30_000 }, (_, i) =>
      target(`owner-${i % 1000}/repo-${i}`, { dependsOn: i === 0 ? [] : [0, i - (i % 10 === 0 ? i : 1)] }),
    );
    const waves = assignWaves(tasks, [5, { share: 0.1 }, { share: 1 }]);
    expect(sizes(waves)).toEqual([5, 2_995, 27_000]);
    expect(waves[0]).toBe(1);
  });
});

it('no task stands in an earlier wave than one it depends on, and every wave has its size', () => {
  const graph = fc.array(
    fc.record({
      owner: fc.integer({ min: 0, max: 4 }),
      isEligible: fc.boolean(),
      before: fc.array(fc.nat(), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(
      graph,
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (nodes, first, share) => {
        const tasks = nodes.map(({ owner, isEligible, before }, i) => {
          // Edges lead back along a fixed shuffle, so that prerequisites stand behind their dependents in the file too.
          const rank = (j: number): number => (j * 17) % 41;
          const dependsOn = before.map((n) => n % nodes.length).filter((j) => rank(j) < rank(i));
          return target(`o${owner}/${i}`, { isEligible, dependsOn });
        });
        const waves = assignWaves(tasks, [first, { share }]);
        for (const [i, { dependsOn, isEligible }] of tasks.entries()) {
          expect(waves[i]! > 0).toBe(isEligible);
          if (isEligible) for (const before of dependsOn) expect(waves[before]).toBeLessThanOrEqual(waves[i]!);
        }
        const count = tasks.filter(({ isEligible }) => isEligible).length;
        expect(waves.filter((wave) => wave === 1)).toHaveLength(Math.min(first, count));
      },
    ),
  );
});
