import { hash } from 'node:crypto';
import type Anthropic from '@anthropic-ai/sdk';
import { modelFacts } from '../../activities/claude/prices.ts';
import type { Answer } from './answer.ts';
import { badRequest, Problem } from './problem.ts';
import type { RequestBody, SimulatedRequest } from './script.ts';
import { tokensOf } from './tokens.ts';

export type CompactionBlock = Anthropic.Beta.BetaCompactionBlockParam;

/** What a summary still knows of the messages it replaced: whose they were and how many answers they held. */
export interface Summarised {
  agent: string;
  turns: number;
}

const BETA = 'compact-2026-09-04';
const LONGEST_INSTRUCTIONS = 16_384;
const SUMMARISED_PROMPT = 400;
const SIGNATURE = /^simulated\.([\w-]+)\.([\w-]+)\.([\w-]+)$/;

/** The block a conversation starts with, if any. */
export function leadingSummary({ messages }: Pick<RequestBody, 'messages'>): CompactionBlock | undefined {
  const first = messages[0]?.content;
  return typeof first === 'string' ? undefined : compactionBlocks(first ?? [])[0];
}

/** Refuses a compaction request, or a block sent back, as the API documents it. Throws a 400. */
export function checkCompaction(body: RequestBody, betas: readonly string[]): void {
  if (body.compaction) checkRequestForSummary(body, betas.includes(BETA));
  const blocks = body.messages.flatMap(({ content }) => (typeof content === 'string' ? [] : compactionBlocks(content)));
  const [block, ...more] = blocks;
  if (block === undefined) return;
  if (!betas.includes(BETA)) {
    throw badRequest(
      "messages.0.content.0: Input tag 'compaction' found using 'type' does not match any of the expected tags",
    );
  }
  if (more.length > 0) throw refused('compaction_block_ambiguous', 'more than one compaction block');
  const [first] = body.messages;
  if (first?.role === 'system' || typeof first?.content === 'string' || (first?.content[0] as unknown) !== block) {
    throw refused('compaction_block_misplaced', 'the compaction block must be the first block of the conversation');
  }
  readSummary(block);
}

/** What a block stands for. Throws a 400 when it is not as it was given out. */
export function readSummary(block: CompactionBlock): Summarised {
  const known = ['type', 'content', 'signature', 'encrypted_content', 'tool_changes', 'cache_control'];
  const extra = Object.keys(block).find((key) => !known.includes(key));
  if (extra !== undefined) {
    throw badRequest(`messages.0.content.0.compaction.${extra}: Extra inputs are not permitted`);
  }
  const [, payload = '', seal, sealOfText] = SIGNATURE.exec(block.signature ?? '') ?? [];
  if (seal !== sealOf(payload)) throw refused('compaction_signature_invalid', 'the signature does not verify');
  if (sealOfText !== sealOf(block.content ?? '')) {
    throw refused('compaction_content_mismatch', 'the content is not what the signature recorded');
  }
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Summarised;
}

/** The summary of a conversation, as an answer. Where `max_tokens` is too small for it, none, as the API does. */
export function summaryOf({ body, agent, prompt }: SimulatedRequest, turn: number): Answer {
  const task = prompt.slice(0, SUMMARISED_PROMPT);
  const content = `[simulated] Summary of ${body.messages.length} messages, up to turn ${turn}. The task: ${task}`;
  const outputTokens = tokensOf(content);
  if (outputTokens > body.max_tokens) return { blocks: [], stopReason: 'max_tokens', outputTokens: body.max_tokens };
  const summarised: Summarised = { agent, turns: turn - 1 };
  const payload = Buffer.from(JSON.stringify(summarised)).toString('base64url');
  const signature = `simulated.${payload}.${sealOf(payload)}.${sealOf(content)}`;
  return { blocks: [{ type: 'compaction', content, signature }], stopReason: 'compaction', outputTokens };
}

function checkRequestForSummary(body: RequestBody, hasBeta: boolean): void {
  if (!hasBeta) throw badRequest(`compaction: requires anthropic-beta: ${BETA}`);
  if (!modelFacts(body.model).compacts) throw badRequest(`compaction: not supported by ${body.model}`);
  const forced = body.tool_choice?.type === 'any' || body.tool_choice?.type === 'tool';
  const unwanted = [
    body.context_management ? 'context_management' : undefined,
    body.stop_sequences ? 'stop_sequences' : undefined,
    body.output_config?.format ? 'output_config.format' : undefined,
    forced ? 'tool_choice' : undefined,
  ].find((name) => name !== undefined);
  if (unwanted !== undefined) throw badRequest(`${unwanted}: cannot be combined with compaction`);
  if ((body.compaction?.instructions?.length ?? 0) > LONGEST_INSTRUCTIONS) {
    throw badRequest(`compaction.instructions: at most ${LONGEST_INSTRUCTIONS} characters`);
  }
  const last = body.messages.at(-1);
  if (
    last?.role === 'assistant' &&
    typeof last.content !== 'string' &&
    last.content.some((b) => b.type === 'tool_use')
  ) {
    throw refused('compaction_incomplete_turn', 'the last turn has tool calls without results');
  }
}

function compactionBlocks(content: readonly { type: string }[]): CompactionBlock[] {
  return content.filter((block): block is CompactionBlock => block.type === 'compaction');
}

function refused(code: string, message: string): Problem {
  return new Problem(400, 'invalid_request_error', `messages: ${message}`, { code });
}

function sealOf(text: string): string {
  return hash('sha1', `simulated compaction\n${text}`, 'base64url');
}
