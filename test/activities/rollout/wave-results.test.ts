import { expect, it } from 'vitest';
import { readResults } from '../../../activities/rollout/wave-results.ts';
import { ended, WaveWorld } from './wave-world.ts';

it('looks at all where they are few, and evenly over the waves where they are many', async () => {
  await using world = await WaveWorld.open();
  const results = Array.from({ length: 12 }, (_, i) => (i === 4 ? undefined : ended(`t${i}`)));
  await world.fleet(
    'f',
    results.map(() => 1),
    results,
  );
  const of = { fleetId: 'f', generations: [] };
  const indexes = [...results.keys()];
  const all = await readResults(world.records, of, indexes);
  expect(all.looked).toBe(12);
  // One that left no result is looked at all the same.
  expect(all.results.map(({ label }) => label)).toEqual(results.flatMap((result) => result?.label ?? []));
  const some = await readResults(world.records, of, indexes, 4);
  expect(some.results.map(({ label }) => label)).toEqual(['t0', 't3', 't6', 't9']);
  expect(some.looked).toBe(4);
});
