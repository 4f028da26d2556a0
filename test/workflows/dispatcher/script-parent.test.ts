import { describe, expect, it } from 'vitest';
import { MAX_SCRIPT_NEWS } from '../../../workflows/contract/limits.ts';
import type { ScriptOutcome, ScriptRef } from '../../../workflows/contract/units.ts';
import { Dispatcher } from '../../../workflows/dispatcher/dispatcher.ts';
import { admits, indexesOf, rootOf, says, settle, type RootOptions } from '../../support/lone-root.ts';

const waits = (request: string | null, ...titles: string[]): ScriptOutcome => ({
  kind: 'waits',
  request,
  asks: titles.map((title) => ({ title, hash: `hash of ${title}` })),
});
const ended: ScriptOutcome = { kind: 'ended', outcome: { value: null } };

/** A script that has asked for `count` subagents, which the root has admitted. */
function scriptOf(count: number, options: RootOptions = {}): Dispatcher {
  const root = rootOf(0, { hasScript: true, ...options });
  expect(root.orders().exchange).toMatchObject({ exchange: 1, generation: options.generation ?? 1, ended: [] });
  root.exchanged(waits('sha256:r'));
  root.orders();
  root.admitted(admits(count));
  return root;
}
const exchangeOf = (root: Dispatcher): ScriptRef | undefined => root.orders().exchange;

describe('a script', () => {
  it('is asked first, though there is no subagent, and ends the fleet with what it returned', () => {
    const root = rootOf(0, { hasScript: true });
    expect(root.isFinished).toBe(false);
    expect(exchangeOf(root)).toMatchObject({ v: 1, exchange: 1, spentMicroUsd: 0, budgetMicroUsd: null });
    expect(exchangeOf(root)).toBeUndefined();
    expect(root.isFinished).toBe(false);
    root.exchanged(ended);
    expect(root.isFinished).toBe(true);
    expect(root.finish()).toBe('completed');
    expect(root.status()).toMatchObject({ exchanges: 1, outcome: { value: null } });
  });

  it('is told of each end once, in the order of arrival, with the money of the moment', () => {
    const root = scriptOf(3, { limits: { budgetMicroUsd: 100 } });
    const batch = root.orders().open[0]!;
    root.heard(says(batch, 'rrC', { spentMicroUsd: 5 }));
    expect(exchangeOf(root)).toMatchObject({ exchange: 2, ended: [2], spentMicroUsd: 5, budgetMicroUsd: 100 });
    root.heard(says(batch, 'rCC', { seq: 2, spentMicroUsd: 9 }));
    expect(exchangeOf(root)).toBeUndefined(); // one is under way
    root.closed(says(batch, 'FCC', { seq: 3, spentMicroUsd: 11 }));
    root.exchanged(waits(null));
    expect(exchangeOf(root)).toMatchObject({ exchange: 3, ended: [1, 0], spentMicroUsd: 11 });
  });

  it('is told of at most so many at once, and of the rest in the next exchange', () => {
    const root = scriptOf(MAX_SCRIPT_NEWS + 5, { limits: { concurrency: 500 } });
    const batch = root.orders().open[0]!;
    root.closed(says(batch, 'C'.repeat(batch.units.length)));
    for (let { open } = root.orders(); open.length > 0; { open } = root.orders())
      for (const one of open) root.closed(says(one, 'C'.repeat(one.units.length)));
    root.exchanged(waits(null));
    expect(exchangeOf(root)!.ended.length).toBe(5);
  });

  it('waits for its subagents while they keep all permits busy', () => {
    const root = scriptOf(4, { limits: { concurrency: 2 } });
    const batch = root.orders().open[0]!;
    root.heard(says(batch, 'Crrb'));
    expect(exchangeOf(root)).toBeUndefined();
    root.heard(says(batch, 'CCrr', { seq: 2 }));
    expect(exchangeOf(root)!.ended).toEqual([0, 1]);
  });

  it('hears at once that it asked for too many', () => {
    const root = rootOf(0, { hasScript: true, limits: { maxTotalAgents: 1 } });
    root.orders();
    root.exchanged(waits('sha256:r'));
    expect(root.orders().admit).toEqual({
      ...{ fleetId: 'f', spawner: 'script', generation: 1, seq: 1, request: 'sha256:r', from: 0, room: 1 },
    });
    root.admitted({ kind: 'refused' });
    expect(exchangeOf(root)).toMatchObject({ exchange: 2, ended: [] });
  });

  it('is not told again of one that a person retries, nor of one that is retried before it heard', () => {
    const root = scriptOf(3, { limits: { concurrency: 3 } });
    const batch = root.orders().open[0]!;
    root.heard(says(batch, 'Frr'));
    expect(exchangeOf(root)!.ended).toEqual([0]);
    root.heard(says(batch, 'FFr', { seq: 2 }));
    root.retry([0, 1]);
    root.exchanged(waits(null));
    root.closed(says(batch, 'FFC', { seq: 3 }));
    const again = root.orders();
    expect(again.exchange!.ended).toEqual([2]);
    root.closed(says(again.open[0]!, 'CC'));
    root.exchanged(waits(null));
    expect(exchangeOf(root)!.ended).toEqual([1]);
  });

  it('hears nothing while the fleet is paused, nor once it is cancelled', () => {
    for (const act of ['pause', 'cancel'] as const) {
      const root = scriptOf(1);
      root.closed(says(root.orders().open[0]!, 'C'));
      root.exchanged(waits('sha256:r'));
      if (act === 'pause') root.pauseFor('user');
      else root.cancel();
      const { admit, exchange } = root.orders();
      expect({ admit, exchange }).toEqual({});
      root.resume();
      expect(root.orders().admit !== undefined).toBe(act === 'pause');
      expect(root.isFinished).toBe(act === 'cancel');
    }
  });

  it('whose subagents fail too often is not asked any more', () => {
    const root = scriptOf(2, { limits: { failIf: { count: 1 } } });
    root.closed(says(root.orders().open[0]!, 'FC'));
    expect(exchangeOf(root)).toBeUndefined();
    expect(root.isFinished).toBe(true);
    expect(root.finish()).toBe('failed');
  });

  it('that ends leaves nobody behind', () => {
    const root = scriptOf(2, { limits: { concurrency: 2 } });
    const batch = root.orders().open[0]!;
    root.heard(says(batch, 'Cr'));
    expect(exchangeOf(root)!.ended).toEqual([0]);
    root.exchanged(ended);
    expect(root.isFinished).toBe(false);
    expect(root.orders().windows[0]!.window.stop).toEqual([1]);
    root.closed(says(batch, 'Cp', { seq: 2, epoch: 2 }));
    expect(settle(root)[0]!.end!.type).toBe('Subagent.Orphaned');
    expect(root.finish()).toBe('completed');
  });

  it('that threw makes the fleet failed, whatever its subagents did', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    const error = { type: 'Script.Threw', message: 'no', line: 3, column: 1 };
    root.exchanged({ kind: 'ended', outcome: { error } });
    expect(root.finish()).toBe('failed');
    expect(root.status().outcome).toEqual({ error });
  });

  it('that waits for nothing is told that it would wait for ever', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    root.exchanged(waits(null));
    expect(root.finish()).toBe('failed');
    expect(root.status().outcome).toMatchObject({ error: { type: 'Script.NeverSettles' } });
  });

  it('whose request can never be admitted fails with why', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    root.exchanged(waits('sha256:r'));
    root.orders();
    root.notAdmitted({ type: 'Artifact.Damaged', message: 'gone' });
    expect(root.isFinished).toBe(true);
    expect(root.status().outcome).toEqual({ error: { type: 'Artifact.Damaged', message: 'gone' } });
  });
});

