import { describe, expect, it } from 'vitest';
import { OutputHold } from '../../../../activities/claude/limits/output-hold.ts';
import { seededRandom } from '../../../../client/simulated/random.ts';

const LIMIT = 400_000;

/** One worker's calls on a bucket that others use too, told as headers would tell it. */
function watch({ holds, others, calls = 200 }: { holds: boolean; others: number; calls?: number }): OutputHold {
  const random = seededRandom(`${holds}/${others}`);
  const hold = new OutputHold();
  let level = LIMIT * 0.8;
  let inFlight: { max: number; made: number }[] = [];
  for (let n = 0; n < calls; n += 1) {
    const nowMs = 200 * n;
    level = Math.min(LIMIT, level + (LIMIT * 200) / 60_000) - 2 * others * random.next();
    for (const call of inFlight.filter(() => random.next() < 0.1)) {
      inFlight = inFlight.filter((other) => other !== call);
      hold.end(call.max, call.made);
      level += holds ? call.max - call.made : -call.made;
    }
    const call = { max: 8_000, made: 300 + random.int(0, 600) };
    inFlight.push(call);
    hold.begin(call.max);
    level -= holds ? call.max : 0;
    hold.report({ limit: LIMIT, remaining: Math.round(level), capacity: LIMIT }, hold.mark(nowMs));
  }
  return hold;
}

describe('whether max_tokens is held in advance', () => {
  it.each([0, 500, 1_500])('is seen in what remains, whatever others take (%d tokens between two calls)', (others) => {
    expect(watch({ holds: true, others }).isHeld).toBe(true);
    expect(watch({ holds: false, others }).isHeld).toBe(false);
  });

  it('is not judged by a few calls', () => {
    expect(watch({ holds: true, others: 0, calls: 8 }).isHeld).toBe(false);
  });

  it('is not read out of an empty bucket, which does not show how empty it is', () => {
    const hold = new OutputHold();
    for (let n = 0; n < 50; n += 1) {
      hold.begin(8_000);
      hold.report({ limit: LIMIT, remaining: n % 2 === 0 ? 0 : 8_000, capacity: LIMIT }, hold.mark(n * 10));
    }
    expect(hold.isHeld).toBe(false);
  });
});
