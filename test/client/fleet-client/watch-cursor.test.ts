import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ToldEnds } from '../../../client/fleet-client/told-ends.ts';
import { beginning, decodeCursor, encodeCursor, type Position } from '../../../client/fleet-client/watch-cursor.ts';

describe('ToldEnds', () => {
  it('knows what was told, in whatever order, and what was taken back', () => {
    const step = fc.record({ index: fc.nat(40), generation: fc.integer({ min: 1, max: 3 }), isTaken: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (stepsTaken) => {
        const told = new ToldEnds();
        const model = new Map<number, number>();
        for (const { index, generation, isTaken } of stepsTaken) {
          if (isTaken) {
            told.remove(index);
            model.delete(index);
          } else if (generation >= (model.get(index) ?? 1)) {
            told.add(index, generation);
            model.set(index, generation);
          }
        }
        const again = new ToldEnds(told.bounds, told.generations);
        for (let index = 0; index <= 41; index++)
          for (let generation = 1; generation <= 3; generation++) {
            const isTold = (model.get(index) ?? 0) >= generation;
            expect([told.has(index, generation), again.has(index, generation)]).toEqual([isTold, isTold]);
          }
        // Ranges that touch are one.
        expect(told.bounds.every((bound, i) => i === 0 || bound > told.bounds[i - 1]!)).toBe(true);
      }),
    );
  });
});

describe('cursors', () => {
  it('come back as they were', () => {
    const position: Position = { ...beginning(), seq: 7, state: 'paused approval sha256:1' };
    for (const index of [0, 1, 2, 9, 4]) position.ended.add(index, index === 4 ? 2 : 1);
    position.started.add('5/1');
    position.journal = { generation: 2, exchange: 3, line: 4 };
    expect(decodeCursor('f', encodeCursor('f', position))).toEqual(position);
  });

  it('stay a few hundred characters in a large fleet under way', () => {
    const position = beginning();
    // 50 in flight, of which the older ones tend to end first.
    let seed = 1;
    const random = (bound: number): number => (seed = (seed * 48_271) % 2_147_483_647) % bound;
    const flight: number[] = [];
    for (let index = 0; index < 20_000; index++) {
      flight.push(index);
      if (flight.length > 50) position.ended.add(flight.splice(Math.min(random(50), random(50)), 1)[0]!, 1);
    }
    for (const index of flight) position.started.add(`${index}/1`);
    expect(encodeCursor('k3v9x2ab', position).length).toBeLessThan(1_000);
  });

  it.each([
    ['no base64', '%%%'],
    ['another text', Buffer.from('hello').toString('base64url')],
    ['an empty one', ''],
  ])('are refused where they are %s', (_name, text) => {
    expect(() => decodeCursor('f', text)).toThrow(expect.objectContaining({ code: 'bad_cursor' }));
  });
});
