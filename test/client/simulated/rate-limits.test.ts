import { describe, expect, it } from 'vitest';
import { Problem } from '../../../client/simulated/problem.ts';
import { RateLimiter, type RateLimits } from '../../../client/simulated/rate-limits.ts';

const T0 = Date.parse('2026-11-01T12:00:00Z');
const OPUS = 'claude-opus-5-5';
const ask = (more: Partial<{ model: string; inputTokens: number; maxTokens: number }> = {}) => ({
  ...{ model: OPUS, inputTokens: 100, maxTokens: 1_000 },
  ...more,
});

/** How many of `count` requests get in at this moment. */
function admitted(limiter: RateLimiter, count: number, nowMs: number, more: Parameters<typeof ask>[0] = {}): number {
  let n = 0;
  for (let i = 0; i < count; i += 1) if (refusalOf(limiter, nowMs, more) === undefined) n += 1;
  return n;
}

function refusalOf(limiter: RateLimiter, nowMs: number, more: Parameters<typeof ask>[0] = {}): Problem | undefined {
  try {
    limiter.admit(ask(more), nowMs);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

const remaining = (limiter: RateLimiter, name: string, nowMs: number): string | undefined =>
  limiter.headers(OPUS, nowMs)[`anthropic-ratelimit-${name}-remaining`];

describe('the simulated buckets', () => {
  it.each<[string, RateLimits, number]>([
    ['requests', { rpm: 60 }, 60],
    ['input tokens', { itpm: 1_000 }, 10],
  ])('of %s hold a minute, are refused past it, and refill steadily', (_, limits, most) => {
    const limiter = new RateLimiter(limits);
    expect(admitted(limiter, 100, T0)).toBe(most);
    expect(admitted(limiter, 100, T0 + 30_000)).toBe(most / 2);
    expect(admitted(limiter, 100, T0 + 600_000)).toBe(most);
  });

  it('refuse with the time to come back, and then take', () => {
    const limiter = new RateLimiter({ itpm: 6_000 });
    expect(admitted(limiter, 1, T0, { inputTokens: 6_000 })).toBe(1);
    const refusal = refusalOf(limiter, T0, { inputTokens: 150 });
    expect(refusal).toMatchObject({ status: 429, type: 'rate_limit_error' });
    expect(refusal?.headers['retry-after']).toBe('2');
    expect(refusalOf(limiter, T0 + 1_400, { inputTokens: 150 })).toBeDefined();
    expect(refusalOf(limiter, T0 + 1_500, { inputTokens: 150 })).toBeUndefined();
  });

  it('let a prompt larger than all they hold through when they are full', () => {
    const limiter = new RateLimiter({ itpm: 1_000 });
    expect(refusalOf(limiter, T0, { inputTokens: 5_000 })).toBeUndefined();
    expect(refusalOf(limiter, T0 + 239_000, { inputTokens: 1 })).toBeDefined();
    expect(refusalOf(limiter, T0 + 241_000, { inputTokens: 1 })).toBeUndefined();
  });

  it('take output when it has been made, even below nothing', () => {
    const limiter = new RateLimiter({ otpm: 600 });
    const ticket = limiter.admit(ask(), T0);
    expect(remaining(limiter, 'output-tokens', T0)).toBe('600');
    ticket.settle(900, T0);
    ticket.settle(900, T0);
    expect(remaining(limiter, 'output-tokens', T0)).toBe('0');
    expect(refusalOf(limiter, T0 + 30_000)).toBeDefined();
    expect(refusalOf(limiter, T0 + 30_200)).toBeUndefined();
  });

  it('hold max_tokens in advance when told to, and give back what was not made', () => {
    const limiter = new RateLimiter({ otpm: 2_500, reservesMaxTokens: true });
    const first = limiter.admit(ask(), T0);
    limiter.admit(ask(), T0);
    expect(remaining(limiter, 'output-tokens', T0)).toBe('500');
    expect(refusalOf(limiter, T0)).toBeDefined();
    first.settle(100, T0);
    expect(remaining(limiter, 'output-tokens', T0)).toBe('1400');
    expect(refusalOf(limiter, T0)).toBeUndefined();
  });

  it('hold a second instead of a minute when told to', () => {
    const limiter = new RateLimiter({ rpm: 60, burstSeconds: 1 });
    expect(admitted(limiter, 10, T0)).toBe(1);
    expect(admitted(limiter, 10, T0 + 60_000)).toBe(1);
    expect(limiter.headers(OPUS, T0 + 60_000)['anthropic-ratelimit-requests-reset']).toBe('2026-11-01T12:01:01Z');
  });

  it('are kept for each model group, and shared within it', () => {
    const limiter = new RateLimiter({ rpm: 2 });
    expect(admitted(limiter, 2, T0, { model: 'claude-opus-5' })).toBe(2);
    expect(admitted(limiter, 2, T0, { model: 'claude-opus-5-5' })).toBe(0);
    expect(admitted(limiter, 2, T0, { model: 'claude-opus-4-8' })).toBe(2);
    expect(admitted(limiter, 1, T0, { model: 'claude-fable-5-1' })).toBe(1);
    expect(admitted(limiter, 2, T0, { model: 'claude-mythos-5' })).toBe(1);
  });

  it('say limit, rest and the moment they are full; of what is not limited, nothing', () => {
    const limiter = new RateLimiter({ rpm: 60 });
    admitted(limiter, 15, T0);
    expect(limiter.headers(OPUS, T0)).toEqual({
      'anthropic-ratelimit-requests-limit': '60',
      'anthropic-ratelimit-requests-remaining': '45',
      'anthropic-ratelimit-requests-reset': '2026-11-01T12:00:15Z',
    });
    expect(new RateLimiter({}).headers(OPUS, T0)).toEqual({});
  });

  it('change in the middle', () => {
    const limiter = new RateLimiter({ rpm: 60 });
    admitted(limiter, 60, T0);
    limiter.change({ rpm: 30 });
    expect(admitted(limiter, 60, T0)).toBe(30);
  });
});

describe('the simulated growth limit', () => {
  it('refuses who grows past twice the mean of the ten seconds before, by its own code', () => {
    const limiter = new RateLimiter({ rampFreePerSecond: 10 });
    expect(admitted(limiter, 100, T0)).toBe(10);
    const refusal = refusalOf(limiter, T0);
    expect(refusal).toMatchObject({ status: 429, code: 'ramp_limit_exceeded' });
    expect(refusal?.headers['retry-after']).toBe('1');
    for (let second = 1; second < 10; second += 1) admitted(limiter, 10, T0 + second * 1_000);
    expect(admitted(limiter, 100, T0 + 10_000)).toBe(20);
  });

  it('lets one who grows slowly reach any pace', () => {
    const limiter = new RateLimiter({ rampFreePerSecond: 10 });
    let pace = 0;
    for (let second = 0; second < 80; second += 1) pace = admitted(limiter, 300, T0 + second * 1_000);
    expect(pace).toBe(300);
  });

  it('forgets what was long ago', () => {
    const limiter = new RateLimiter({ rampFreePerSecond: 10 });
    for (let second = 0; second < 30; second += 1) admitted(limiter, 300, T0 + second * 1_000);
    expect(admitted(limiter, 300, T0 + 60_000)).toBe(10);
  });
});