describe('an approval', () => {
  it('pauses the fleet only when nothing else can go on, and its answer is told at once', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    root.exchanged(waits('sha256:r', 'publish?'));
    expect(root.state).toEqual({ state: 'running' });
    root.orders();
    root.admitted(admits(1));
    const batch = root.orders().open[0]!;
    root.closed(says(batch, 'C'));
    expect(root.state).toEqual({ state: 'running' });
    expect(exchangeOf(root)!.ended).toEqual([0]);
    root.exchanged(waits(null));
    expect(root.state).toEqual({ state: 'paused', reason: 'approval' });
    expect(root.status().approvals).toEqual([{ kind: 'script', title: 'publish?', hash: 'hash of publish?' }]);
    expect(root.decide('hash of another', true)).toBe(false);
    expect(root.decide('hash of publish?', true)).toBe(true);
    expect(root.decide('hash of publish?', true)).toBe(false);
    expect(root.state).toEqual({ state: 'running' });
    expect(exchangeOf(root)).toMatchObject({ exchange: 3, decided: [[1, true]] });
  });

  it('of the same exchange comes after the one before is decided, so that each answer finds its question', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    root.exchanged(waits(null, 'a', 'b'));
    expect(root.status().approvals!.map(({ title }) => title)).toEqual(['a']);
    root.decide('hash of a', false);
    expect(root.status().approvals!.map(({ title }) => title)).toEqual(['b']);
    root.decide('hash of b', true);
    expect(exchangeOf(root)!.decided).toEqual([
      [1, false],
      [1, true],
    ]);
  });

  it('may be given while a person has paused the fleet, whose pause outranks it', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    root.exchanged(waits(null, 'a'));
    root.pauseFor('user');
    expect(root.state).toEqual({ state: 'paused', reason: 'user' });
    expect(root.decide('hash of a', true)).toBe(true);
    expect(exchangeOf(root)).toBeUndefined();
    root.resume();
    expect(exchangeOf(root)!.decided).toEqual([[1, true]]);
  });

  it('is not asked any more once the fleet is cancelled', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    root.exchanged(waits(null, 'a'));
    root.cancel();
    expect(root.status().approvals).toBeUndefined();
    expect(root.decide('hash of a', true)).toBe(false);
    expect(root.isFinished).toBe(true);
  });
});

