import { describe, expect, it } from 'vitest';
import { encodeGraph } from '../../../workflows/contract/graph.ts';
import { REPORT_EACH_CHILD } from '../../../workflows/contract/limits.ts';
import { BatchLedger } from '../../../workflows/dispatcher/batch-ledger.ts';
import { Dispatcher } from '../../../workflows/dispatcher/dispatcher.ts';
import { admits, asks, indexesOf, rootOf, says, settle, type RootOptions } from '../../support/lone-root.ts';

/** A root whose first subagent has asked and was answered. Its batch has closed. */
function withChildren(count: number, need = count, options: RootOptions = {}, graph: string | null = null): Dispatcher {
  const root = rootOf(1, options);
  root.closed(says(root.orders().open[0]!, 'p', asks([0, 1])));
  root.orders();
  root.admitted(admits(count, [{ need, of: [[1, count]] }], graph));
  return root;
}
const letters = (root: Dispatcher): string => root.units.text;

describe('a request', () => {
  it('is admitted with the next indexes and the room that is left, one at a time, in order of arrival', () => {
    const root = rootOf(3, { limits: { maxTotalAgents: 7 } });
    root.closed(says(root.orders().open[0]!, 'ppp', asks([2, 1], [0, 1])));
    expect(root.orders().admit).toMatchObject({ spawner: 0, generation: 1, seq: 1, from: 3, room: 7 });
    expect(root.orders().admit).toBeUndefined();
    root.admitted(admits(4, [{ need: 4, of: [[3, 4]] }]));
    expect(root.orders().admit).toMatchObject({ spawner: 2, from: 7, room: 3 });
    root.admitted({ kind: 'refused' });
    expect(indexesOf(root.orders())).toEqual([2]);
  });

  it('that is refused lets its parent go on before all others', () => {
    const root = rootOf(2, { limits: { concurrency: 1 } });
    const batch = root.orders().open[0]!;
    root.closed(says(batch, 'pb', asks([0, 1])));
    const { open } = root.orders();
    expect(open[0]!.units[0]![0]).toBe(1);
    root.admitted({ kind: 'refused' });
    root.closed(says(open[0]!, 'q'));
    expect(indexesOf(root.orders())).toEqual([0, 1]);
  });

  it('asked again after its answer adds nobody, and waits for the same', () => {
    const root = withChildren(2, 1);
    root.closed(says(root.orders().open[0]!, 'Cb'));
    const again = root.orders().open[0]!;
    expect(again.units.map(([index]) => index)).toEqual([0, 2]);
    root.closed(says(again, 'pC', asks([0, 1])));
    expect(root.orders().admit).toMatchObject({ seq: 1, from: 3 });
    root.admitted(admits(2, [{ need: 1, of: [[1, 2]] }]));
    expect(root.units.count).toBe(3);
    expect(indexesOf(root.orders())).toEqual([0]);
  });

  it('that can never be answered ends its parent with why', () => {
    const root = rootOf(1);
    root.closed(says(root.orders().open[0]!, 'p', asks([0, 1])));
    root.orders();
    root.notAdmitted({ type: 'Artifact.Damaged', message: 'no such page' });
    const [request] = settle(root);
    expect(request!.end).toEqual({ status: 'failed', type: 'Artifact.Damaged', message: 'no such page' });
    expect(letters(root)).toBe('F');
    expect(root.isFinished).toBe(true);
  });

  it('of a parent that ended meanwhile leaves orphans, which end too', () => {
    const root = rootOf(1);
    root.closed(says(root.orders().open[0]!, 'p', asks([0, 1])));
    root.orders();
    root.stop([0]);
    settle(root);
    expect(letters(root)).toBe('S');
    expect(root.isFinished).toBe(false);
    root.admitted(admits(2, [{ need: 2, of: [[1, 2]] }]));
    expect(settle(root).map(({ end }) => end!.type)).toEqual(['Subagent.Orphaned']);
    expect(letters(root)).toBe('SSS');
    expect(root.isFinished).toBe(true);
  });

  it('raises the timeout that batches are given', () => {
    const root = rootOf(1);
    root.closed(says(root.orders().open[0]!, 'p', asks([0, 1])));
    root.orders();
    root.admitted({ kind: 'admitted', count: 1, graph: null, maxTimeoutMs: 99, waits: [{ need: 1, of: [[1, 1]] }] });
    expect(root.orders().open[0]!.maxTimeoutMs).toBe(99);
    expect(root.next().carry!.parents!.maxTimeoutMs).toBe(99);
  });
});

