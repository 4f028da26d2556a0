import { expect, test } from 'vitest';
import { createRedactor } from '../../../activities/observe/redaction.ts';
import { transcriptLines, transcriptText } from '../../../activities/observe/transcript.ts';

const none = createRedactor([]);

test('gives one line per message and tool call, in the order it happened', () => {
  const lines = transcriptLines(
    [
      { role: 'user', content: 'do it' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 't1', name: 'Read', input: { file_path: 'a' } },
          { type: 'text', text: 'I look' },
          { type: 'tool_use', id: 't2', name: 'Bash', input: { command: 'ls' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: 'A' },
          { type: 'tool_result', tool_use_id: 't2', content: 'no', is_error: true },
          { type: 'text', text: 'time is up' },
        ],
      },
    ],
    none,
  );
  expect(lines).toEqual([
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'do it' }] },
    { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'I look' }] },
    { type: 'tool_call', id: 't1', name: 'Read', input: { file_path: 'a' } },
    { type: 'tool_call', id: 't2', name: 'Bash', input: { command: 'ls' } },
    { type: 'tool_result', id: 't1', name: 'Read', content: 'A' },
    { type: 'tool_result', id: 't2', name: 'Bash', content: 'no', is_error: true },
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'time is up' }] },
  ]);
  expect(
    transcriptText(lines)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(lines);
});

test('hides secrets wherever they stand', () => {
  const secret = 'planted-canary-1234';
  const text = transcriptText(
    transcriptLines(
      [
        { role: 'user', content: `use ${secret}` },
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 't', name: 'Bash', input: { command: `echo ${secret}` } }],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: secret }] }],
        },
      ],
      createRedactor([secret]),
    ),
  );
  expect(text).not.toContain(secret);
  expect(text.match(/\[hidden\]/g)).toHaveLength(3);
});

test('leaves out signatures, which nobody reads', () => {
  const block = { type: 'thinking', thinking: 'hm', signature: 'x'.repeat(500) };
  expect(transcriptLines([{ role: 'assistant', content: [block] }], none)).toEqual([
    { type: 'message', role: 'assistant', content: [{ type: 'thinking', thinking: 'hm' }] },
  ]);
});
