import { describe, expect, it } from 'vitest';
import { leftText } from '../../../client/cli/left-text.ts';
import { paintFor } from '../../../client/cli/paint.ts';

const paint = paintFor('never', false);

describe('what a parent left', () => {
  it('is said as it is, and nothing of a plan', () => {
    expect(leftText({}, paint)).toEqual([]);
    expect(leftText({ result: null }, paint)).toEqual([]);
    expect(leftText({ result: 'three found' }, paint)).toEqual(['', 'three found']);
    expect(leftText({ result: { found: 3 } }, paint)).toEqual(['', '{\n  "found": 3\n}']);
  });

  it('names the place of what was thrown', () => {
    const error = { type: 'Script.Threw', message: 'TypeError: no', line: 3, column: 5 };
    expect(leftText({ error }, paint)).toEqual(['', 'Script.Threw at line 3, column 5: TypeError: no']);
    expect(leftText({ error: { type: 'Claude.Refused', message: 'no' } }, paint)).toEqual(['', 'Claude.Refused: no']);
  });

  it('drives no terminal and fills none', () => {
    const [, text] = leftText({ result: `\u001b[2J${'x'.repeat(5_000)}` }, paint);
    expect(text).not.toContain('\u001b');
    expect(text!.length).toBeLessThan(4_200);
    expect(text).toContain('muster results --format json');
  });
});
