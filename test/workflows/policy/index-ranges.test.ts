import fc from 'fast-check';
import { expect, it } from 'vitest';
import { holds, withIndexes } from '../../../workflows/policy/index-ranges.ts';

it('ranges hold what was put into them, as few as can be', () => {
  expect(withIndexes([[5, 2]], [7, 3, 8, 3])).toEqual([
    [3, 1],
    [5, 4],
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(40)), fc.array(fc.nat(40)), (first, second) => {
      const ranges = withIndexes(withIndexes([], first), second);
      const all = new Set([...first, ...second]);
      for (let i = 0; i <= 41; i++) expect(holds(ranges, i)).toBe(all.has(i));
      expect(ranges.every(([from], i) => i === 0 || from > ranges[i - 1]![0] + ranges[i - 1]![1])).toBe(true);
      expect(ranges.every(([, count]) => count > 0)).toBe(true);
    }),
  );
});
