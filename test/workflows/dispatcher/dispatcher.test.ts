import { describe, expect, it } from 'vitest';
import type { BatchState, FleetLimits } from '../../../workflows/contract/messages.ts';
import { Dispatcher } from '../../../workflows/dispatcher/dispatcher.ts';
import { rootOf, says, type RootOptions } from '../../support/lone-root.ts';

const fleetOf = (count: number, limits: Partial<FleetLimits> = {}, more: RootOptions = {}): Dispatcher =>
  rootOf(count, { limits, ...more });

const letters = (fleet: Dispatcher): string => fleet.units.text;

describe('money', () => {
  it('takes back what runs on more money than a lowered budget has', () => {
    const fleet = fleetOf(4, { budgetMicroUsd: 40 });
    const batch = fleet.orders().open[0]!;
    expect(batch.window).toMatchObject({ permits: 4, purseMicroUsd: 40 });
    fleet.heard(says(batch, 'rrrr', { reservedMicroUsd: 40 }));
    fleet.set({ budgetMicroUsd: 15 });
    const [order] = fleet.orders().windows;
    expect(order!.window.permits).toBe(0);
    fleet.closed(says(batch, 'pppp', { seq: 2, epoch: 2, spentMicroUsd: 4 }));
    const [next] = fleet.orders().open;
    expect(next!.units.length).toBeGreaterThan(0);
    expect(next!.window.purseMicroUsd).toBeLessThanOrEqual(11);
  });

  it('leaves those in flight alone when a lowered budget still holds all they have', () => {
    const fleet = fleetOf(2, { budgetMicroUsd: 100 });
    const batch = fleet.orders().open[0]!;
    fleet.heard(says(batch, 'rr', { reservedMicroUsd: 20 }));
    fleet.set({ budgetMicroUsd: 30 });
    expect(fleet.orders().windows.every(({ window }) => window.permits === 2)).toBe(true);
  });

  it('counts a call that is booked only when its subagent is settled', () => {
    const fleet = fleetOf(1);
    const batch = fleet.orders().open[0]!;
    fleet.closed(says(batch, 'p', { spentMicroUsd: 5 }));
    fleet.stop([0]);
    const [request] = fleet.orders().settle;
    expect(request!.units[0]!.epoch).toBeGreaterThan(batch.epoch);
    fleet.settled(request!, [{ kind: 'ended', status: 'stopped', spentMicroUsd: 7 }]);
    expect(fleet.status().spentMicroUsd).toBe(12);
  });
});

describe('permits', () => {
  it('reach a batch that has not spoken yet when the concurrency is raised', () => {
    const fleet = fleetOf(30, { concurrency: 5 });
    expect(fleet.orders().open[0]!.window.permits).toBe(5);
    fleet.set({ concurrency: 12 });
    const { windows, open } = fleet.orders();
    expect({ windows, open }).toMatchObject({ windows: [{ batch: 1, window: { permits: 12 } }], open: [] });
  });

  it('given to a batch that has not spoken yet count as in flight until it has', () => {
    const fleet = fleetOf(30, { concurrency: 5 });
    fleet.orders();
    fleet.pauseFor('user');
    fleet.orders();
    expect(fleet.status().running).toBe(5);
  });
});

describe('the failure policy', () => {
  it('is looked at when a pause ends: what failed during the pause starts nothing more', () => {
    const fleet = fleetOf(400, { failIf: { count: 1 } });
    const batch = fleet.orders().open[0]!;
    fleet.pauseFor('user');
    fleet.closed(says(batch, 'F'.padEnd(batch.units.length, 'q')));
    expect(fleet.orders().open).toEqual([]);
    fleet.resume();
    expect(fleet.orders().open).toEqual([]);
    expect(fleet.isFinished).toBe(true);
    expect(fleet.finish()).toBe('failed');
    expect(fleet.units.census).toMatchObject({ failed: 1, not_attempted: 399 });
  });

  it('is named by those it stops, a person by those a person stops', () => {
    const byPolicy = fleetOf(2, { failIf: { count: 1 } });
    byPolicy.closed(says(byPolicy.orders().open[0]!, 'Fp'));
    expect(byPolicy.orders().settle[0]!.end!.message).toBe('stopped by the failure policy');
    const byPerson = fleetOf(2);
    byPerson.closed(says(byPerson.orders().open[0]!, 'Cp'));
    byPerson.cancel();
    expect(byPerson.orders().settle[0]!.end!.message).toBe('stopped by a person');
  });
});

