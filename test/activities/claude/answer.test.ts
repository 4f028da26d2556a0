import type Anthropic from '@anthropic-ai/sdk';
import { expect, it } from 'vitest';
import { answerOf } from '../../../activities/claude/answer.ts';
import { costMicroUsd } from '../../../activities/claude/prices.ts';

const MODEL = 'claude-sonnet-5-5';
const counts = (input: number, output: number, read: number, fiveMinutes: number, oneHour: number) => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: read,
  cache_creation_input_tokens: fiveMinutes + oneHour,
  cache_creation: { ephemeral_5m_input_tokens: fiveMinutes, ephemeral_1h_input_tokens: oneHour },
});

function message(more: object): Anthropic.Beta.BetaMessage {
  return {
    content: [],
    stop_reason: 'end_turn',
    usage: counts(1, 2, 3, 4, 5),
    ...more,
  } as unknown as Anthropic.Beta.BetaMessage;
}

it('counts a compaction, which stands in the iterations alone, and no other iteration twice', () => {
  const iterations = [
    { type: 'compaction', ...counts(10, 20, 30, 40, 50) },
    { type: 'message', ...counts(1, 2, 3, 4, 5) },
  ];
  const answer = answerOf(MODEL, message({ usage: { ...counts(1, 2, 3, 4, 5), iterations } }), 'req_1');
  expect(counts(11, 22, 33, 44, 55)).toMatchObject(answer.usage);
  expect(answer.usage).not.toHaveProperty('cache_creation');
  expect(answer.costMicroUsd).toBe(costMicroUsd(MODEL, counts(11, 22, 33, 44, 55)));
});

it('takes a cache write of unknown kind for the dearer one', () => {
  const usage = { ...counts(0, 0, 0, 0, 0), cache_creation_input_tokens: 100, cache_creation: null };
  expect(answerOf(MODEL, message({ usage }), null).costMicroUsd).toBe(400);
});

it('says how much was cleared, and nothing where nothing was', () => {
  const applied_edits = [{ type: 'clear_tool_uses_20250919', cleared_tool_uses: 2, cleared_input_tokens: 700 }];
  expect(answerOf(MODEL, message({ context_management: { applied_edits } }), null).clearedTokens).toBe(700);
  expect(answerOf(MODEL, message({ context_management: { applied_edits: [] } }), null)).not.toHaveProperty(
    'clearedTokens',
  );
});

it('a message without a stop reason is not an answer', () => {
  expect(() => answerOf(MODEL, message({ stop_reason: null }), null)).toThrow('no stop reason');
});