describe('a parent', () => {
  it('is held until so many of its children have ended, and no longer', () => {
    const root = withChildren(3, 2);
    const children = root.orders().open[0]!;
    root.heard(says(children, 'Crr'));
    expect(indexesOf(root.orders())).toEqual([]);
    root.heard(says(children, 'CFr', { seq: 2 }));
    expect(indexesOf(root.orders())).toEqual([0]);
  });

  it('waits again for one that a person retries before the wait is over', () => {
    const root = withChildren(2);
    const children = root.orders().open[0]!;
    root.heard(says(children, 'Fr'));
    root.retry([1]);
    root.closed(says(children, 'FC', { seq: 2 }));
    const again = root.orders();
    expect(again.open[0]!.units).toEqual([[1, 2, null]]);
    root.closed(says(again.open[0]!, 'C'));
    expect(indexesOf(root.orders())).toEqual([0]);
  });

  it('goes on at once where it waits for ones that have ended, or for more than there are', () => {
    const root = withChildren(2);
    root.closed(says(root.orders().open[0]!, 'CF'));
    root.closed(says(root.orders().open[0]!, 'p', asks([0, 2])));
    root.orders();
    root.admitted(admits(0, [{ need: 9, of: [[1, 2]] }]));
    expect(indexesOf(root.orders())).toEqual([0]);
  });

  it('that ends takes with it what it did not await, and theirs', () => {
    const root = withChildren(2, 1);
    root.closed(says(root.orders().open[0]!, 'Cp', asks([1, 1])));
    const first = root.orders();
    expect(indexesOf(first)).toEqual([0]);
    root.admitted(admits(2, [{ need: 2, of: [[3, 2]] }]));
    const theirs = root.orders();
    root.closed(says(first.open[0]!, 'C'));
    const own = root.orders();
    expect(own.settle.map(({ end, units }) => [end!.type, units[0]!.index])).toEqual([['Subagent.Orphaned', 2]]);
    settle(root, own.settle);
    expect(root.orders().windows[0]!.window.stop).toEqual([3, 4]);
    root.closed(says(theirs.open[0]!, 'pq', { epoch: 2 }));
    expect(settle(root)[0]!.units.map(({ index }) => index)).toEqual([3, 4]);
    expect(letters(root)).toBe('CCSSS');
    expect(root.isFinished).toBe(true);
  });

  it('that is retried asks under its next generation, and what it spawned then is not retried with it', () => {
    const root = withChildren(2, 1);
    root.closed(says(root.orders().open[0]!, 'Cq'));
    const { open } = root.orders();
    root.closed(says(open[0]!, 'Fb'.slice(0, open[0]!.units.length)));
    settle(root);
    expect(letters(root)).toBe('FCS');
    root.retry('failed');
    expect(letters(root)).toBe('qCS');
    root.closed(says(root.orders().open[0]!, 'p', asks([0, 1])));
    expect(root.orders().admit).toMatchObject({ generation: 2, seq: 1, from: 3 });
  });

  it('that waits for few ends more hears of each at once, in a large fleet too', () => {
    const reports = (children: number, need = children): boolean => {
      const root = rootOf(600, { limits: { concurrency: 1 } });
      const batch = root.orders().open[0]!;
      root.closed(says(batch, `p${'C'.repeat(batch.units.length - 1)}`, asks([0, 1])));
      const next = root.orders().open[0]!;
      root.admitted(admits(children, [{ need, of: [[600, children]] }]));
      root.closed(says(next, 'q'.repeat(next.units.length)));
      return root.orders().open[0]!.reportsEnds;
    };
    expect(reports(REPORT_EACH_CHILD)).toBe(true);
    expect(reports(REPORT_EACH_CHILD + 1)).toBe(false);
    expect(reports(REPORT_EACH_CHILD + 1, 1)).toBe(true);
  });
});

