import fc from 'fast-check';
import ignore from 'ignore';
import { expect, test } from 'vitest';
import { coversPath, matchesPath, parsePattern } from '../../../workflows/policy/path-pattern.ts';

const RUNS = 2_000;
const name = fc.stringMatching(/^[abA.x]{1,2}$/).filter((text) => text !== '.' && text !== '..');
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));
const piece = fc.oneof(
  { weight: 4, arbitrary: name },
  ...[
    '*',
    '?',
    '**',
    'a*',
    '*b',
    '[ab]',
    '[!a]',
    '[a-x]',
    'x*a*',
    '[[:upper:]]b',
    '[]a]',
    '[a\\-x]',
    '\\a',
    'a**b',
  ].map((text) => fc.constant(text)),
);
const pattern = fc
  .tuple(fc.constantFrom('', '/'), fc.array(piece, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '/'))
  .map(([start, pieces, end]) => `${start}${pieces.join('/')}${end}`);

test('rules cover what an ignore file of the same words would ignore', () => {
  let covered = 0;
  fc.assert(
    fc.property(pattern, path, fc.boolean(), (text, file, isDirectory) => {
      const oracle = ignore({ ignoreCase: false })
        .add(text)
        .ignores(isDirectory ? `${file}/` : file);
      const parsed = parsePattern(text);
      if (oracle) covered++;
      expect(parsed !== undefined && coversPath(parsed, file, isDirectory)).toBe(oracle);
    }),
    { numRuns: RUNS * 2 },
  );
  expect(covered).toBeGreaterThan(RUNS / 10);
});

test.each([
  ['*.ts', 'a/b.ts', true],
  ['src/*', 'src/a.ts', true],
  ['src/*', 'src/a/b.ts', false],
  ['src/**', 'src/a/b.ts', true],
  ['src/**', 'src', false],
  ['**/*.md', 'README.md', true],
  ['a/**/z', 'a/z', true],
  ['a/**/z', 'a/b/c/z', true],
  ['**/b/**/d', 'a/b/b/c/d', true],
  ['src', 'src/a.ts', false],
  ['src/', 'src', false],
  ['**', 'a/b', true],
  ['***/z', 'a/b/z', true],
  ['a\\\\/z', 'a\\/z', true],
  ['.*', '.env', true],
])('the glob %s and %s: %s', (text, file, matches) => {
  expect(matchesPath(parsePattern(text)!, file)).toBe(matches);
});

test.each(['', '/', '[a', '[[:nope:]]', 'a\\', 'a\\/b', '[a/b]', '   '])('%j can match nothing', (text) => {
  expect(parsePattern(text)).toBeUndefined();
});

test('a pattern made to backtrack costs milliseconds', () => {
  const hostile = parsePattern(`${'**/a*'.repeat(30)}${'*a'.repeat(60)}*b`)!;
  const file = Array.from({ length: 100 }, () => 'a'.repeat(40)).join('/');
  const start = process.cpuUsage(); // of this process: others may keep the machine busy
  expect(coversPath(hostile, file)).toBe(false);
  expect(process.cpuUsage(start).user / 1_000).toBeLessThan(500);
});
