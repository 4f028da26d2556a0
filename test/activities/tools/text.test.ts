import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutText, isBinary, splitLines, withoutControls } from '../../../activities/tools/text.ts';

const unit = fc.oneof(
  fc.constantFrom(
    '\x1b',
    '\x1b[',
    '\x1b]',
    '\x1bP',
    '\x07',
    '\x9b',
    '\x9c',
    '\x9d',
    '\x90',
    '\r',
    '\n',
    '\t',
    ';',
    '31m',
    '\\',
  ),
  fc.string({ maxLength: 4, unit: 'grapheme' }),
);

test('no control character but tab and line feed comes through, whatever the text, and plain text does unchanged', () => {
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 40 }), (parts) => {
      const clean = withoutControls(parts.join(''));
      expect(clean).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
      expect(withoutControls(clean)).toBe(clean);
      const plain = parts.join('').replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '');
      expect(withoutControls(plain)).toBe(plain);
    }),
    { numRuns: 2_000 },
  );
});

test.each(['\x1b]', '\x1bP', '\x9d', '\x90', '\x1b[0', '\x9b', '\x1b ', '\x1b[0 '])(
  'a million of %j takes no time',
  (piece) => {
    const start = process.cpuUsage(); // of this process: others may keep the machine busy
    withoutControls(piece.repeat(1_000_000 / piece.length));
    withoutControls(piece + '0 '.repeat(500_000));
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(2_000);
  },
);

test('a string that never ends hides nothing', () => {
  expect(withoutControls('a\x1b]0;b\nc\x9dd')).toBe('a0;b\ncd');
});

test('cuts keep whole characters and say what is missing', () => {
  expect(cutText('abc', 3)).toBe('abc');
  expect(cutText('ab😀c', 3)).toBe('ab… [3 more characters]');
  expect(cutText('ab😀c', 4)).toBe('ab😀… [1 more characters]');
});

test('lines lose their ends, and the last one starts none', () => {
  expect(splitLines('a\r\nb\n\nc')).toEqual(['a', 'b', '', 'c']);
  expect(splitLines('a\n')).toEqual(['a']);
  expect(splitLines('')).toEqual([]);
});

test('a NUL near the start makes a file binary', () => {
  expect([isBinary(Buffer.from('a\0')), isBinary(Buffer.from('a')), isBinary(Buffer.alloc(0))]).toEqual([
    true,
    false,
    false,
  ]);
});
