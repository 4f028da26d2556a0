import { expect, it } from 'vitest';
import type { Message } from '../../../activities/claude/claude.ts';
import { withoutThinking } from '../../../activities/claude/model-switch.ts';

const thinking = { type: 'thinking' as const, thinking: 'hm', signature: 's' };
const redacted = { type: 'redacted_thinking' as const, data: 'x' };
const text = (value: string) => ({ type: 'text' as const, text: value });
const use = { type: 'tool_use' as const, id: 't', name: 'Read', input: {} };

it('drops thinking and redacted thinking, and keeps all else in its order', () => {
  const messages: Message[] = [
    { role: 'user', content: [text('Do it.')] },
    { role: 'assistant', content: [thinking, text('I look.'), redacted, use] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'r' }] },
    { role: 'assistant', content: 'Done.' },
  ];
  const before = JSON.stringify(messages);
  expect(withoutThinking(messages)).toEqual([
    messages[0],
    { role: 'assistant', content: [text('I look.'), use] },
    messages[2],
    messages[3],
  ]);
  expect(JSON.stringify(messages)).toBe(before);
});

it('leaves no assistant message empty', () => {
  const messages: Message[] = [
    { role: 'user', content: 'Do it.' },
    { role: 'assistant', content: [thinking, redacted] },
    { role: 'user', content: 'Go on.' },
  ];
  expect(withoutThinking(messages)).toEqual([messages[0], messages[2]]);
});

it('changes nothing the second time', () => {
  const once = withoutThinking([{ role: 'assistant', content: [thinking, text('x')] }]);
  expect(withoutThinking(once)).toEqual(once);
});
