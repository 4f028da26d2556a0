import type { Answer, AnswerBlock } from './answer.ts';
import { textOf } from './answer.ts';
import { signatureOf } from './checks.ts';
import { errorBody } from './problem.ts';
import type { RequestBody } from './script.ts';

export interface FullUsage {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number };
}

/** An answer and what the API says about it: of a compaction the usage stands in the iterations alone. */
export interface Told {
  answer: Answer;
  usage: FullUsage;
  isCompaction: boolean;
  /** undefined: none were asked for. */
  appliedEdits: readonly object[] | undefined;
}

/** A whole answer as server-sent events: what opens it, what carries it, what closes it. */
export interface AnswerEvents {
  head: string;
  /** Fewer than the API sends: each costs both ends time. */
  body: string[];
  tail: string;
}

type SpokenBlock = Exclude<AnswerBlock, { type: 'compaction' }>;

const PIECES_PER_BLOCK = 4;
const SHORTEST_PIECE = 24;

export const PING = 'event: ping\ndata: {"type":"ping"}\n\n';

export function answerEvents(id: string, model: RequestBody['model'], told: Told): AnswerEvents {
  const { answer } = told;
  const usage = usageTold(told);
  const message = {
    ...envelope(id, model),
    content: [],
    stop_reason: null,
    usage: { ...usage, output_tokens: told.isCompaction ? 0 : 1 },
  };
  const delta = { stop_reason: answer.stopReason, stop_sequence: null, ...stopDetails(answer) };
  return {
    head: event('message_start', { message }) + PING,
    body: answer.blocks.flatMap(blockEvents),
    tail: event('message_delta', { delta, usage, ...editsTold(told) }) + event('message_stop', {}),
  };
}

/** The same answer for a caller that does not stream. */
export function answerMessage(id: string, model: RequestBody['model'], told: Told): string {
  const { answer } = told;
  const content = answer.blocks.map((block) => {
    if (block.type === 'text') return { ...block, citations: null };
    if (block.type === 'thinking') return { ...block, signature: signatureOf(block.thinking) };
    if (block.type === 'compaction') return block;
    return { type: block.type, id: block.id, name: block.name, input: parsed(block.json) };
  });
  return JSON.stringify({
    ...envelope(id, model),
    content,
    stop_reason: answer.stopReason,
    ...stopDetails(answer),
    ...editsTold(told),
    usage: usageTold(told),
  });
}

export function errorEvent(type: string): string {
  return `event: error\ndata: ${JSON.stringify(errorBody(type, 'simulated fault in the middle of an answer'))}\n\n`;
}

function usageTold({ usage, isCompaction }: Told): Record<string, unknown> {
  if (!isCompaction) return { ...usage };
  const none = { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 };
  return { ...none, cache_creation: null, iterations: [{ type: 'compaction', ...usage }] };
}

function editsTold({ appliedEdits }: Told): Record<string, unknown> {
  return appliedEdits === undefined ? {} : { context_management: { applied_edits: appliedEdits } };
}

function envelope(id: string, model: string): Record<string, unknown> {
  return { id, type: 'message', role: 'assistant', model, stop_sequence: null };
}

function stopDetails({ stopReason }: Answer): Record<string, unknown> {
  const details = { type: 'refusal', category: null, explanation: 'simulated refusal' };
  return stopReason === 'refusal' ? { stop_details: details } : {};
}

function blockEvents(block: AnswerBlock, index: number): string[] {
  // A summary comes whole, in the event that opens its block.
  if (block.type === 'compaction') {
    return [event('content_block_start', { index, content_block: block }), event('content_block_stop', { index })];
  }
  const events = [event('content_block_start', { index, content_block: emptyBlock(block) })];
  for (const piece of pieces(textOf(block)))
    events.push(event('content_block_delta', { index, delta: deltaOf(block, piece) }));
  if (block.type === 'thinking') {
    const delta = { type: 'signature_delta', signature: signatureOf(block.thinking) };
    events.push(event('content_block_delta', { index, delta }));
  }
  events.push(event('content_block_stop', { index }));
  return events;
}

function emptyBlock(block: SpokenBlock): Record<string, unknown> {
  if (block.type === 'text') return { type: 'text', text: '', citations: null };
  if (block.type === 'thinking') return { type: 'thinking', thinking: '', signature: '' };
  return { type: 'tool_use', id: block.id, name: block.name, input: {} };
}

function deltaOf(block: SpokenBlock, piece: string): Record<string, unknown> {
  if (block.type === 'text') return { type: 'text_delta', text: piece };
  if (block.type === 'thinking') return { type: 'thinking_delta', thinking: piece };
  return { type: 'input_json_delta', partial_json: piece };
}

function pieces(text: string): string[] {
  const size = Math.max(SHORTEST_PIECE, Math.ceil(text.length / PIECES_PER_BLOCK));
  const list: string[] = [];
  for (let at = 0; at < text.length; at += size) list.push(text.slice(at, at + size));
  return list;
}

function event(type: string, data: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}
