import { describe, expect, it } from 'vitest';
import { readSandboxed, sandboxedText } from '../../../client/demo/sandboxed-checks.ts';

const ran = (ok: boolean, tail: string) => [{ name: 'as before', ok, exit_code: ok ? 0 : 1, duration_ms: 1, tail }];

describe('what the verification in the sandbox says', () => {
  it.each([
    ['verified {"parsed":["a.js","b.js"],"tests":["t.js"],"broken":[]}\n', 'parsed 2, own tests 1'],
    ['noise\nverified {"parsed":["a.js"],"tests":[],"broken":[]}', 'parsed 1'],
    ['verified {"parsed":[],"tests":[],"broken":[]}', '-'],
  ])('is its last line: %j', (tail, text) => {
    expect(sandboxedText(readSandboxed(ran(true, tail)))).toBe(text);
  });

  it('is that something broke, and what, where it says so', () => {
    const tail = 'a.js does not hold any more:\noh\nverified {"parsed":["a.js"],"tests":[],"broken":["a.js"]}';
    expect(readSandboxed(ran(false, tail))).toEqual({ ok: false, parsed: 1, tests: 0, broken: ['a.js'] });
    expect(sandboxedText(readSandboxed(ran(false, tail)))).toBe('NO: 1');
  });

  it.each(['', 'Killed', 'verified {', 'verified {"parsed":7}', 'verified null'])(
    'is only whether it passed where it was ended: %j',
    (tail) => {
      expect(readSandboxed(ran(false, tail))).toEqual({ ok: false, parsed: 0, tests: 0, broken: [] });
      expect(sandboxedText(readSandboxed(ran(false, tail)))).toBe('NO');
    },
  );

  it('is nothing where it did not run', () => {
    expect(sandboxedText(readSandboxed(undefined))).toBe('');
    expect(sandboxedText(readSandboxed([]))).toBe('');
  });
});
