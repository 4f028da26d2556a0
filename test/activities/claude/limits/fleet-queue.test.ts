import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FleetQueue, type Place } from '../../../../activities/claude/limits/fleet-queue.ts';

const serve = (queue: FleetQueue<string>, cost = 1): string => {
  const place = queue.peek()!;
  queue.serve(place, cost);
  return place.item;
};

describe('the queue of fleets', () => {
  it('serves fleets in turn and each in order of arrival', () => {
    const queue = new FleetQueue<string>();
    for (const item of ['a1', 'a2', 'a3']) queue.add('a', item);
    for (const item of ['b1', 'b2']) queue.add('b', item);
    const served = Array.from({ length: 5 }, () => serve(queue));
    expect([served.slice(0, 2).sort(), served.slice(2, 4).sort(), served[4]]).toEqual([
      ['a1', 'b1'],
      ['a2', 'b2'],
      'a3',
    ]);
    expect(queue.peek()).toBeUndefined();
  });

  it('weighs what fleets take: one whose calls cost five times as much has a fifth of the calls', () => {
    const queue = new FleetQueue<string>();
    for (let n = 0; n < 100; n += 1) {
      queue.add('small', 'small');
      queue.add('large', 'large');
    }
    const served = Array.from({ length: 60 }, () => {
      const place = queue.peek()!;
      queue.serve(place, place.item === 'large' ? 5 : 1);
      return place.item;
    });
    expect(served.filter((item) => item === 'large')).toHaveLength(10);
  });

  it('does not let one of 10,000 starve a fleet of one', () => {
    const queue = new FleetQueue<string>();
    for (let n = 0; n < 10_000; n += 1) queue.add('huge', 'huge');
    for (let n = 0; n < 500; n += 1) serve(queue);
    queue.add('tiny', 'tiny');
    expect([serve(queue), serve(queue)]).toContain('tiny');
  });

  it('gives a fleet that comes back no credit for the time it was away', () => {
    const queue = new FleetQueue<string>();
    queue.add('b', 'b');
    serve(queue);
    for (let n = 0; n < 1_000; n += 1) queue.add('a', 'a');
    for (let n = 0; n < 500; n += 1) serve(queue);
    for (let n = 0; n < 20; n += 1) queue.add('b', 'b');
    const served = Array.from({ length: 20 }, () => serve(queue));
    expect(served.filter((item) => item === 'b').length).toBeLessThanOrEqual(11);
  });

  it('corrects an account afterwards, also of a fleet that waits', () => {
    const queue = new FleetQueue<string>();
    for (const item of ['a', 'a', 'a']) queue.add('a', item);
    for (const item of ['b', 'b', 'b']) queue.add('b', item);
    expect([serve(queue), serve(queue)]).toEqual(['a', 'b']);
    queue.charge('a', 1.5);
    expect([serve(queue), serve(queue), serve(queue)]).toEqual(['b', 'b', 'a']);
  });

  it('takes everybody out at once', () => {
    const queue = new FleetQueue<string>();
    for (const item of ['a1', 'a2']) queue.add('a', item);
    queue.add('b', 'b1');
    expect(queue.clear().sort()).toEqual(['a1', 'a2', 'b1']);
    expect([queue.size, queue.peek()]).toEqual([0, undefined]);
  });

  it('forgets fleets that have long ended', () => {
    const queue = new FleetQueue<string>();
    for (let n = 0; n < 5_000; n += 1) {
      queue.add(`fleet-${n}`, 'only');
      serve(queue);
    }
    expect(queue.knownFleets).toBeLessThanOrEqual(513);
  });

  it('holds to that under any order of arrivals, departures, services and corrections', () => {
    const action = fc.oneof(
      fc.record({ act: fc.constant('add' as const), fleet: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ act: fc.constant('leave' as const), at: fc.nat() }),
      fc.record({ act: fc.constant('serve' as const), cost: fc.integer({ min: 0, max: 9 }) }),
      fc.record({
        act: fc.constant('charge' as const),
        fleet: fc.integer({ min: 0, max: 4 }),
        cost: fc.integer({ min: -3, max: 5 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const queue = new FleetQueue<{ fleet: number; n: number }>();
        let waiting: Place<{ fleet: number; n: number }>[] = [];
        actions.forEach((one, n) => {
          if (one.act === 'add') waiting.push(queue.add(`${one.fleet}`, { fleet: one.fleet, n }));
          else if (one.act === 'charge') queue.charge(`${one.fleet}`, one.cost);
          else if (one.act === 'leave') {
            const place = waiting[one.at % (waiting.length || 1)];
            if (place !== undefined) queue.remove(place);
            waiting = waiting.filter((other) => other !== place);
          } else {
            const place = queue.peek();
            if (place === undefined) return void expect(waiting).toEqual([]);
            // The first of its fleet, and of the fleet that has taken least.
            expect(place).toBe(waiting.find(({ item }) => item.fleet === place.item.fleet));
            for (const other of waiting) expect(other.line.key).toBeGreaterThanOrEqual(place.line.key);
            queue.serve(place, one.cost);
            waiting = waiting.filter((other) => other !== place);
          }
          expect(queue.size).toBe(waiting.length);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('costs next to nothing a waiter: 100,000 of 1,000 fleets come, half leave, half are served', () => {
    const queue = new FleetQueue<number>();
    const startedAt = process.cpuUsage(); // of this process: others may keep the machine busy
    const places = Array.from({ length: 100_000 }, (_, n) => queue.add(`${n % 1_000}`, n));
    for (let n = 0; n < places.length; n += 2) queue.remove(places[n]!);
    for (let place = queue.peek(); place !== undefined; place = queue.peek()) queue.serve(place, 1 + (place.item % 7));
    expect(queue.size).toBe(0);
    expect(process.cpuUsage(startedAt).user / 1_000).toBeLessThan(3_000);
  });
});
