import { expect, it } from 'vitest';
import { Labels } from '../../../activities/script/labels.ts';

it('agents are labelled by their prompts, each label once', () => {
  const labels = new Labels();
  const given: [string | undefined, string][] = [
    [undefined, 'Say this\nand that'],
    [undefined, 'Say this'],
    [undefined, 'x'.repeat(80)],
    [undefined, ' \n'],
    ['a', 'p'],
    ['a', 'q'],
    ['a#2', 'r'],
    ['two\nlines', 's'],
    ['y'.repeat(300), 't'],
  ];
  expect(given.map(([wish, prompt]) => labels.next(wish, prompt))).toEqual([
    ...['Say this', 'Say this#2', `${'x'.repeat(59)}…`, 'agent-4', 'a', 'a#2', 'a#2#2', 'two', `${'y'.repeat(189)}…`],
  ]);
});

it('ten thousand agents of one name are labelled in no time', () => {
  const labels = new Labels();
  const all = Array.from({ length: 10_000 }, () => labels.next('same', ''));
  expect(all.at(-1)).toBe('same#10000');
});
