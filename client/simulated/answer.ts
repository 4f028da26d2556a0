import { hash } from 'node:crypto';
import type Anthropic from '@anthropic-ai/sdk';
import type { FaultKind } from './fault.ts';
import type { Reply, ReplyBlock, SimulatedRequest } from './script.ts';
import { tokensOf } from './tokens.ts';

/** One block as it goes over the wire; `json` is the text of a tool call's input, which a fault may cut or break. */
export type AnswerBlock =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string }
  | { type: 'tool_use'; id: string; name: string; json: string }
  | { type: 'compaction'; content: string; signature: string };

export interface Answer {
  blocks: AnswerBlock[];
  stopReason: Anthropic.Beta.BetaStopReason;
  outputTokens: number;
}

/**
 * What the model says within `max_tokens` and what its context window has left: a longer reply is cut where the tokens end,
 * as the API does.
 */
export function answerOf(reply: Reply, request: SimulatedRequest, turn: number, windowLeft: number): Answer {
  const blocks = reply.blocks.map((block, n) => wired(block, `${request.agent}/${turn}/${n}`));
  const callsTool = blocks.some(({ type }) => type === 'tool_use');
  const answer: Answer = {
    blocks,
    stopReason: reply.stopReason ?? (callsTool ? 'tool_use' : 'end_turn'),
    outputTokens:
      reply.usage?.output_tokens ?? request.direction.tokens ?? Math.max(1, tokensOf(blocks.map(textOf).join(''))),
  };
  const most = Math.min(request.body.max_tokens, windowLeft);
  if (answer.outputTokens <= most) return answer;
  const stopReason = windowLeft < request.body.max_tokens ? 'model_context_window_exceeded' : 'max_tokens';
  return { ...cut(answer, most / answer.outputTokens), outputTokens: most, stopReason };
}

/** The answer with a fault in it; undefined when it offers no place for that fault. */
export function spoil(
  answer: Answer,
  kind: FaultKind,
  schema: Record<string, unknown> | undefined,
): Answer | undefined {
  switch (kind) {
    case 'refusal':
      return { blocks: [], stopReason: 'refusal', outputTokens: Math.min(answer.outputTokens, 5) };
    case 'max_tokens':
      return cut(answer, 0.5);
    case 'max_tokens_in_tool':
      return replaceCall(answer, () => '{', isAnyCall, 'max_tokens');
    case 'malformed_tool_input':
      return replaceCall(
        answer,
        () => '{"simulated_fault":true}',
        (name) => name !== 'StructuredOutput',
      );
    case 'malformed_structured_output':
      return replaceCall(
        answer,
        () => JSON.stringify(misfit(schema)),
        (name) => name === 'StructuredOutput',
      );
    case 'broken_tool_json':
      return replaceCall(answer, () => '{"file_path": oops}', isAnyCall);
    default:
      return answer;
  }
}

export function textOf(block: AnswerBlock): string {
  if (block.type === 'text') return block.text;
  if (block.type === 'compaction') return block.content;
  return block.type === 'thinking' ? block.thinking : block.json;
}

function wired(block: ReplyBlock, seed: string): AnswerBlock {
  if (block.type !== 'tool_use') return block;
  const id = block.id ?? `toolu_sim_${hash('sha1', seed, 'hex').slice(0, 20)}`;
  return { type: 'tool_use', id, name: block.name, json: JSON.stringify(block.input) };
}

/** Keeps this share of the text, block after block. */
function cut({ blocks, outputTokens }: Answer, share: number): Answer {
  let left = Math.floor(blocks.reduce((sum, block) => sum + textOf(block).length, 0) * share);
  const kept: AnswerBlock[] = [];
  for (const block of blocks) {
    if (left <= 0) break;
    kept.push(withText(block, textOf(block).slice(0, left)));
    left -= textOf(block).length;
  }
  return { blocks: kept, stopReason: 'max_tokens', outputTokens: Math.max(1, Math.floor(outputTokens * share)) };
}

function withText(block: AnswerBlock, text: string): AnswerBlock {
  if (block.type === 'text') return { ...block, text };
  if (block.type === 'compaction') return block;
  return block.type === 'thinking' ? { ...block, thinking: text } : { ...block, json: text };
}

const isAnyCall = (): boolean => true;

function replaceCall(
  answer: Answer,
  json: () => string,
  isMeant: (name: string) => boolean,
  stopReason: Answer['stopReason'] = answer.stopReason,
): Answer | undefined {
  const at = answer.blocks.findIndex((block) => block.type === 'tool_use' && isMeant(block.name));
  const call = answer.blocks[at];
  if (call === undefined) return undefined;
  const after = stopReason === 'max_tokens' ? [] : answer.blocks.slice(at + 1);
  return { ...answer, stopReason, blocks: [...answer.blocks.slice(0, at), withText(call, json()), ...after] };
}

/** Every property of another type than the schema wants, and one it does not know. */
function misfit(schema: Record<string, unknown> | undefined): Record<string, unknown> {
  const properties = Object.entries(schema?.['properties'] ?? {}) as [string, { type?: unknown }][];
  const wrong = properties.map(([key, { type }]) => [key, type === 'object' ? 'malformed' : { malformed: true }]);
  return { ...Object.fromEntries(wrong), simulated_fault: true };
}