describe('a script in a later run or generation', () => {
  it('may change runs between its exchanges, while nobody has to be taken back', () => {
    const root = rootOf(0, { hasScript: true });
    root.orders();
    expect(root.isBetween).toBe(false); // an exchange is under way
    root.exchanged(waits('sha256:r'));
    expect(root.isBetween).toBe(true);
    root.orders();
    expect(root.isBetween).toBe(false); // a request is
    root.admitted(admits(1));
    const batch = root.orders().open[0]!;
    expect(root.isBetween).toBe(false);
    root.closed(says(batch, 'C'));
    expect(root.isBetween).toBe(true);
    expect(rootOf(3).isBetween).toBe(false); // a plan alone changes runs as it always did
  });

  it('knows what it was told, what waits to be told, what it asked for and whom', () => {
    const root = scriptOf(3, { limits: { concurrency: 3 } });
    const batch = root.orders().open[0]!;
    root.heard(says(batch, 'Crr'));
    expect(exchangeOf(root)!.ended).toEqual([0]);
    root.handOver();
    root.exchanged(waits('sha256:s', 'go on?'));
    root.closed(says(batch, 'CFp', { seq: 2 }));
    root.orders();
    expect(root.isHandedOver).toBe(true);
    const next = new Dispatcher(root.next(), null);
    expect(next.status()).toEqual(root.status());
    const { admit, open } = next.orders();
    expect(admit).toMatchObject({ spawner: 'script', seq: 2, request: 'sha256:s', from: 3 });
    next.admitted(admits(1));
    next.closed(says(open[0]!, 'C'));
    const more = next.orders();
    expect(more.exchange).toMatchObject({ exchange: 3, ended: [1, 2] });
    next.exchanged(waits(null));
    next.closed(says(more.open[0]!, 'C'));
    expect(exchangeOf(next)).toMatchObject({ exchange: 4, ended: [3] });
  });

  it('goes on in the next generation where a cancel cut it off, and hears how retried ones end then', () => {
    const root = scriptOf(2, { limits: { concurrency: 1 } });
    root.heard(says(root.orders().open[0]!, 'rb'));
    root.cancel();
    root.closed(says({ batch: 1, units: [] } as never, 'pb', { seq: 2 }));
    settle(root);
    expect(root.units.text).toBe('SN');
    const carry = { ...root.next().carry!, units: 'qq', generations: [[0, 2] as [number, number], [1, 2] as const] };
    const next = rootOf(0, { ...root.next(), generation: 2, carry: carry as never });
    expect(next.status()).toMatchObject({ scriptGeneration: 1, exchanges: 1, generation: 2 });
    const { open, exchange } = next.orders();
    expect(exchange).toBeUndefined();
    expect(open[0]!.units.map(([index, generation]) => [index, generation])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    next.closed(says(open[0]!, 'CC'));
    expect(exchangeOf(next)).toMatchObject({ generation: 1, exchange: 2, ended: [0, 1] });
  });

  it('is sent an exchange that was broken off as it was, since it may have taken place', () => {
    const root = scriptOf(2, { limits: { concurrency: 2 } });
    root.heard(says(root.orders().open[0]!, 'Cr'));
    expect(exchangeOf(root)).toMatchObject({ exchange: 2, ended: [0] });
    root.cancel();
    expect(root.isFinished).toBe(false);
    root.notExchanged();
    root.closed(says({ batch: 1, units: [] } as never, 'CC', { seq: 2 }));
    expect(root.isFinished).toBe(true);
    expect(root.finish()).toBe('cancelled');
    const next = rootOf(0, { ...root.next(), generation: 2, carry: root.next().carry! });
    expect(exchangeOf(next)).toMatchObject({ generation: 1, exchange: 2, ended: [0] });
    next.exchanged(waits(null));
    expect(exchangeOf(next)).toMatchObject({ exchange: 3, ended: [1] });
  });

  it('is not run again once it has ended: a retry runs subagents alone', () => {
    const root = scriptOf(1);
    root.closed(says(root.orders().open[0]!, 'F'));
    root.orders();
    root.exchanged(ended);
    expect(root.finish()).toBe('completed');
    const next = rootOf(0, { ...root.next(), generation: 2, carry: { ...root.next().carry!, units: 'q' } });
    const orders = next.orders();
    expect(orders.exchange).toBeUndefined();
    expect(indexesOf(orders)).toEqual([0]);
    next.closed(says(orders.open[0]!, 'C'));
    expect(next.isFinished).toBe(true);
    expect(next.status().outcome).toEqual({ value: null });
  });
});
