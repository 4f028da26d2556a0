import { expect, it } from 'vitest';
import { defaultSlots, resources } from '../../workers/slots.ts';

const GIB = 1_073_741_824;
const host = { memoryBytes: 64 * GIB, heapBytes: 4 * GIB, cores: 16 };

it.each([
  ['a large host', {}, 1_000],
  ['a container of 1 GiB', { memoryBytes: GIB }, 64],
  ['one of 2 GiB', { memoryBytes: 2 * GIB }, 192],
  ['one too small for anything', { memoryBytes: GIB / 4 }, 1],
  ['one core', { cores: 1 }, 500],
  ['a small heap', { heapBytes: GIB / 2 }, 128],
])('a worker has as many slots as %s bears', (_, less, slots) => {
  expect(defaultSlots({ ...host, ...less })).toBe(slots);
});

it('knows what it may use', () => {
  const { memoryBytes, heapBytes, cores } = resources();
  expect(memoryBytes).toBeGreaterThan(GIB / 4);
  expect(memoryBytes).toBeLessThan(1e15); // no limit is not a limit
  expect([heapBytes > 0, cores > 0]).toEqual([true, true]);
});
