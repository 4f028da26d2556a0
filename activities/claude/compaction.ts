import type Anthropic from '@anthropic-ai/sdk';
import type { ClaudeCall, ContentBlock, Message } from './claude.ts';
import { withoutThinking } from './model-switch.ts';

/*
 * On-demand compaction, as the API documents it (beta of September 2026): a request with `compaction` brings one signed block
 * that holds a summary of all messages sent. From then on the block stands first, as it came, instead of those messages. The
 * request must still fit the context window, so it holds the messages of the call before, which did fit; the newest turn is
 * kept word for word behind the block.
 */

/** Sent with the request for a summary and with every later one that carries its block. */
export const COMPACTION_BETA = 'compact-2026-09-04';

export type CompactionBlock = Anthropic.Beta.BetaCompactionBlock;

/** Replaces the API's own wording; at most 16,384 characters. */
export const COMPACTION_INSTRUCTIONS = `Summarise this conversation so that you can go on with the task from your summary alone; the messages will be gone.
Begin with the task and everything it demands: its scope, its limits, the form of its result. Then say, in this order and with nothing left out that is still needed:
- what has been found out: facts, decisions and their reasons, data from the context that the rest of the work needs;
- what has been done: each file read or changed, by its path, and what was changed in it; commands that matter and what they said;
- what failed or was refused, so that it is not tried again;
- what remains to be done, and the very next step.
Keep names, paths, numbers, identifiers and error messages exactly as they are. Call no tool: answer with the text of the summary only.`;

const RESTATED = 'The conversation before this has been summarised. Your task, word for word, was:';
const GO_ON = 'Go on from where you are; do not begin again.';
/** Data of the first message that is shorter than this is said again; longer data is left to the summary. Characters. */
const RESTATED_CONTEXT = 8_000;
/** As many results as the API's own clearing keeps for us. */
const KEPT_RESULTS = 6;
const CLEARED = '[An old result was here; it has been left out.]';

type Block = Exclude<Message['content'], string>[number];

/** Whether the conversation starts with a summary. */
export function isCompacted([first]: readonly Message[]): boolean {
  return (
    first !== undefined &&
    typeof first.content !== 'string' &&
    first.content.some((block: { type: string }) => block.type === 'compaction')
  );
}

/** The summary in the answer of `Claude.compact`; undefined when it came to none, and the stop reason says why. */
export function compactionBlock(content: readonly (ContentBlock | CompactionBlock)[]): CompactionBlock | undefined {
  return content.find((block): block is CompactionBlock => block.type === 'compaction' && !!block.content);
}

/**
 * What `Claude.compact` has summarised: all but the newest turn. Where the API has been clearing old results they are left
 * out here too (one request cannot do both), and with them the thinking that was bound to them.
 */
export function summarised({ messages, clearToolUsesAfterTokens }: ClaudeCall): Message[] {
  const old = messages.slice(0, newestTurnAt(messages));
  return clearToolUsesAfterTokens === undefined ? old : withoutThinking(withoutOldResults(old));
}

/**
 * The messages to go on with: the block first, unmodified, as an assistant message of its own; then the newest turn, without
 * its thinking; then, in the last user message, the task and the shorter data once more, word for word. `messages` are those
 * `compact` was asked about; they may start with an older block, which this one covers.
 */
export function compacted(messages: readonly Message[], block: CompactionBlock): Message[] {
  const head = { role: 'assistant', content: [block] } as unknown as Message;
  const kept = withoutThinking(messages.slice(newestTurnAt(messages)));
  const restated = [text(RESTATED), ...taskBlocks(messages), text(GO_ON)];
  const last = kept.at(-1);
  if (last?.role !== 'user') return [head, ...kept, { role: 'user', content: restated }];
  return [head, ...kept.slice(0, -1), { role: 'user', content: [...blocksOf(last), ...restated] }];
}

/** The newest answer and what followed it; past the end when there is no earlier turn to summarise. */
function newestTurnAt(messages: readonly Message[]): number {
  const newest = messages.findLastIndex(({ role }) => role === 'assistant');
  const hasEarlier = newest > (isCompacted(messages) ? 1 : 0);
  return hasEarlier ? newest : messages.length;
}

/** The first message's blocks but for long data, or what an earlier compaction restated of them. */
function taskBlocks(messages: readonly Message[]): Block[] {
  for (const message of messages) {
    const blocks = blocksOf(message);
    const start = blocks.findIndex((block) => block.type === 'text' && block.text === RESTATED);
    if (start < 0) continue;
    const end = blocks.findLastIndex((block) => block.type === 'text' && block.text === GO_ON);
    return blocks.slice(start + 1, end);
  }
  const first = messages.find(({ role }) => role === 'user');
  return first === undefined ? [] : blocksOf(first).filter((block) => !isLongData(block));
}

function isLongData(block: Block): boolean {
  return block.type !== 'text' || (block.text.startsWith('<context') && block.text.length > RESTATED_CONTEXT);
}

function withoutOldResults(messages: readonly Message[]): Message[] {
  const ids = messages.flatMap(blocksOf).flatMap((block) => (block.type === 'tool_result' ? [block.tool_use_id] : []));
  const old = new Set(ids.slice(0, -KEPT_RESULTS));
  const clear = (block: Block): Block =>
    block.type === 'tool_result' && old.has(block.tool_use_id) ? { ...block, content: CLEARED } : block;
  return messages.map((message) =>
    message.role === 'user' ? { role: 'user', content: blocksOf(message).map(clear) } : message,
  );
}

function blocksOf({ content }: Message): Block[] {
  return typeof content === 'string' ? [text(content)] : [...content];
}

function text(value: string): Block & { type: 'text' } {
  return { type: 'text', text: value };
}
