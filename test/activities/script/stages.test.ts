import { describe, expect, it } from 'vitest';
import type { LabelledCall, Played } from '../../../activities/script/session.ts';
import { journalCall, SecondStage } from '../../../activities/script/stages.ts';

const call = (id: number, prompt: string, of: Partial<LabelledCall> = {}): LabelledCall => ({
  ...{ id, kind: 'agent', prompt, options: {}, label: prompt },
  ...of,
});
const played = (of: Partial<Played> = {}): Played => ({
  calls: [],
  progress: [],
  ask: undefined,
  end: undefined,
  ...of,
});

const WRITTEN = [
  journalCall({ call: call(1, 'a'), verdict: { key: 'k' }, occurrence: 0 }),
  journalCall({ call: call(2, 'b', { options: { model: 'm' } }), verdict: { fault: 'no such model' }, occurrence: 0 }),
];

/** What an exchange that made these calls before says to these now. */
async function again(calls: LabelledCall[], now: Partial<Played> = {}, asks: { title: string; hash: string }[] = []) {
  const stage = new SecondStage(3, WRITTEN, () => Promise.resolve('none'));
  try {
    const verdicts = await stage.judge(calls);
    stage.compare(played(now), asks);
    return verdicts;
  } catch (error) {
    return (error as Error).message.replace('it came out otherwise when it was run again, at exchange 3: ', '');
  }
}

describe('an exchange that is played again', () => {
  const SAME = [call(1, 'a'), call(2, 'b', { options: { model: 'm' } })];

  it('gives each call what it was given', async () => {
    expect(await again(SAME)).toEqual([{ key: 'k' }, { fault: 'no such model' }]);
  });

  it.each([
    ['another prompt', [call(1, 'A')], 'call 1 was agent("a", {}) (a) and is now call 1, agent("A", {}) (A)'],
    [
      'another option',
      [call(1, 'a'), call(2, 'b')],
      'call 2 was agent("b", {"model":"m"}) (b) and is now call 2, agent("b", {}) (b)',
    ],
    ['another phase', [call(1, 'a', { phase: 'P' })], 'call 1 was agent("a", {}) (a) and is now call 1'],
    ['another number', [call(7, 'a')], 'call 1 was agent("a", {}) (a) and is now call 7'],
    ['one more', [...SAME, call(3, 'c')], 'call 3, agent("c", {}) (c), was not made before'],
    ['one less', [call(1, 'a')], 'call 2 was agent("b", {"model":"m"}) (b) and is not made any more'],
  ])('is not the same with %s', async (_, calls, difference) => {
    expect(await again(calls)).toContain(difference);
  });

  it.each<[string, Partial<Played>, { title: string; hash: string }[], string]>([
    ['ends', { end: { value: '5' } }, [], 'it went on and now ends ({"value":"5"})'],
    ['asks', { ask: { title: 'x', hash: '1' } }, [], 'it asked for the approval of nothing and now for that of "x"'],
    ['does not ask', {}, [{ title: 'x', hash: '1' }], 'it asked for the approval of "x" and now for that of nothing'],
    [
      'has seen something else',
      { ask: { title: 'x', hash: '2' } },
      [{ title: 'x', hash: '1' }],
      'of "x" and now for that of "x"',
    ],
  ])('is not the same when it now %s', async (_, now, asks, difference) => {
    expect(await again(SAME, now, asks)).toContain(difference);
  });
});
