import { hash } from 'node:crypto';
import type { ClaudeCall, Message, ToolDefinition } from './claude.ts';
import { findModel, modelFacts } from './prices.ts';

/** The start of a prompt that other calls may have too. Equal keys are equal bytes for the provider's cache. */
export interface Prefix {
  key: string;
  /** Estimated, from the start of the prompt. */
  tokens: number;
}

/** What the prompt builder puts before the task because several tasks have it in common. */
const SHARED_BLOCK = /^<(?:context|agent|project_memory)\b/;
const BYTES_PER_TOKEN = 4;
/** Less than this of data is not worth a breakpoint, let alone a wait; no model's cache keeps less. */
const LEAST_SHARED_TOKENS = 512;

/** Tools and system: the same for all subagents of a fleet and model. undefined: too short for the model's cache. */
export function stablePrefix(call: ClaudeCall): Prefix | undefined {
  const start = startOf(call);
  return isKept(call, start) ? start : undefined;
}

/**
 * The prompt up to each of the data blocks before the task, from short to long; those of a conversation that has only begun,
 * for later turns find what the turn before them wrote. Blocks that are too short for the cache are left out.
 */
export function leadingPrefixes(call: ClaudeCall): { at: number; prefix: Prefix }[] {
  if (call.messages.length !== 1) return [];
  const start = startOf(call);
  let key = `${start.key}${call.thinking ?? ''}${call.withoutTools === true}`;
  let ofData = 0;
  return leadingTexts(call.messages).flatMap((text, at) => {
    key = hash('sha256', `${key}\n${text}`, 'base64');
    ofData += estimatedTokens(text);
    const prefix = { key, tokens: start.tokens + ofData };
    return ofData >= LEAST_SHARED_TOKENS && isKept(call, prefix) ? [{ at, prefix }] : [];
  });
}

/** Index in the first message of its last leading data block; undefined where it has none worth a breakpoint of its own. */
export function lastLeadingBlock({ messages }: ClaudeCall): number | undefined {
  const texts = leadingTexts(messages);
  const tokens = texts.reduce((sum, text) => sum + estimatedTokens(text), 0);
  return tokens >= LEAST_SHARED_TOKENS ? texts.length - 1 : undefined;
}

/** The whole prompt, as far as bytes tell. */
export function promptTokens({ system, tools, messages }: ClaudeCall): number {
  const stable = toolsPrefix(tools).tokens + estimatedTokens(system);
  return messages.reduce((sum, message) => sum + messageTokens(message), stable);
}

/** One conversation among those with equal prefixes. */
export function conversationKey({ messages }: ClaudeCall): string {
  return hash('sha256', JSON.stringify(messages[0]), 'base64');
}

function startOf({ model, system, tools }: ClaudeCall): Prefix {
  const { key, tokens } = toolsPrefix(tools);
  return {
    key: hash('sha256', `${model}\n${key}\n${system}`, 'base64'),
    tokens: tokens + estimatedTokens(system),
  };
}

function isKept({ model }: ClaudeCall, { tokens }: Prefix): boolean {
  return findModel(model) && tokens >= modelFacts(model).minCacheTokens;
}

/** Not for money: the price table has worst cases for that. */
function estimatedTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

function leadingTexts([first]: ClaudeCall['messages']): string[] {
  if (first === undefined || typeof first.content === 'string') return [];
  const texts = first.content.map((block) => (block.type === 'text' ? block.text : ''));
  const end = texts.findIndex((text) => !SHARED_BLOCK.test(text));
  return end < 0 ? texts : texts.slice(0, end);
}

/** Kept by identity: a conversation hands over the same messages turn after turn. */
const knownMessages = new WeakMap<Message, number>();

function messageTokens(message: Message): number {
  const known = knownMessages.get(message);
  if (known !== undefined) return known;
  const tokens = estimatedTokens(JSON.stringify(message.content));
  knownMessages.set(message, tokens);
  return tokens;
}

/** Kept by identity: a fleet's calls hand over the same list, and it is the longest thing to spell. */
const knownTools = new WeakMap<readonly ToolDefinition[], Prefix>();

function toolsPrefix(tools: readonly ToolDefinition[]): Prefix {
  const known = knownTools.get(tools);
  if (known !== undefined) return known;
  const json = JSON.stringify(tools);
  const prefix = { key: hash('sha256', json, 'base64'), tokens: tools.length === 0 ? 0 : estimatedTokens(json) };
  knownTools.set(tools, prefix);
  return prefix;
}
