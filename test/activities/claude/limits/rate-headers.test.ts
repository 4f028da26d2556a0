import { describe, expect, it } from 'vitest';
import { readRateReport } from '../../../../activities/claude/limits/rate-headers.ts';

const NOW = Date.parse('2026-11-01T12:00:00Z');
const headers = (limit: string, remaining: string, reset?: string, date?: string): Headers =>
  new Headers({
    'anthropic-ratelimit-requests-limit': limit,
    'anthropic-ratelimit-requests-remaining': remaining,
    ...(reset === undefined ? {} : { 'anthropic-ratelimit-requests-reset': reset }),
    ...(date === undefined ? {} : { date }),
  });
const read = (...of: Parameters<typeof headers>) => readRateReport(headers(...of), 'requests', NOW);

describe('the headers of a budget', () => {
  it('tell its limit and what is left', () => {
    expect(read('600', '300', '2026-11-01T12:00:30Z')).toEqual({ limit: 600, remaining: 300, capacity: 600 });
  });

  it('are good for something without a reset, or with one that cannot be read', () => {
    const report = { limit: 600, remaining: 300, capacity: 600 };
    expect(read('600', '300')).toEqual(report);
    expect(read('600', '300', 'soon')).toEqual(report);
  });

  it.each([
    ['600', ''],
    ['', '300'],
    ['0', '0'],
    ['many', '3'],
    ['-5', '3'],
    ['600', '1e3'],
  ])('say nothing where they make no sense (limit %j, remaining %j)', (limit, remaining) => {
    expect(read(limit, remaining)).toBeUndefined();
  });

  it('of another budget are not taken for it', () => {
    expect(readRateReport(headers('600', '300'), 'input-tokens', NOW)).toBeUndefined();
  });

  it('of an empty bucket show its debt by the time it takes to fill', () => {
    // 90 s to fill at 10 a second: 900 are missing of 600. Two seconds of rounding are let pass.
    expect(read('600', '0', '2026-11-01T12:01:30Z')?.remaining).toBe(-280);
    expect(read('600', '0', '2026-11-01T12:01:00Z')?.remaining).toBe(0);
  });

  it('never show a debt of more than a whole limit', () => {
    expect(read('600', '0', '2026-12-01T00:00:00Z')?.remaining).toBe(-600);
  });

  it("count by the provider's own clock, however wrong ours is", () => {
    const report = read('600', '0', '2026-11-01T18:01:30Z', 'Sun, 01 Nov 2026 18:00:00 GMT');
    expect(report?.remaining).toBe(-280);
  });

  it('show a bucket that holds a second, not a minute', () => {
    expect(read('600', '4', '2026-11-01T12:00:01Z')).toEqual({ limit: 600, remaining: 4, capacity: 14 });
  });

  it('never let more be left than the limit', () => {
    expect(read('600', '9000')?.remaining).toBe(600);
  });
});
