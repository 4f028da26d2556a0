import { hash } from 'node:crypto';
import type Anthropic from '@anthropic-ai/sdk';
import { leadingSummary, readSummary } from './compaction.ts';
import { readDirection } from './direction.ts';
import type { RequestBody, SimulatedRequest } from './script.ts';

type Block = Anthropic.ContentBlockParam;

/** A text block that is one context block from end to end: whatever its data holds, it is data. */
const WHOLE_CONTEXT = /^<context\b[\s\S]*<\/context>\s*$/;
const CONTEXT = /<context\b(?:"(?:\\.|[^"\\])*"|[^">])*>[\s\S]*?<\/context>/g;
/** A block of its own, by which a subagent learns that it may spawn others. */
const MAY_SPAWN = /<subagents>[\s\S]*?<\/subagents>/;
const OUTPUT_SCHEMA = /<output_schema>([\s\S]*?)<\/output_schema>/;

/**
 * Reads what an agent script needs to know out of a request that has been checked. Behind a summary the task is where it is
 * said again: in the first user message with a text. The agent is known by the summary's seal.
 */
export function readTranscript(body: RequestBody): SimulatedRequest {
  const summary = leadingSummary(body);
  const blocks = firstBlocks(body, summary !== undefined);
  const firstText = textsOf(blocks);
  const spoken = blocks.filter((block) => block.type !== 'text' || !WHOLE_CONTEXT.test(block.text));
  const withoutContext = textsOf(spoken).replace(CONTEXT, '');
  const schema = OUTPUT_SCHEMA.exec(withoutContext)?.[1];
  const { prompt, direction } = readDirection(withoutContext.replace(OUTPUT_SCHEMA, '').replace(MAY_SPAWN, '').trim());
  return {
    body,
    firstText,
    prompt,
    agent: summary === undefined ? hash('sha256', firstText, 'hex').slice(0, 16) : readSummary(summary).agent,
    maySpawn: spoken.some((block) => block.type === 'text' && MAY_SPAWN.test(block.text)),
    outputSchema: schema === undefined ? undefined : parseSchema(schema),
    direction,
  };
}

/** From 1: answers already given, those a summary covers among them, plus one. */
export function turnOf(body: RequestBody): number {
  const summary = leadingSummary(body);
  const answers = body.messages.filter(({ role }, at) => role === 'assistant' && (summary === undefined || at > 0));
  return answers.length + (summary === undefined ? 0 : readSummary(summary).turns) + 1;
}

export interface ToolResult {
  name: string;
  input: unknown;
  text: string;
  isError: boolean;
}

/** Results of tool calls, oldest first, each with the call it answers. */
export function toolResults(body: RequestBody): ToolResult[] {
  const calls = new Map<string, { name: string; input: unknown }>();
  const results: ToolResult[] = [];
  for (const block of body.messages.flatMap(blocksOf)) {
    if (block.type === 'tool_use') calls.set(block.id, block);
    if (block.type !== 'tool_result') continue;
    const call = calls.get(block.tool_use_id);
    if (call === undefined) continue;
    const text = typeof block.content === 'string' ? block.content : textsOf(block.content ?? []);
    results.push({ name: call.name, input: call.input, text, isError: block.is_error === true });
  }
  return results;
}

export function offersTool(body: RequestBody, name: string): boolean {
  return body.tools?.some((tool) => 'name' in tool && tool.name === name) ?? false;
}

/** Content of a message as blocks. */
export function blocksOf(message: Anthropic.MessageParam): Block[] {
  return typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
}

function firstBlocks({ messages }: RequestBody, isCompacted: boolean): Block[] {
  if (!isCompacted) return messages[0] === undefined ? [] : blocksOf(messages[0]);
  const texts = messages.map((message) =>
    message.role === 'user' ? blocksOf(message).filter(({ type }) => type === 'text') : [],
  );
  return texts.find((blocks) => blocks.length > 0) ?? [];
}

function textsOf(blocks: readonly { type: string }[]): string {
  return blocks.map((block) => ('text' in block && typeof block.text === 'string' ? block.text : '')).join('\n');
}

function parseSchema(text: string): Record<string, unknown> | undefined {
  try {
    const schema: unknown = JSON.parse(text);
    return typeof schema === 'object' && schema !== null ? { ...schema } : undefined;
  } catch {
    return undefined;
  }
}
