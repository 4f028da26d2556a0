import { describe, expect, it } from 'vitest';
import type { GateVerdict, Rollout } from '../../../workflows/contract/units.ts';
import { Dispatcher } from '../../../workflows/dispatcher/dispatcher.ts';
import { indexesOf, rootOf, says, type RootOptions } from '../../support/lone-root.ts';

const rollout = (more: Partial<Rollout> = {}): Rollout => ({ waves: 3, gate: null, stopOnFailureRate: null, ...more });
const verdict = (isOpen: boolean, more: Partial<GateVerdict> = {}): GateVerdict => {
  return { isOpen, why: isOpen ? [] : ['3 of 5 completed'], title: 'wave 2 of 3', hash: 'h', report: 'r', ...more };
};
const planOf = (waves: string, how: Partial<Rollout>, more: RootOptions = {}): Dispatcher =>
  rootOf(waves.length, { waves, rollout: rollout(how), ...more });

/** Runs what may run to the given ends; resolves with whom. */
function run(root: Dispatcher, ends: string): number[] {
  const orders = root.orders();
  root.closed(says(orders.open[0]!, ends));
  return indexesOf(orders);
}

describe('a wave', () => {
  it('starts when the one before has ended, however, and no gate stands between', () => {
    const root = planOf('1213', {});
    expect(root.status()).toMatchObject({ wave: { open: 1, of: 3 }, queued: 2, waiting: 2 });
    expect(run(root, 'CF')).toEqual([0, 2]);
    expect(run(root, 'C')).toEqual([1]);
    expect(root.status().wave).toEqual({ open: 2, of: 3 });
    expect(run(root, 'C')).toEqual([3]);
    expect(root.isFinished).toBe(true);
  });

  it('waits for prerequisites too, and skips what they fail', () => {
    const root = planOf('1222', {}, { graph: [[], [0], [1], []] });
    expect(run(root, 'C')).toEqual([0]);
    expect(run(root, 'FC')).toEqual([1, 3]);
    expect(root.units.text).toBe('CFKC');
  });

  it('has nothing to wait for where all of the one before were not eligible', () => {
    const carry = {
      units: 'KKqq',
      generations: [],
      parked: [],
      spentMicroUsd: 0,
      batches: 0,
      state: 'running' as const,
    };
    expect(indexesOf(planOf('0122', { waves: 2 }, { carry }).orders())).toEqual([2, 3]);
    expect(indexesOf(planOf('1233', {}, { carry }).orders())).toEqual([2, 3]);
    expect(indexesOf(planOf('1133', { gate: { approval: true } }, { carry }).orders())).toEqual([]);
  });
});

