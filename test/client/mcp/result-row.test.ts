import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Page, DEFAULT_ROWS, PAGE_CHARS } from '../../../client/mcp/page.ts';
import { outputText, resultRow } from '../../../client/mcp/result-row.ts';
import { resultOf } from './results.ts';

it('shows a whole output as it is, and data as data', () => {
  expect(resultRow(resultOf({ output: 'done' }), 10)).toMatchObject({ output: 'done' });
  expect(resultRow(resultOf({ output: 'done' }), 10)).not.toHaveProperty('output_chars');
  expect(resultRow(resultOf({ output: null, structured_output: { n: 1 } }), 10)).toMatchObject({
    structured_output: { n: 1 },
  });
});

it('cuts a long one and says how long it is; what was cut can be read on', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.integer({ min: 2, max: 9 }), (text, most) => {
      const result = resultOf({ output: text });
      let read = '';
      while (read.length < text.length) {
        const { output = '', output_chars } = resultRow(result, most, read.length);
        expect(output.length).toBeLessThanOrEqual(most);
        if (read.length > 0) expect(output_chars).toBe(text.length);
        read += output;
      }
      expect(read).toBe(text);
    }),
  );
});

it('reads data that is too long as its JSON', () => {
  const result = resultOf({ output: null, structured_output: { list: Array.from({ length: 100 }, (_, i) => i) } });
  const row = resultRow(result, 50);
  expect(row).toMatchObject({ output: outputText(result).slice(0, 50), output_chars: outputText(result).length });
  expect(row).not.toHaveProperty('structured_output');
});

it('keeps a raw output that did not fit the schema', () => {
  expect(resultRow(resultOf({ output: null, raw_output: '{"a":' }), 50)).toMatchObject({ output: '{"a":' });
});

it('holds a page of the largest results within bounds', () => {
  const huge = resultOf({
    output: '\u0000'.repeat(100_000),
    error: { type: 'T', message: '"'.repeat(100_000) },
    changes: {
      files: Array.from({ length: 1_000 }, (_, i) => `${i}/${'d'.repeat(4_000)}`),
      insertions: 1,
      deletions: 1,
      patch: '',
    },
    verify: Array.from({ length: 20 }, (_, i) => ({
      ...{ name: `v${i}`, ok: false, exit_code: 1, duration_ms: 1, tail: '\\'.repeat(10_000) },
    })),
  });
  const page = new Page();
  while (!page.isFull) page.add(huge);
  expect(JSON.stringify(page.rows).length).toBeLessThan(PAGE_CHARS + 25_000);
  expect(page.rows[0]!.changes).toMatchObject({ more_files: 980 });
});

it('holds as many small ones as one reply may have', () => {
  const page = new Page();
  while (!page.isFull) page.add(resultOf());
  expect(page.rows.length).toBe(DEFAULT_ROWS);
  const few = new Page(3);
  while (!few.isFull) few.add(resultOf());
  expect(few.rows.length).toBe(3);
});
