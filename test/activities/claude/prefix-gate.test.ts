import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it, vi, beforeEach, afterEach } from 'vitest';
import { PrefixGate, type Passage } from '../../../activities/claude/prefix-gate.ts';

const HOUR = 3_600_000;
const never = () => new AbortController().signal;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Those who came to the gate, and who of them has passed by now. */
function crowd(gate: PrefixGate, count: number, key = 'a', signal = never()) {
  const passed: (Passage | undefined)[] = Array.from({ length: count }, () => undefined);
  const failed: unknown[] = [];
  passed.forEach((_, n) => {
    gate.pass(key, HOUR, signal).then(
      (passage) => (passed[n] = passage),
      (error: unknown) => failed.push(error),
    );
  });
  const settle = async () => {
    await vi.advanceTimersByTimeAsync(0);
    return passed.flatMap((passage, n) => (passage === undefined ? [] : [n]));
  };
  return { passed, failed, who: settle };
}

describe('of calls with an equal prefix', () => {
  it('the first goes alone, the rest once its response has started', async () => {
    const { passed, who } = crowd(new PrefixGate(), 4);
    expect(await who()).toEqual([0]);
    passed[0]?.started();
    expect(await who()).toEqual([0, 1, 2, 3]);
  });

  it('the next takes over when the first fails, one at a time', async () => {
    const { passed, who } = crowd(new PrefixGate(), 4);
    await who();
    passed[0]?.gaveUp();
    expect(await who()).toEqual([0, 1]);
    passed[1]?.gaveUp();
    expect(await who()).toEqual([0, 1, 2]);
    passed[2]?.started();
    expect(await who()).toEqual([0, 1, 2, 3]);
  });

  it('a newcomer does not slip in between the one that fails and the one that takes over', async () => {
    const gate = new PrefixGate();
    const { passed, who } = crowd(gate, 2);
    await who();
    passed[0]?.gaveUp();
    const newcomer = crowd(gate, 1);
    expect(await who()).toEqual([0, 1]);
    expect(await newcomer.who()).toEqual([]);
  });

  it('nobody waits longer than a minute for one that is slow', async () => {
    const { who } = crowd(new PrefixGate(), 3);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(await who()).toEqual([0]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await who()).toEqual([0, 1, 2]);
  });

  it('one that went late warms the prefix as well as the first', async () => {
    const gate = new PrefixGate({ maxWaitMs: 100 });
    const { passed, who } = crowd(gate, 2);
    await vi.advanceTimersByTimeAsync(100);
    const later = crowd(gate, 1);
    expect(await later.who()).toEqual([]);
    passed[1]?.started();
    expect(await later.who()).toEqual([0]);
    passed[0]?.gaveUp();
    expect(gate.isWarm('a')).toBe(true);
    expect(await who()).toEqual([0, 1]);
  });
});

describe('a warm prefix', () => {
  it('holds up nobody, and neither does one of another key', async () => {
    const gate = new PrefixGate();
    const first = crowd(gate, 1);
    await first.who();
    expect(await crowd(gate, 2, 'b').who()).toEqual([0]);
    first.passed[0]?.started();
    expect(await crowd(gate, 3).who()).toEqual([0, 1, 2]);
  });

  it('goes cold after its time, and each use renews it', async () => {
    const gate = new PrefixGate();
    const pass = async () => (await gate.pass('a', HOUR, never())).started();
    await pass();
    await vi.advanceTimersByTimeAsync(HOUR - 1);
    await pass();
    await vi.advanceTimersByTimeAsync(HOUR - 1);
    expect(await crowd(gate, 2).who()).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await crowd(gate, 2).who()).toEqual([0]);
  });

  it('stays warm when a call that reads it fails', async () => {
    const gate = new PrefixGate();
    (await gate.pass('a', HOUR, never())).started();
    (await gate.pass('a', HOUR, never())).gaveUp();
    expect(gate.isWarm('a')).toBe(true);
  });
});

describe('a wait that is aborted', () => {
  it('rejects with the reason, leaves nothing behind and holds up nobody', async () => {
    const gate = new PrefixGate();
    const first = crowd(gate, 1);
    await first.who();
    const controller = new AbortController();
    const gone = crowd(gate, 1, 'a', controller.signal);
    const next = crowd(gate, 1);
    await next.who();
    controller.abort('stop');
    await gone.who();
    expect(gone.failed).toEqual(['stop']);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    first.passed[0]?.gaveUp();
    expect(await next.who()).toEqual([0]);
  });

  it('rejects at once when it was aborted before', async () => {
    const gate = new PrefixGate();
    await expect(gate.pass('a', HOUR, AbortSignal.abort('before'))).rejects.toBe('before');
    expect(await crowd(gate, 1).who()).toEqual([0]);
  });

  it('leaves no timer once a wait has ended', async () => {
    const { passed, who } = crowd(new PrefixGate(), 50);
    await who();
    expect(vi.getTimerCount()).toBe(49);
    passed[0]?.started();
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('forgets prefixes that have gone cold, of which there is no end', async () => {
  const gate = new PrefixGate();
  for (let n = 0; n < 10_000; n += 1) (await gate.pass(`${n}`, 1, never())).started();
  expect(gate.size).toBe(10_000);
  await vi.advanceTimersByTimeAsync(1);
  await gate.pass('one more', 1, never());
  expect(gate.size).toBe(1);
});

describe('in whatever order calls come, start, fail and are aborted', () => {
  const events = fc.array(fc.record({ kind: fc.constantFrom('come', 'start', 'fail', 'abort'), pick: fc.nat(50) }), {
    maxLength: 40,
  });

  it('one at a time goes while the prefix is cold, everybody goes in the end, and nothing is left behind', async () => {
    await fc.assert(
      fc.asyncProperty(events, async (list) => {
        const gate = new PrefixGate({ maxWaitMs: 1e9 });
        const waiting = new Set<AbortController>();
        const under = new Set<Passage>();
        const flush = () => vi.advanceTimersByTimeAsync(0);
        const pick = <Item>(from: Set<Item>, n: number): Item | undefined => [...from][n % Math.max(1, from.size)];
        const come = (): void => {
          const controller = new AbortController();
          waiting.add(controller);
          const gone = (): void => void waiting.delete(controller);
          gate.pass('a', HOUR, controller.signal).then((passage) => (gone(), under.add(passage)), gone);
        };
        const end = (how: 'started' | 'gaveUp', n: number): void => {
          const passage = pick(under, n);
          if (passage === undefined) return;
          passage[how]();
          under.delete(passage);
        };
        for (const { kind, pick: n } of list) {
          if (kind === 'come') come();
          else if (kind === 'abort') pick(waiting, n)?.abort('over');
          else end(kind === 'start' ? 'started' : 'gaveUp', n);
          await flush();
          if (!gate.isWarm('a')) expect(under.size).toBeLessThanOrEqual(1);
          if (waiting.size > 0) expect(under.size).toBeGreaterThan(0);
        }
        while (under.size > 0) {
          end('gaveUp', 0);
          await flush();
        }
        expect(waiting.size).toBe(0);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
