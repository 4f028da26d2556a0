import { expect, it } from 'vitest';
import { accompany, type AccompanyOptions } from '../../../client/mcp/accompany.ts';
import { needsPerson } from '../../../client/mcp/standing.ts';
import type { FleetView } from '../../../client/library/library.ts';
import { viewOf } from './results.ts';

/** Stays with a fleet that stands like this, look by look. */
async function stayed(
  views: FleetView[],
  more: Partial<AccompanyOptions> = {},
): Promise<{ view: FleetView; looks: number }> {
  let looks = 0;
  const look = async (): Promise<FleetView> => views[Math.min(looks++, views.length - 1)]!;
  const options = { need: Infinity, timeoutMs: 60_000, signal: new AbortController().signal, ...more };
  const view = await accompany(look, { onLook: async () => undefined, ...options });
  return { view, looks };
}

const running = viewOf({ running: 1 });

it('stays until the fleet has ended', async () => {
  const { view, looks } = await stayed([running, running, viewOf({ status: 'failed' })]);
  expect([view.status, looks]).toEqual(['failed', 3]);
});

it('stays until as many as asked for have ended', async () => {
  const { looks } = await stayed([running, viewOf({ census: { completed: 1, failed: 1 } })], { need: 2 });
  expect(looks).toBe(2);
});

it('looks once and leaves when it need not wait, or may not', async () => {
  expect((await stayed([running], { need: 0 })).looks).toBe(1);
  expect((await stayed([running], { timeoutMs: 0 })).looks).toBe(1);
  expect((await stayed([running], { timeoutMs: -5 })).looks).toBe(1);
  expect((await stayed([running], { signal: AbortSignal.abort() })).looks).toBe(1);
});

it('leaves when its time is up, and looks a last time', async () => {
  const { view, looks } = await stayed([running], { timeoutMs: 250 });
  expect(view.status).toBe('running');
  expect(looks).toBeGreaterThanOrEqual(2);
});

it('leaves at once when whoever asked is gone', async () => {
  const gone = new AbortController();
  const onLook = async (): Promise<void> => gone.abort();
  expect((await stayed([running], { signal: gone.signal, onLook })).looks).toBe(1);
});

it.each([
  [{ status: 'paused', reason: 'approval' }, true],
  [{ status: 'paused', reason: 'budget_reached' }, true],
  [{ status: 'paused', reason: 'authentication' }, true],
  [{ status: 'paused', reason: 'user' }, true],
  [{ status: 'paused', reason: 'usage_limit' }, true],
  [{ status: 'paused', reason: 'usage_limit', resetsAt: new Date(1) }, false],
  [{ status: 'paused', reason: 'rate_limit' }, false],
  [{ status: 'paused', reason: 'disk_full' }, false],
  [{ status: 'running' }, false],
] satisfies [Omit<Partial<FleetView>, 'census'>, boolean][])(
  'knows whether a person is needed: %j',
  async (part, isNeeded) => {
    expect(needsPerson(viewOf(part))).toBe(isNeeded);
    if (isNeeded) expect((await stayed([viewOf(part)])).looks).toBe(1);
  },
);
