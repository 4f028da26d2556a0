import { expect, test } from 'vitest';
import { runEligible } from '../../../client/spec/eligible.ts';
import { FleetDirectory } from './fleet-directory.ts';

test('the command decides in each target, and only when it is asked to', async () => {
  using directory = new FleetDirectory({ 'a/package.json': '{}', 'b/': '', 'c/package.json': '{}' });
  const plan = await directory.load(
    'targets: ["*/"]\neligible: touch seen; test "$MUSTER_TARGET" != c && test -f package.json\ntask: {prompt: look}\n',
  );
  expect(directory.list()).not.toContain('a/seen');
  const asked = await runEligible(plan);
  expect(asked.tasks.map(({ label, isEligible }) => [label, isEligible])).toEqual([
    ['a', true],
    ['b', false],
    ['c', false],
  ]);
  expect(directory.list()).toContain('b/seen');
  expect(plan.tasks.every(({ isEligible }) => isEligible)).toBe(true);
});
