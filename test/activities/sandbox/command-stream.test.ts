import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CapturedOutput } from '../../../activities/sandbox/captured-output.ts';
import { CommandStream } from '../../../activities/sandbox/command-stream.ts';

const NONCE = '0123456789abcdef';
const limits = { keptBytes: 1_000, limitBytes: 10_000 };

function streamOf(...chunks: (string | Buffer)[]): { ended: number[]; excess: number; stream: CommandStream } {
  const seen = { ended: [] as number[], excess: 0 };
  const stream = new CommandStream(limits, () => seen.excess++);
  stream.await(NONCE, (code) => seen.ended.push(code));
  for (const chunk of chunks) stream.add(Buffer.from(chunk as string));
  return Object.assign(seen, { stream });
}

describe('a stream of commands', () => {
  test('ends a command at its mark, however the bytes come in', () => {
    const text = 'some output \x1e that is \x1e0123 no mark\x1e';
    const printed = Buffer.from(`${text}\x1e${NONCE} 42\x1eof the next`);
    fc.assert(
      fc.property(fc.array(fc.nat(printed.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), printed.length];
        const { ended, stream } = streamOf(...at.slice(1).map((end, i) => printed.subarray(at[i], end)));
        expect(ended).toEqual([42]);
        expect(stream.take()).toEqual({ output: text, outputBytes: Buffer.byteLength(text) });
        expect(stream.take()).toEqual({ output: 'of the next', outputBytes: 11 });
      }),
      { numRuns: 300 },
    );
  });

  test('takes another nonce for output', () => {
    const { ended, stream } = streamOf('\x1efedcba9876543210 0\x1e');
    expect(ended).toEqual([]);
    expect(stream.take().output).toBe('\x1efedcba9876543210 0\x1e');
  });

  test('gives what it held back for a mark that never came', () => {
    const { stream } = streamOf('text', `\x1e${NONCE} 4`);
    expect(stream.take().output).toBe(`text\x1e${NONCE} 4`);
  });

  test('tells of more than its limit, between commands too', () => {
    expect(streamOf('x'.repeat(10_000)).excess).toBe(0);
    expect(streamOf('x'.repeat(10_001)).excess).toBe(1);
    const { stream } = streamOf(`\x1e${NONCE} 0\x1e`);
    expect(stream.take().outputBytes).toBe(0);
  });
});

describe('captured output', () => {
  const captured = (limit: number, ...chunks: (string | Buffer)[]): CapturedOutput => {
    const output = new CapturedOutput(limit);
    for (const chunk of chunks) output.add(Buffer.from(chunk as string));
    return output;
  };

  test('is whole up to its limit', () => {
    expect(captured(10, '01234', '56', '789').text()).toBe('0123456789');
    expect(captured(10).text()).toBe('');
  });

  test('is its beginning and its end beyond, and says how much is missing', () => {
    expect(captured(10, '0123456789abcdef').text()).toBe('01234\n\n[… 6 bytes left out …]\n\nbcdef');
    expect(captured(10, ...'0123456789abcdef').text()).toBe('01234\n\n[… 6 bytes left out …]\n\nbcdef');
  });

  test('cuts no character in two', () => {
    const text = captured(10, '€€€€€€€€').text();
    expect(text).toBe('€\n\n[… 14 bytes left out …]\n\n€');
    expect(captured(8, '🙂🙂🙂🙂').text()).not.toContain('\ufffd');
  });

  test('keeps the same whatever the chunks, and counts them all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 30 })),
        fc.integer({ min: 2, max: 50 }),
        (chunks, limit) => {
          const whole = chunks.join('');
          const parts = captured(limit, ...chunks);
          expect(parts.text()).toBe(captured(limit, whole).text());
          expect(parts.bytes).toBe(Buffer.byteLength(whole));
        },
      ),
    );
  });
});