describe('a gate', () => {
  it('is judged once when all before it have ended, and opens by itself', () => {
    const root = planOf('1122', { waves: 2, gate: { minCompleted: 0.5 } }, { limits: { budgetMicroUsd: 500 } });
    const batch = root.orders().open[0]!;
    root.heard(says(batch, 'Cr', { spentMicroUsd: 3 }));
    expect(root.orders().judge).toBeUndefined();
    root.closed(says(batch, 'CF', { seq: 2, spentMicroUsd: 7 }));
    expect(root.orders().judge).toEqual({
      ...{ fleetId: 'f', manifest: 'sha256:0', wave: 1, waves: 2, gate: { minCompleted: 0.5 } },
      ...{ units: 'CFww', generations: [], concurrency: 10, spentMicroUsd: 7, startedAtMs: 0 },
    });
    expect(root.orders().judge).toBeUndefined();
    root.judged(verdict(true));
    expect(run(root, 'CC')).toEqual([2, 3]);
    expect(root.finish()).toBe('completed');
  });

  it.each([
    ['whose figures do not open it', {}, false, ['3 of 5 completed']],
    ['that always asks', { approval: true }, true, []],
  ])('%s waits for a person, who opens it by its hash', (_, gate, isOpen, why) => {
    const root = planOf('12', { waves: 2, gate });
    run(root, 'C');
    root.orders();
    root.judged(verdict(isOpen));
    expect(root.orders().open).toEqual([]);
    expect(root.status()).toMatchObject({
      ...{ state: 'paused', reason: 'approval' },
      approvals: [{ kind: 'gate', title: 'wave 2 of 3', hash: 'h', report: 'r', why }],
    });
    expect(root.decide('h', true)).toBe(true);
    expect(run(root, 'C')).toEqual([1]);
    expect(root.finish()).toBe('completed');
  });

  it('that a person rejects ends the rest as not attempted and the fleet as cancelled', () => {
    const root = planOf('1223', { gate: {} });
    run(root, 'C');
    root.orders();
    root.judged(verdict(false));
    expect(root.decide('h', false)).toBe(true);
    expect(root.orders().open).toEqual([]);
    expect(root.units.text).toBe('CNNN');
    expect(root.isFinished).toBe(true);
    expect(root.finish()).toBe('cancelled');
  });

  it('is judged again when one before it was retried and has ended', () => {
    const root = planOf('112', { waves: 2, gate: {} });
    run(root, 'CF');
    root.orders();
    root.judged(verdict(false));
    root.retry([1]);
    expect(root.status().approvals).toBeUndefined();
    expect(root.decide('h', true)).toBe(false);
    const again = root.orders();
    expect(again.judge).toBeUndefined();
    root.closed(says(again.open[0]!, 'C'));
    expect(root.orders().judge).toMatchObject({ units: 'CCw', generations: [[1, 2]] });
    root.judged(verdict(true, { hash: 'h2' }));
    expect(run(root, 'C')).toEqual([2]);
  });

  it('takes no verdict on what has changed since', () => {
    const root = planOf('112', { waves: 2, gate: {} });
    run(root, 'CF');
    root.orders();
    root.retry([1]);
    const again = root.orders().open[0]!;
    root.judged(verdict(true));
    expect(root.status().wave!.open).toBe(1);
    root.closed(says(again, 'C'));
    expect(root.orders().judge).toBeDefined();
  });

  it('stands in the next run as it was asked, and the wave that is open', () => {
    const root = planOf('1223', { gate: {} });
    run(root, 'C');
    root.orders();
    root.judged(verdict(true));
    run(root, 'CC');
    root.orders();
    root.judged(verdict(false, { hash: 'h2' }));
    root.handOver();
    root.orders();
    const next = new Dispatcher(root.next(), null, '1223');
    expect(next.status()).toEqual(root.status());
    expect(next.orders().judge).toBeUndefined();
    next.decide('h2', true);
    expect(run(next, 'C')).toEqual([3]);
  });
});

describe('failures of the wave under way', () => {
  const stops = { waves: 2, stopOnFailureRate: 0.5 };

  it('stop the fleet once ten have ended, or all of a smaller wave', () => {
    const large = planOf('1'.repeat(20) + '2', stops);
    const batch = large.orders().open[0]!;
    large.heard(says(batch, 'F'.repeat(9) + 'r'.repeat(11)));
    expect(large.orders().windows.every(({ window }) => window.admits)).toBe(true);
    large.heard(says(batch, 'F'.repeat(10) + 'r'.repeat(10), { seq: 2 }));
    expect(large.orders().windows[0]!.window.admits).toBe(false);
    const small = planOf('112', stops);
    run(small, 'FC');
    expect(small.units.text).toBe('FCN');
    expect(small.finish()).toBe('failed');
  });

  it('do not count those of waves before, and go on stopping when in-flight ones complete', () => {
    const root = planOf('1122', stops);
    run(root, 'CC');
    const batch = root.orders().open[0]!;
    root.closed(says(batch, 'FF'));
    expect(root.finish()).toBe('failed');
    const late = planOf('1'.repeat(30), { ...stops, waves: 1 });
    const open = late.orders().open[0]!;
    late.heard(says(open, 'F'.repeat(5) + 'C'.repeat(5) + 'r'.repeat(20)));
    late.closed(says(open, 'F'.repeat(5) + 'C'.repeat(25), { seq: 2 }));
    expect(late.finish()).toBe('failed');
  });
});
