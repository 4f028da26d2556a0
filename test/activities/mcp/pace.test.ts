import { expect, test } from 'vitest';
import { Pace } from '../../../activities/mcp/pace.ts';

test('a second’s worth is read at once, more of it waits as long as it is worth', () => {
  const pace = new Pace({ bytesPerSecond: 1_000, linesPerSecond: 10 });
  expect(pace.read(Buffer.alloc(900, 'x'), 5_000)).toBe(0);
  expect(pace.read(Buffer.alloc(2_100, 'x'), 5_100)).toBe(2_900);
  expect(pace.read(Buffer.alloc(1_000, 'x'), 8_000)).toBe(0);
});

test('lines are counted besides bytes', () => {
  const pace = new Pace({ bytesPerSecond: 1_000_000, linesPerSecond: 10 });
  expect(pace.read(Buffer.from('x\n'.repeat(10)), 5_000)).toBe(0);
  expect(pace.read(Buffer.from('x\n'.repeat(10)), 5_000)).toBe(2_000);
});
