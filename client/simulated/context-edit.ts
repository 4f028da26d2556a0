import type Anthropic from '@anthropic-ai/sdk';
import { badRequest } from './problem.ts';
import type { RequestBody } from './script.ts';
import { tokensOf } from './tokens.ts';
import { blocksOf } from './transcript.ts';

type AppliedEdit = Anthropic.Beta.BetaClearToolUses20250919EditResponse;
type Edit = Anthropic.Beta.BetaClearToolUses20250919Edit;

const BETA = 'context-management-2025-06-27';
const PLACEHOLDER = '[Old tool result content cleared]';
const PLACEHOLDER_TOKENS = tokensOf(PLACEHOLDER);
/** The API's own, where an edit leaves them out. */
const DEFAULT_TRIGGER: NonNullable<Edit['trigger']> = { type: 'input_tokens', value: 100_000 };
const DEFAULT_KEEP = 3;

/** The prompt as the model gets to read it, and what was done to it; undefined when nothing was asked for. */
interface EditedPrompt {
  body: RequestBody;
  applied: AppliedEdit[];
}

/** One tool result that may be cleared. */
interface Result {
  id: string;
  gain: number;
}

/** Applies `context_management`. Throws a 400 for an edit it does not know and for a missing beta. */
export function editContext(body: RequestBody, betas: readonly string[]): EditedPrompt | undefined {
  if (!body.context_management) return undefined;
  if (!betas.includes(BETA)) throw badRequest('context_management: Extra inputs are not permitted');
  const [edit, ...more] = body.context_management.edits ?? [];
  if (edit === undefined) return { body, applied: [] };
  if (edit.type !== 'clear_tool_uses_20250919' || more.length > 0) {
    throw badRequest('context_management.edits: simulated Claude knows one clear_tool_uses_20250919');
  }
  const cleared = clearedResults(body, edit);
  if (cleared.length === 0) return { body, applied: [] };
  const tokens = cleared.reduce((sum, { gain }) => sum + gain, 0);
  const applied = [{ type: edit.type, cleared_tool_uses: cleared.length, cleared_input_tokens: tokens }];
  return { body: without(body, new Set(cleared.map(({ id }) => id))), applied };
}

/**
 * Plays the conversation from its start, so that what one call cleared stays cleared in the next: else each turn would move the
 * border, and no cached prefix would outlive it.
 */
function clearedResults(body: RequestBody, edit: Edit): Result[] {
  const { trigger = DEFAULT_TRIGGER, keep, exclude_tools: excluded, clear_at_least: least } = edit;
  const names = new Map<string, string>();
  const results: Result[] = [];
  let cleared = 0;
  let tokens = tokensOf(JSON.stringify([body.tools, body.system]));
  for (const message of body.messages) {
    for (const block of blocksOf(message)) {
      tokens += tokensOf(JSON.stringify(block));
      if (block.type === 'tool_use') names.set(block.id, block.name);
      if (block.type !== 'tool_result' || excluded?.includes(names.get(block.tool_use_id) ?? '')) continue;
      const gain = tokensOf(JSON.stringify(block.content ?? '')) - PLACEHOLDER_TOKENS;
      results.push({ id: block.tool_use_id, gain: Math.max(0, gain) });
    }
    if (message.role !== 'user' || (trigger.type === 'tool_uses' ? results.length : tokens) <= trigger.value) continue;
    const until = Math.max(cleared, results.length - (keep?.value ?? DEFAULT_KEEP));
    const gain = results.slice(cleared, until).reduce((sum, result) => sum + result.gain, 0);
    if (gain < (least?.value ?? 1)) continue;
    cleared = until;
    tokens -= gain;
  }
  return results.slice(0, cleared);
}

function without(body: RequestBody, ids: ReadonlySet<string>): RequestBody {
  const messages = body.messages.map((message) => {
    if (message.role !== 'user') return message;
    const content = blocksOf(message).map((block) =>
      block.type === 'tool_result' && ids.has(block.tool_use_id) ? { ...block, content: PLACEHOLDER } : block,
    );
    return { ...message, content };
  });
  return { ...body, messages };
}
