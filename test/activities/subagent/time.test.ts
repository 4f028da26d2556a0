import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Clock, reportReserveMs } from '../../../activities/subagent/clock.ts';
import type { ReplyBlock } from '../../../client/simulated/script.ts';
import { call, inTurn, say, type Play } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const look = call('Glob', { pattern: '*' });
/** Works for ever, and reports when it is asked to. */
const works: Play = ({ request }) => {
  const last = JSON.stringify(request.body.messages.at(-1));
  if (last.includes('Your time is up')) return [say('so far: half of it')];
  return last.includes('This is your last turn') ? [say('NOT FINISHED: half of it is missing')] : [look];
};

describe('when its time is nearly up', () => {
  it('a subagent is asked for a report, which is its output', async () => {
    const prompt = bench.played.play('late', (turn) => ({
      blocks: works(turn) as ReplyBlock[],
      latencyMs: 120,
    }));
    const fleet = await bench.fleet([{ prompt, timeoutMs: 1_500 }]);
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({
      status: 'timed_out',
      output: 'so far: half of it',
      partial: true,
      error: { type: 'Subagent.TimedOut' },
    });
    const last = bench.played.turns.get('late')!.at(-1)!.request.body;
    expect(last.tool_choice).toEqual({ type: 'none' });
    expect(last.tools!.length).toBeGreaterThan(3); // the prefix stays as it was
  });

  it('a report that does not come in time is done without', async () => {
    const prompt = bench.played.play('silent', (turn) => ({
      blocks: [look],
      latencyMs: JSON.stringify(turn.request.body.messages).includes('Your time is up') ? 5_000 : 20,
    }));
    const fleet = await bench.fleet([{ prompt, timeoutMs: 600 }]);
    const startedAt = performance.now();
    await fleet.run();
    expect(performance.now() - startedAt).toBeLessThan(2_500);
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'timed_out', output: null, partial: true });
    expect(result.rework_cost_usd).toBeGreaterThan(0);
  });

  it('whoever goes on elsewhere still only reports', async () => {
    const back = new AbortController();
    const prompt = bench.played.play('elsewhere', (turn) => {
      const blocks = works(turn) as ReplyBlock[];
      if (blocks[0]!.type === 'text' && !back.signal.aborted) {
        back.abort();
        throw new Error('breaks down in the middle of the report');
      }
      return { blocks, latencyMs: 60 };
    });
    const fleet = await bench.fleet([{ prompt, timeoutMs: 900 }]);
    expect(await fleet.run(0, { back: back.signal })).toMatchObject({ kind: 'parked', reason: { for: 'drain' } });
    await fleet.run(0, { epoch: 2 });
    expect(await fleet.result()).toMatchObject({ status: 'timed_out', output: 'so far: half of it', attempts: 2 });
    const told = bench.played.toldAt('elsewhere').filter((text) => text.includes('Your time is up'));
    expect(told.length).toBe(2);
  });

  it('nothing is asked of one that has not said a word', async () => {
    const prompt = bench.played.play('mute', () => ({ blocks: [look], latencyMs: 5_000 }));
    const fleet = await bench.fleet([{ prompt, timeoutMs: 300 }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'timed_out', num_turns: 0 });
    expect(bench.played.turns.get('mute')!.length).toBe(1);
  });
});

describe('the last of its turns', () => {
  it('is announced, and a report that it has not finished is a failure with that report', async () => {
    const fleet = await bench.fleet([{ prompt: bench.played.play('turns', works), maxTurns: 3 }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({
      status: 'failed',
      error: { type: 'Subagent.MaxTurns' },
      output: 'NOT FINISHED: half of it is missing',
      num_turns: 3,
    });
    expect(bench.played.toldAt('turns').map((told) => told.includes('This is your last turn'))).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('completes it when it says that it has finished', async () => {
    const fleet = await bench.fleet([
      { prompt: bench.played.play('exact', inTurn([look], [say('all done')])), maxTurns: 2 },
    ]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', output: 'all done', num_turns: 2 });
  });

  it('may be its only one', async () => {
    const fleet = await bench.fleet([{ prompt: bench.played.play('only', inTurn([say('42')])), maxTurns: 1 }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', output: '42', num_turns: 1 });
  });
});

describe('a clock', () => {
  const never = new AbortController().signal;

  it('keeps a fifth of the timeout for a report, at most a minute', () => {
    expect(reportReserveMs(10_000)).toBe(2_000);
    expect(reportReserveMs(3_600_000)).toBe(60_000);
  });

  it('breaks off work before the reserve, and again at the end of it', async () => {
    using clock = new Clock(never, 1_000, 790);
    await clock.during(() => aborted(clock.signal));
    expect(clock.signal.reason).toBe('timeout');
    expect(clock.toolSignal.aborted).toBe(true);
    clock.useReserve();
    expect(clock.isOver).toBe(false);
    expect(clock.signal.aborted).toBe(false);
    await clock.during(() => aborted(clock.toolSignal));
    expect(clock.isOver).toBe(true);
    expect(clock.elapsedMs).toBeGreaterThanOrEqual(1_000);
  });

  it('breaks off a tool at once when it is wanted back, and a call a moment later', async () => {
    const back = new AbortController();
    using clock = new Clock(back.signal, 60_000, 0);
    back.abort();
    expect(clock.toolSignal.reason).toBe('handBack');
    expect(clock.signal.aborted).toBe(false);
    await aborted(clock.signal);
    expect(clock.signal.reason).toBe('handBack');
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
