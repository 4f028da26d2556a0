import type Anthropic from '@anthropic-ai/sdk';
import type { ClaudeCall, Message } from './claude.ts';
import { COMPACTION_BETA, COMPACTION_INSTRUCTIONS, isCompacted, summarised } from './compaction.ts';
import { lastLeadingBlock } from './prefix.ts';
import { modelFacts } from './prices.ts';

export type MessageParams = Anthropic.Beta.MessageCreateParamsNonStreaming;

const CONTEXT_MANAGEMENT_BETA = 'context-management-2025-06-27';
/** Results the model still needs at hand: those of about its last two turns. */
const KEPT_TOOL_USES = 6;
/** Each clearing breaks the cached prefix, so it has to be worth it: this share of what triggers it. */
const CLEARED_SHARE = 0.25;

/**
 * The body of one call. The prefix (tools, then system) is byte-identical for a fleet and a model; parameters that spoil the
 * cache when they change follow from the task alone. Sampling parameters are never sent: they are a 400.
 * `sharedBlock`: index in the first message of the last data block that other conversations have too. Throws `UnknownModel`.
 */
export function messageParams(call: ClaudeCall, sharedBlock?: number): MessageParams {
  const betas = betasOf(call);
  return {
    ...promptParams(call, sharedBlock),
    ...(call.withoutTools && call.tools.length > 0 ? { tool_choice: { type: 'none' } } : {}),
    ...clearing(call),
    ...(betas.length > 0 ? { betas } : {}),
  };
}

/** The body of a request for a summary. It starts as the call before it did, so that it is read from the cache. */
export function compactionParams(call: ClaudeCall): MessageParams {
  return {
    ...promptParams({ ...call, messages: summarised(call) }),
    compaction: { type: 'summarize', instructions: COMPACTION_INSTRUCTIONS },
    betas: [COMPACTION_BETA],
  };
}

function promptParams(call: ClaudeCall, sharedBlock?: number): MessageParams {
  const { model, maxTokens, effort, thinking } = call;
  const facts = modelFacts(model);
  return {
    model,
    max_tokens: maxTokens,
    ...markedPrefix(call),
    messages: markedMessages(call, sharedBlock),
    cache_control: MOVING_MARKER,
    ...(effort !== undefined && facts.efforts.includes(effort) ? { output_config: { effort } } : {}),
    ...(thinking !== undefined && facts.thinking.includes(thinking) ? { thinking: { type: thinking } } : {}),
  };
}

function betasOf({ clearToolUsesAfterTokens, messages }: ClaudeCall): string[] {
  return [
    ...(clearToolUsesAfterTokens === undefined ? [] : [CONTEXT_MANAGEMENT_BETA]),
    ...(isCompacted(messages) ? [COMPACTION_BETA] : []),
  ];
}

function clearing({ clearToolUsesAfterTokens: trigger }: ClaudeCall): Pick<MessageParams, 'context_management'> {
  if (trigger === undefined) return {};
  const tokens = (value: number) => ({ type: 'input_tokens' as const, value });
  return {
    context_management: {
      edits: [
        {
          type: 'clear_tool_uses_20250919',
          trigger: tokens(trigger),
          keep: { type: 'tool_uses', value: KEPT_TOOL_USES },
          clear_at_least: tokens(Math.ceil(trigger * CLEARED_SHARE)),
        },
      ],
    },
  };
}

const PREFIX_MARKER = { type: 'ephemeral', ttl: '1h' } as const;
const MOVING_MARKER = { type: 'ephemeral' } as const;

/** Marks the end of the stable prefix, for an hour: the system text, or the last tool when there is none. */
function markedPrefix({ system, tools }: ClaudeCall): Pick<MessageParams, 'system' | 'tools'> {
  if (system !== '') {
    const marked = [{ type: 'text' as const, text: system, cache_control: PREFIX_MARKER }];
    return tools.length === 0 ? { system: marked } : { tools: [...tools], system: marked };
  }
  const last = tools.at(-1);
  return last === undefined ? {} : { tools: [...tools.slice(0, -1), { ...last, cache_control: PREFIX_MARKER }] };
}

/**
 * Two breakpoints besides the stable prefix and the moving one, four in all. A conversation that begins: behind the data it
 * shares, so that others can read it. One that goes on: at the end of its first message, which clearing leaves alone, and
 * where the call before this one ended, which may lie further back than the twenty blocks the API looks at.
 */
function markedMessages(call: ClaudeCall, sharedBlock: number | undefined): Message[] {
  const marked = [...call.messages];
  if (marked.length === 1) {
    for (const block of new Set([sharedBlock, lastLeadingBlock(call)])) if (block !== undefined) mark(marked, 0, block);
    return marked;
  }
  const formerEnd = marked.findLastIndex(({ role }) => role === 'assistant') - 1;
  for (const at of new Set([0, formerEnd])) mark(marked, at);
  return marked;
}

/** Marks a block of a message, else the last one that can be marked. */
function mark(messages: Message[], at: number, block?: number): void {
  const message = messages[at];
  if (message === undefined) return;
  const content = typeof message.content === 'string' ? textBlocks(message.content) : [...message.content];
  const index = block ?? content.findLastIndex(isMarkable);
  const chosen = content[index];
  if (chosen === undefined) return;
  content[index] = { ...chosen, cache_control: MOVING_MARKER } as typeof chosen;
  messages[at] = { ...message, content } as Message;
}

type Blocks = Exclude<Message['content'], string>;

const textBlocks = (text: string): Blocks => [{ type: 'text', text }];

/** Thinking must go back exactly as it came, and so must a compaction block. */
function isMarkable({ type }: { type: string }): boolean {
  return type === 'text' || type === 'tool_result' || type === 'tool_use' || type === 'image' || type === 'document';
}