describe('a spawned subagent', () => {
  it('goes before the plan, the deeper first, and all after those that came back', () => {
    const root = rootOf(3, { limits: { concurrency: 1 } });
    const next = (units: string, more = {}): number[] => {
      root.closed(says(newest!, units, more));
      const orders = root.orders();
      newest = orders.open[0];
      return indexesOf(orders);
    };
    let newest = root.orders().open[0];
    expect(next('pbb', asks([0, 1]))).toEqual([1, 2]);
    root.admitted(admits(2, [{ need: 2, of: [[3, 2]] }]));
    expect(next('bb')).toEqual([3, 4, 1, 2]);
    expect(next('ppbb', { parked: [...asks([0, 1]).parked, [1, { for: 'drain' }]] })).toEqual([4, 1, 2]);
    root.admitted(admits(1, [{ need: 1, of: [[5, 1]] }]));
    expect(next('pbb')).toEqual([4, 5, 1, 2]);
  });

  it.each([
    ['its prerequisite failed', 'skipped', 'Dependency.Failed', (root: Dispatcher) => root],
    ['a person skips it', 'skipped', 'Subagent.Skipped', (root: Dispatcher) => (root.skip([2]), root)],
    ['a person stops it', 'stopped', 'Subagent.Stopped', (root: Dispatcher) => (root.stop([2]), root)],
  ] as const)('that never ran, because %s, has its result in the store before anyone hears', (_, status, type, act) => {
    const root = withChildren(2, 2, {}, encodeGraph([[], [1]]));
    const children = root.orders().open[0]!;
    expect(children.units.map(([index]) => index)).toEqual([1]);
    act(root);
    root.closed(says(children, 'F'));
    const { settle: requests, open } = root.orders();
    expect(open).toEqual([]);
    expect(requests.map(({ end, units }) => ({ end, units: units.map(({ index }) => index) }))).toEqual([
      { end: expect.objectContaining({ status, type }) as unknown, units: [2] },
    ]);
    expect(letters(root)[2]).toBe('w');
    settle(root, requests);
    expect(root.units.census[status]).toBe(1);
    expect(indexesOf(root.orders())).toEqual([0]);
  });

  it('that never ran when the fleet is cancelled is told of as not attempted', () => {
    const root = withChildren(2);
    root.cancel();
    const { settle: requests } = root.orders();
    expect(requests.map(({ end }) => end!.status).sort()).toEqual(['not_attempted', 'stopped']);
    settle(root, requests);
    expect(letters(root)).toBe('SNN');
    expect(root.finish()).toBe('cancelled');
  });

  it('waits again, under its next generation, when what it needs is retried and completes', () => {
    const root = withChildren(2, 2, {}, encodeGraph([[], [1]]));
    root.closed(says(root.orders().open[0]!, 'F'));
    settle(root);
    expect(letters(root)).toBe('pFK');
    root.retry([1]);
    expect(letters(root)).toBe('pqw');
  });

  it('is committed with others in portions that one activity can write', () => {
    const root = withChildren(1_200, 1, { limits: { maxTotalAgents: 2_000, concurrency: 1 } });
    root.cancel();
    const sizes = root.orders().settle.map(({ units }) => units.length);
    expect(sizes).toEqual([500, 500, 200, 1]);
  });
});

describe('money', () => {
  it('for one report is kept back from all others while a parent waits', () => {
    const root = withChildren(4, 4, { limits: { budgetMicroUsd: 45, sliceMicroUsd: 10 } });
    const { open } = root.orders();
    expect(open[0]!.window.purseMicroUsd).toBe(35);
    root.closed(says(open[0]!, 'CCCb', { spentMicroUsd: 35 }));
    expect(root.orders().open).toEqual([]);
    expect(root.state).toEqual({ state: 'paused', reason: 'budget_reached' });
    root.skip([4]);
    settle(root);
    root.resume();
    const last = root.orders().open[0]!;
    expect(last.units).toEqual([[0, 1, 10]]);
    expect(last.window.purseMicroUsd).toBe(10);
  });

  it('that does not reach for all who wait goes to the first who may report', () => {
    const root = rootOf(3, { limits: { budgetMicroUsd: 30, sliceMicroUsd: 10 } });
    root.closed(says(root.orders().open[0]!, 'ppC', { ...asks([0, 1], [1, 1]), spentMicroUsd: 18 }));
    root.orders();
    root.admitted(admits(1, [{ need: 1, of: [[3, 1]] }])); // 12 left, 20 to be kept back
    root.orders();
    root.admitted({ kind: 'refused' });
    root.resume();
    const [batch] = root.orders().open;
    expect(batch!.units.map(([index]) => index)).toEqual([1, 3]);
    expect(batch!.window.purseMicroUsd).toBe(10);
  });
});

