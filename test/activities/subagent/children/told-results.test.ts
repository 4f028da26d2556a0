import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerText, toldResult, type ToldResult } from '../../../../activities/subagent/children/told-results.ts';
import type { Result } from '../../../../workflows/contract/task.schema.ts';

const LIMIT = 40_000;
const usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const result = (more: Partial<Result> = {}): Result => ({
  label: 'p/x',
  status: 'completed',
  output: 'done',
  model: 'm',
  num_turns: 3,
  usage,
  total_cost_usd: 0.01,
  rework_cost_usd: 0,
  duration_ms: 1200,
  attempts: 1,
  permission_denials: [],
  ended_at_ms: 1,
  ...more,
});

interface Answer {
  census: Record<string, number>;
  results: (ToldResult & { line?: string; more_files?: number })[];
  more?: number;
  note?: string;
}
const told = (results: (Partial<Result> | undefined)[], limit = LIMIT): Answer => {
  const text = answerText(
    results.map((more, i) => toldResult(`part-${(i + 1).toString()}`, more && result(more), LIMIT)),
    limit,
  );
  expect(text.length).toBeLessThanOrEqual(limit);
  expect(text).not.toMatch(/\\ud[89a-f]/); // how JSON writes half a character
  return JSON.parse(text) as Answer;
};
const many = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));

describe('the answer to a parent', () => {
  it('holds all there is of a few: output, structured output, error, changes, checks, cost', () => {
    const changes = { files: ['a.ts'], insertions: 1, deletions: 2, patch: `sha256:${'0'.repeat(64)}` };
    const verify = [{ name: 'tests', ok: false, exit_code: 1, duration_ms: 5, tail: 'long' }];
    const { census, results, note } = told([
      { structured_output: { n: 1 }, changes, verify },
      { status: 'failed', output: null, error: { type: 'Claude.Refused', message: 'no' } },
      undefined,
    ]);
    expect(note).toBeUndefined();
    expect(census).toEqual({
      ...{ completed: 1, failed: 1, timed_out: 0, budget_reached: 0, stopped: 0, skipped: 0, not_attempted: 0 },
      running: 1,
    });
    expect(results).toEqual([
      {
        ...{ label: 'part-1', status: 'completed', output: 'done', structured_output: { n: 1 } },
        changes: { files: ['a.ts'], insertions: 1, deletions: 2 },
        verify: [{ name: 'tests', ok: false }],
        ...{ total_cost_usd: 0.01, num_turns: 3, duration_ms: 1200 },
      },
      {
        ...{ label: 'part-2', status: 'failed', output: null, error: { type: 'Claude.Refused', message: 'no' } },
        ...{ total_cost_usd: 0.01, num_turns: 3, duration_ms: 1200 },
      },
      { label: 'part-3', status: 'running' },
    ]);
  });

  it('cuts the longest outputs first, and leaves short ones whole', () => {
    const { results, note } = told([
      { output: 'x'.repeat(90_000) },
      { output: 'short' },
      { output: 'y'.repeat(30_000) },
    ]);
    expect(note).toContain('read_result');
    expect(results[0]!.output!.length).toBeGreaterThan(15_000);
    expect(results.map(({ output_chars }) => output_chars)).toEqual([90_000, undefined, 30_000]);
    expect(results[1]!.output).toBe('short');
  });

  it('cuts a long structured output as text, and says how long it is', () => {
    const list = many(20_000, (i) => i);
    const { results } = told([{ structured_output: { list } }]);
    expect(results[0]!.structured_output).toMatch(/^\{"list":\[0,1,2/);
    expect(results[0]!.output_chars).toBe(JSON.stringify({ list }).length);
  });

  it('of 500 is a line each', () => {
    const { census, results, note } = told(
      many(500, (i) => ({ output: `found ${i.toString()} things\nand more`.repeat(200) })),
    );
    expect(census['completed']).toBe(500);
    expect(results).toHaveLength(500);
    expect(results[7]).toMatchObject({
      label: 'part-8',
      status: 'completed',
      line: expect.stringMatching(/^found 7 things/) as string,
    });
    expect(note).toContain('read_result');
  });

  it('of 2,000 names those that did not complete, and says how many more there are', () => {
    const { census, results, more } = told(
      many(2_000, (i) =>
        i % 100 === 0
          ? { status: 'failed', error: { type: 'Verify.Failed', message: 'x'.repeat(500) } }
          : { output: 'y'.repeat(5_000) },
      ),
    );
    expect(census).toMatchObject({ completed: 1_980, failed: 20 });
    expect(results).toHaveLength(20);
    expect(results[1]).toEqual({ label: 'part-101', status: 'failed', error: 'Verify.Failed' });
    expect(more).toBe(1_980);
  });

  it('stays within its limit and is JSON whatever they say, never half a character', () => {
    const some = fc.record({
      status: fc.constantFrom('completed' as const, 'failed' as const, 'stopped' as const),
      output: fc.option(fc.string({ unit: 'grapheme', maxLength: 3_000, size: 'max' })),
    });
    fc.assert(
      fc.property(
        fc.array(some, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 2_000, max: LIMIT }),
        (results, limit) => {
          const { census } = told(results, limit);
          expect(Object.values(census).reduce((sum, n) => sum + n, 0)).toBe(results.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});
