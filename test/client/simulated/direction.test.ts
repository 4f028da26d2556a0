import { describe, expect, it } from 'vitest';
import { drawLatencyMs, readDirection, readLatency } from '../../../client/simulated/direction.ts';
import { seededRandom } from '../../../client/simulated/random.ts';

describe('a directive', () => {
  it('is taken out of the prompt', () => {
    const { prompt, direction } = readDirection(
      'Fix it.\n[[simulate turns=5 latency=200ms tokens=500 seed=7 window=9000 output="all done"]]',
    );
    expect(prompt).toBe('Fix it.');
    expect(direction).toEqual({
      turns: 5,
      latency: { min: 200, max: 200, sigma: 0 },
      tokens: 500,
      seed: '7',
      window: 9_000,
      output: 'all done',
      spawns: [],
      steps: [],
      faults: [],
    });
  });

  it('may stand several times, and its steps keep their order', () => {
    const { direction } = readDirection(
      `[[simulate edit=a.ts old="x = \\"1\\"" new='y\\n']] then [[simulate write="b c.txt" content="[[nested]] ok"]] [[simulate call=Grep input='{"pattern":"z"}']]`,
    );
    expect(direction.steps).toEqual([
      { name: 'Edit', input: { file_path: 'a.ts', old_string: 'x = "1"', new_string: 'y\n' } },
      { name: 'Write', input: { file_path: 'b c.txt', content: '[[nested]] ok' } },
      { name: 'Grep', input: { pattern: 'z' } },
    ]);
  });

  it('carries faults, once unless told otherwise', () => {
    const { direction } = readDirection(
      '[[simulate fault=rate_limit retry_after=3600 at=2]] [[simulate fault=slow_tokens delay=5ms times=0 after=1 every=3]] [[simulate fault=mid_stream_error error_type=api_error times=2]] [[simulate fault=refusal model=claude-opus-5-5]]',
    );
    expect(direction.faults).toEqual([
      { kind: 'rate_limit', count: 1, retryAfter: '3600', turn: 2 },
      { kind: 'slow_tokens', delayMs: 5, after: 1, every: 3 },
      { kind: 'mid_stream_error', count: 2, errorType: 'api_error' },
      { kind: 'refusal', count: 1, model: 'claude-opus-5-5' },
    ]);
  });

  it.each([
    ['[[simulate turn=5]]', 'unknown key turn'],
    ['[[simulate turns=many]]', 'a whole number is needed'],
    ['[[simulate window=small]]', 'a whole number is needed'],
    ['[[simulate model=claude-opus-5-5]]', 'unknown key model, or it belongs to another key'],
    ['[[simulate latency=soon]]', 'not a duration'],
    ['[[simulate structured="{"]]', 'JSON is needed'],
    ['[[simulate fault=earthquake]]', 'unknown kind "earthquake"; known: '],
    ['[[simulate old="x"]]', 'unknown key old, or it belongs to another key'],
    ['[[simulate sigma=1]]', 'unknown key sigma'],
    ['[[simulate turns]]', '"turns" is not key=value'],
    ['[[simulate turns=1', 'not closed'],
  ])('%s is refused: %s', (prompt, message) => {
    expect(() => readDirection(prompt)).toThrow(message);
  });
});

describe('latency', () => {
  it('is constant, spread evenly, or log-normal around its mean', () => {
    const random = seededRandom('latency');
    expect(drawLatencyMs(readLatency('1.5s'), random)).toBe(1_500);
    const even = Array.from({ length: 500 }, () => drawLatencyMs(readLatency('30ms-80ms'), random));
    expect(Math.min(...even)).toBeGreaterThanOrEqual(30);
    expect(Math.max(...even)).toBeLessThan(80);
    const { direction } = readDirection('[[simulate latency=10s sigma=0.8]]');
    const drawn = Array.from({ length: 20_000 }, () =>
      drawLatencyMs(direction.latency ?? expect.unreachable(), random),
    );
    expect(drawn.reduce((sum, ms) => sum + ms, 0) / drawn.length / 10_000).toBeCloseTo(1, 1);
    expect(Math.max(...drawn)).toBeGreaterThan(50_000);
  });
});