describe('permits', () => {
  it('that come free in a batch go to a parent that may go on, and nobody is taken back for it', () => {
    const root = withChildren(5, 1, { limits: { concurrency: 2 } });
    const children = root.orders().open[0]!;
    root.heard(says(children, 'Crrbb'));
    const [first] = root.orders().windows;
    expect(first!.window).toMatchObject({ permits: 2, spare: 1 });
    root.heard(says(children, 'CCrbb', { seq: 2, epoch: 1 })); // it has not heard of that, and may start another
    expect(root.orders()).toMatchObject({ windows: [], open: [] });
    root.heard(says(children, 'CCrrb', { seq: 3, epoch: 2 }));
    expect(root.orders()).toMatchObject({ windows: [], open: [] });
    root.heard(says(children, 'CCCrb', { seq: 4, epoch: 2 }));
    const second = root.orders();
    expect(second.windows[0]!.window).toMatchObject({ permits: 1 });
    expect(second.open).toEqual([]);
    root.heard(says(children, 'CCCrb', { seq: 5, epoch: second.windows[0]!.window.epoch }));
    expect(indexesOf(root.orders())).toEqual([0]);
  });

  it('that a batch is to spare stay unused there, and are told of at once', () => {
    const window = { epoch: 1, permits: 40, admits: true, purseMicroUsd: null, stop: [] };
    const ledger = new BatchLedger({
      ...{ v: 1, fleetId: 'f', batch: 1, epoch: 1, manifest: 'sha256:0', reportsEnds: false, maxTimeoutMs: 1 },
      units: Array.from({ length: 200 }, (_, index): [number, number, null] => [index, 1, null]),
      agentsQueue: 'q',
      window,
    });
    for (let started = 0; started < 40; started++) expect(ledger.startNext()).toBe(started);
    ledger.speak();
    ledger.obey({ ...window, epoch: 2, spare: 1 });
    expect(ledger.hasNews).toBe(false);
    ledger.came(0, { kind: 'ended', status: 'completed', spentMicroUsd: 0 });
    expect(ledger.startNext()).toBeUndefined();
    expect(ledger.hasNews).toBe(true);
    expect(ledger.speak()).toMatchObject({ epoch: 2, holding: 39, wants: 160 });
    expect(ledger.recall()).toEqual([]);
    ledger.obey({ ...window, epoch: 3 });
    expect(ledger.startNext()).toBe(40);
  });
});

describe('a tree in the next run', () => {
  it('knows who waits for what, who asked, who is kept money back, and whose children are whose', () => {
    const root = rootOf(3, { limits: { budgetMicroUsd: 1_000, sliceMicroUsd: 10 } });
    root.closed(says(root.orders().open[0]!, 'ppC', asks([0, 1], [1, 1])));
    root.orders();
    root.admitted(admits(3, [{ need: 2, of: [[3, 3]] }]));
    const children = root.orders().open[0]!;
    root.handOver();
    root.admitted({ kind: 'refused' });
    root.closed(says(children, 'Cpb'));
    expect(root.orders().open).toEqual([]);
    expect(root.isHandedOver).toBe(true);
    const next = new Dispatcher(root.next(), null);
    expect(next.status()).toEqual(root.status());
    const { open, admit } = next.orders();
    expect(admit).toBeUndefined();
    expect(open[0]!.units.map(([index]) => index)).toEqual([1, 4, 5]);
    next.closed(says(open[0]!, 'pCb', asks([0, 2])));
    const after = next.orders();
    expect(after.open[0]!.units.map(([index]) => index)).toEqual([0, 5]);
    expect(after.admit).toMatchObject({ spawner: 1, seq: 2, from: 6 });
  });

  it('is as small for 10,000 spawned in single requests as for one', () => {
    const root = rootOf(0, { hasScript: true, limits: { maxTotalAgents: 20_000, concurrency: 1 } });
    root.orders();
    root.exchanged({ kind: 'waits', request: 'sha256:r', asks: [] });
    for (let seq = 1; seq <= 10_000; seq++) {
      root.orders();
      root.admitted(admits(1));
      if (seq === 10_000) break;
      const { open, exchange } = root.orders();
      for (const batch of open) root.closed(says(batch, 'C'.repeat(batch.units.length)));
      if (!exchange) root.orders();
      root.exchanged({ kind: 'waits', request: 'sha256:r', asks: [] });
    }
    expect(root.units.count).toBe(10_000);
    const { parents, ...rest } = root.next().carry!;
    expect(JSON.stringify(parents).length).toBeLessThan(500);
    expect(JSON.stringify(rest).length).toBeLessThan(11_000);
  });

  it('costs what has happened, not how many there are: 100,000 children under one parent', () => {
    const root = withChildren(100_000, 100_000, { limits: { maxTotalAgents: 200_000, concurrency: 500 } });
    const begun = performance.now();
    for (let { open } = root.orders(); open.length > 0; { open } = root.orders())
      for (const batch of open) root.closed(says(batch, 'C'.repeat(batch.units.length)));
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(root.units.census.completed).toBe(100_001);
    expect(root.isFinished).toBe(true);
  });
});
