import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wallClock } from '../../../workflows/policy/wall-clock.ts';
import { listScheduleWall } from '../../bench/list-schedule.ts';

it('is that of a list schedule, for any lengths and slots', () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 70 }), (of, slots) => {
      expect(wallClock(of, slots)).toBe(Math.max(0, listScheduleWall(of, slots)));
      expect(wallClock(of, slots, 500)).toBe(500 + wallClock(of, slots));
    }),
  );
});

it('waits for the last one, and takes no time for nothing', () => {
  expect(wallClock([1, 1, 10], 3)).toBe(10);
  expect(wallClock([5, 5, 5, 5], 2)).toBe(10);
  expect(wallClock([], 4)).toBe(0);
});