describe('the end', () => {
  it('stands: a cancel or a pause that comes later changes nothing', () => {
    const fleet = fleetOf(1);
    fleet.closed(says(fleet.orders().open[0]!, 'C'));
    expect(fleet.finish()).toBe('completed');
    fleet.cancel();
    fleet.pauseFor('user');
    expect(fleet.status().state).toBe('completed');
  });
});

describe('dependents', () => {
  const graph = [[], [0]];

  it('wait again when what they need is retried before they have begun', () => {
    const fleet = fleetOf(2, { concurrency: 1 }, { graph });
    fleet.closed(says(fleet.orders().open[0]!, 'C'));
    fleet.retry([0]);
    expect(letters(fleet)).toBe('qw');
  });

  it('wait again, or are skipped, when a batch gives them back after what they need was retried', () => {
    for (const [end, expected] of [
      ['C', 'Cq'],
      ['F', 'FK'],
    ] as const) {
      const fleet = fleetOf(2, {}, { graph });
      fleet.closed(says(fleet.orders().open[0]!, 'C'));
      const dependent = fleet.orders().open[0]!;
      fleet.retry([0]);
      fleet.pauseFor('user');
      fleet.closed(says(dependent, 'q'));
      expect(letters(fleet)).toBe('qw');
      fleet.resume();
      fleet.closed(says(fleet.orders().open[0]!, end));
      expect(letters(fleet)).toBe(expected);
    }
  });
});

describe('a continue-as-new', () => {
  it('starts nothing more, takes everyone back, and is ready when the last settlement is', () => {
    const fleet = fleetOf(3, { concurrency: 2 });
    const batch = fleet.orders().open[0]!;
    fleet.heard(says(batch, 'rrb'));
    fleet.handOver();
    fleet.stop([0]);
    expect(fleet.orders().windows[0]!.window).toMatchObject({ permits: 0, stop: [0] });
    fleet.closed(says(batch, 'ppb', { seq: 2, epoch: 2 }));
    const { open, settle } = fleet.orders();
    expect(open).toEqual([]);
    expect(fleet.isHandedOver).toBe(false);
    fleet.settled(settle[0]!, [{ kind: 'ended', status: 'stopped', spentMicroUsd: 0 }]);
    expect(fleet.orders().open).toEqual([]);
    expect(fleet.isHandedOver).toBe(true);
    expect(fleet.next().carry).toMatchObject({ units: 'Spq', state: 'running' });
  });

  it('carries limits, generations, pause, money and why someone is parked', () => {
    const fleet = fleetOf(4, { budgetMicroUsd: 100 });
    const batch = fleet.orders().open[0]!;
    const parked: BatchState['parked'] = [[2, { for: 'budget', needMicroUsd: 33 }]];
    fleet.closed(says(batch, 'FCpq', { parked, spentMicroUsd: 20 }));
    fleet.retry([0]);
    fleet.set({ concurrency: 7, budgetMicroUsd: 200 });
    fleet.pauseFor('rate_limit', 99_000);
    const next = new Dispatcher(fleet.next(), null);
    expect(next.status()).toEqual(fleet.status());
    expect(next.status()).toMatchObject({ state: 'paused', resetAtMs: 99_000, concurrency: 7, spentMicroUsd: 20 });
    next.resume();
    const [again] = next.orders().open;
    expect(again!.epoch).toBeGreaterThan(batch.epoch);
    expect(again!.units).toEqual([
      [2, 1, 33],
      [0, 2, 10],
      [3, 1, 10],
    ]);
  });

  it('lets a dependent that had begun go on when what it needs was retried and failed', () => {
    const fleet = fleetOf(2, {}, { graph: [[], [0]] });
    fleet.closed(says(fleet.orders().open[0]!, 'C'));
    fleet.closed(says(fleet.orders().open[0]!, 'p'));
    fleet.pauseFor('user');
    fleet.retry([0]);
    fleet.resume();
    const both = fleet.orders().open[0]!;
    fleet.closed(says(both, both.units.map(([index]) => (index === 0 ? 'F' : 'p')).join('')));
    const next = new Dispatcher(fleet.next(), [[], [0]]);
    expect(letters(next)).toBe('Fp');
  });
});
