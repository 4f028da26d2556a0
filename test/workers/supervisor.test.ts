import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { supervise } from '../../workers/supervisor.ts';

const WORKER = fileURLToPath(new URL('../support/dying-worker.ts', import.meta.url));

let directory: string;
let ending: AbortController;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'muster-supervisor-'));
  ending = new AbortController();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const births = (): number[] =>
  existsSync(join(directory, 'births'))
    ? readFileSync(join(directory, 'births'), 'utf8').trim().split('\n').map(Number)
    : [];

function supervised(lives: object[], more: { pauseMs?: number; drainMs?: number; steadyMs?: number } = {}) {
  const handedOver: { tokens: string[]; message: string; retryAfterMs: number }[] = [];
  const deaths: Record<string, unknown>[] = [];
  const code = supervise({
    worker: WORKER,
    args: [JSON.stringify(lives), join(directory, 'births')],
    failAttempts: async (tokens, message, retryAfterMs) =>
      void handedOver.push({ tokens: [...tokens], message, retryAfterMs }),
    log: (fields) => void deaths.push(fields as Record<string, unknown>),
    ending: ending.signal,
    pauseMs: 1,
    ...more,
  });
  return { code, handedOver, deaths };
}

const isGone = (pid: number): boolean => !existsSync(`/proc/${pid.toString()}`);

describe('the supervisor of a worker', () => {
  it('starts a killed one again, and hands over what it was at and what it had ended a moment before', async () => {
    const { code, handedOver, deaths } = supervised([
      { begins: ['a', 'b', 'c'], ends: ['b'], dies: 'SIGKILL' },
      { begins: ['d'], drains: 0 },
    ]);
    await expect.poll(() => births().length).toBe(2);
    await expect
      .poll(() => handedOver)
      .toEqual([{ tokens: ['a', 'c', 'b'], message: expect.stringContaining('SIGKILL'), retryAfterMs: 0 }]);
    expect(deaths).toEqual([{ code: null, signal: 'SIGKILL', attempts: 2, deaths: 1, waitMs: 0 }]);
    ending.abort();
    expect(await code).toBe(0);
    expect(births().every(isGone)).toBe(true);
  });

  it('hands over what a worker that ended in order had not ended, and nothing else', async () => {
    const { code, handedOver } = supervised([{ begins: ['a', 'b'], ends: ['a'], dies: 0 }]);
    expect(await code).toBe(0);
    expect(handedOver).toEqual([{ tokens: ['b'], message: expect.stringContaining('exit code 0'), retryAfterMs: 0 }]);
    expect(births().length).toBe(1);
  });

  it('ends with a worker whose configuration is wrong', async () => {
    const { code, handedOver } = supervised([{ dies: 2 }]);
    expect(await code).toBe(2);
    expect([births().length, handedOver]).toEqual([1, []]);
  });

  it('waits ever longer before it starts one that dies at once, and lets what it held wait as long', async () => {
    const { deaths, handedOver } = supervised([{ begins: ['poison'], dies: 1 }], { pauseMs: 3 });
    await expect.poll(() => deaths.length).toBeGreaterThan(5);
    ending.abort();
    expect(deaths.slice(0, 5).map(({ waitMs }) => waitMs)).toEqual([0, 3, 6, 12, 24]);
    expect(deaths.map((one) => one['deaths']).slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(handedOver.slice(0, 5).map(({ retryAfterMs }) => retryAfterMs)).toEqual([0, 3, 6, 12, 24]);
  });

  it('counts anew once one has lived for a while', async () => {
    const { deaths } = supervised([{ dies: 1 }], { steadyMs: 0, pauseMs: 60_000 });
    await expect.poll(() => deaths.length).toBeGreaterThan(3);
    ending.abort();
    expect(deaths.every(({ waitMs }) => waitMs === 0)).toBe(true);
  });

  it('ends at once when told to while it waits', async () => {
    const { code, deaths } = supervised([{ dies: 1 }], { pauseMs: 3_600_000 });
    await expect.poll(() => deaths.length).toBe(2);
    ending.abort();
    expect(await code).toBe(0);
    expect(births().length).toBe(2);
  });

  it('ends as its worker does after a drain', async () => {
    const { code, handedOver } = supervised([{ begins: ['a'], drains: 1 }]);
    await expect.poll(() => births().length).toBe(1);
    ending.abort();
    expect(await code).toBe(1);
    expect(handedOver.map(({ tokens }) => tokens)).toEqual([['a']]);
    expect(births().length).toBe(1);
  });

  it('kills one that does not end, and hands over what it held', async () => {
    const { code, handedOver } = supervised([{ begins: ['a'] }], { drainMs: 200 });
    await expect.poll(() => births().length).toBe(1);
    ending.abort();
    expect(await code).toBe(128 + 9);
    expect(handedOver.map(({ tokens }) => tokens)).toEqual([['a']]);
    expect(births().every(isGone)).toBe(true);
  });
});

it('a worker whose supervisor is gone ends, and what it still says does no harm', async () => {
  const child = fork(WORKER, ['worker', JSON.stringify([{ orphaned: 7 }]), join(directory, 'births')]);
  await expect.poll(() => births().length).toBe(1);
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([7, null]);
});
