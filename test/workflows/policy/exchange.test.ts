import { describe, expect, it } from 'vitest';
import { MAX_SCRIPT_NEWS } from '../../../workflows/contract/limits.ts';
import { isExchangeDue, waitsForNothing, type ScriptOutlook } from '../../../workflows/policy/exchange.ts';

const quiet: ScriptOutlook = { exchanges: 1, news: 0, open: 5, decided: 0, isRefused: false, isIdle: false };

describe('an exchange', () => {
  it.each<[string, Partial<ScriptOutlook>, boolean]>([
    ['is the first', { exchanges: 0, open: 0 }, true],
    ['has nothing to tell', {}, false],
    ['has nothing to tell, though permits lie idle', { isIdle: true }, false],
    ['tells that all have ended', { news: 5, open: 0 }, true],
    ['waits for those that go on, while permits are in use', { news: 5, open: 3 }, false],
    ['tells of one where permits lie idle', { news: 1, open: 3, isIdle: true }, true],
    ['is full', { news: MAX_SCRIPT_NEWS, open: 3 }, true],
    ['is one short of full', { news: MAX_SCRIPT_NEWS - 1, open: 3 }, false],
    ['tells what a person decided', { decided: 1 }, true],
    ['tells that a request was refused', { isRefused: true }, true],
  ])('that %s', (_, more, isDue) => {
    expect(isExchangeDue({ ...quiet, ...more })).toBe(isDue);
  });

  it('is never to come for a script that waits for nothing', () => {
    expect(waitsForNothing({ ...quiet, open: 0 }, 0)).toBe(true);
    expect(waitsForNothing({ ...quiet, open: 0 }, 1)).toBe(false);
    expect(waitsForNothing({ ...quiet, open: 0, news: 1 }, 0)).toBe(false);
    expect(waitsForNothing({ ...quiet, open: 0, isRefused: true }, 0)).toBe(false);
    expect(waitsForNothing(quiet, 0)).toBe(false);
  });
});
