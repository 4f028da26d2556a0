import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProgressReports, type Progress } from '../../../client/mcp/progress.ts';
import { viewOf } from './results.ts';

function reports(): { told: Progress[]; progress: ProgressReports; clock: { ms: number } } {
  const told: Progress[] = [];
  const clock = { ms: 0 };
  const send = async (one: Progress): Promise<void> => void told.push(one);
  return { told, clock, progress: new ProgressReports(send, () => clock.ms) };
}

describe('progress', () => {
  it('names the fleet at once, then tells each that ended', async () => {
    const { told, progress } = reports();
    for (const completed of [0, 0, 1, 1, 4]) await progress.tell(viewOf({ census: { completed }, running: 2 }));
    expect(told.map((one) => one.progress)).toEqual([0, 1, 4]);
    expect(told[2]).toEqual({
      progress: 4,
      total: 10,
      message: 'fleet f: 4 of 10 subagents ended (4 completed), 2 running, $0.00',
    });
  });

  it('says something every ten seconds, which some clients need to go on waiting', async () => {
    const { told, progress, clock } = reports();
    for (let second = 0; second < 35; second++, clock.ms += 1_000)
      await progress.tell(viewOf({ census: { failed: 3 } }));
    expect(told.map((one) => one.progress)).toEqual([3, 3.5, 3.75, 3.875]);
  });

  it('tells what is brought up before the fleet stands, and the fleet after that', async () => {
    const { told, progress } = reports();
    await progress.say('starting a worker');
    await progress.tell(viewOf());
    expect(told.map(({ message }) => message.slice(0, 17))).toEqual(['starting a worker', 'fleet f: 0 of 10 ']);
    expect(told[0]).not.toHaveProperty('total');
    expect(told[1]).toHaveProperty('total', 10);
  });

  it('only ever grows, whatever the fleet does', async () => {
    const step = fc.record({ completed: fc.nat(12), count: fc.nat(12), ms: fc.nat(20_000), isTalk: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { told, progress, clock } = reports();
        for (const { completed, count, ms, isTalk } of steps) {
          clock.ms += ms;
          await (isTalk ? progress.say('x') : progress.tell(viewOf({ census: { completed }, count })));
        }
        for (const [i, one] of told.entries()) {
          if (i > 0) expect(one.progress).toBeGreaterThan(told[i - 1]!.progress);
          expect(one.total ?? Infinity).toBeGreaterThanOrEqual(one.progress);
        }
      }),
    );
  });

  it('outlives a client that cannot be told', async () => {
    const progress = new ProgressReports(() => Promise.reject(new Error('gone')));
    await expect(progress.tell(viewOf())).resolves.toBeUndefined();
  });
});
