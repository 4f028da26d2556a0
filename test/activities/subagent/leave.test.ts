import { expect, it } from 'vitest';
import type { Admission, ClaudeCall } from '../../../activities/claude/claude.ts';
import { Leave } from '../../../activities/subagent/leave.ts';

const CALL: ClaudeCall = { model: 'm', maxTokens: 1, system: '', tools: [], messages: [] };

/** A provider that lets calls go when it is told to, and counts what it gave and what came back. */
function provider() {
  const counts = { given: 0, back: 0 };
  const waiting: (() => void)[] = [];
  let isOpen = false;
  const back = new AbortController();
  const admit = async (_: ClaudeCall, { signal }: { signal: AbortSignal }): Promise<Admission> => {
    await new Promise<void>((resolve, reject) => {
      if (isOpen) return resolve();
      waiting.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    counts.given++;
    return { release: () => void counts.back++ };
  };
  const open = (): void => {
    isOpen = true;
    for (const go of waiting) go();
  };
  const leave = new Leave({ claude: { admit }, fleetId: 'f', clock: { back: back.signal } });
  return { leave, open, counts, back };
}

it('says whether a call may be made at once, and asks once for it', async () => {
  const { leave, open, counts } = provider();
  open();
  expect(await leave.isThere(CALL)).toBe(true);
  await leave.take(CALL);
  leave.giveBack();
  expect(counts).toEqual({ given: 1, back: 0 });
});

it('keeps its place in the queue while it waits', async () => {
  const { leave, open, counts } = provider();
  expect(await leave.isThere(CALL)).toBe(false);
  const taken = leave.take(CALL);
  open();
  await taken;
  expect(counts).toEqual({ given: 1, back: 0 });
});

it('is given back for a call that is another one by then, and for one that is not made', async () => {
  const { leave, open, counts } = provider();
  open();
  await leave.isThere(CALL);
  await leave.take({ ...CALL, model: 'another' });
  await leave.isThere(CALL);
  leave.giveBack();
  leave.giveBack();
  await Promise.resolve();
  expect(counts).toEqual({ given: 3, back: 2 });
});

it('parks a subagent that is wanted back while it waits', async () => {
  const { leave, back } = provider();
  await leave.isThere(CALL);
  const taken = leave.take(CALL);
  back.abort();
  await expect(taken).rejects.toMatchObject({ name: 'Parked', reason: { for: 'drain' } });
});
