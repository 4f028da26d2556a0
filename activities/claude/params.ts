import type Anthropic from '@anthropic-ai/sdk';
import type { ClaudeCall } from './claude.ts';
import { modelFacts } from './prices.ts';

/**
 * The body of one call. The prefix (tools, then system) is byte-identical for a fleet and a model and carries a marker that
 * keeps it an hour; the top-level marker moves with the conversation. Sampling parameters are never sent: they are a 400.
 * Throws `UnknownModel`.
 */
export function messageParams(call: ClaudeCall): Anthropic.MessageStreamParams {
  const { model, maxTokens, messages, effort, thinking } = call;
  const facts = modelFacts(model);
  return {
    model,
    max_tokens: maxTokens,
    ...markedPrefix(call),
    messages: [...messages],
    cache_control: { type: 'ephemeral' },
    ...(effort !== undefined && facts.efforts.includes(effort) ? { output_config: { effort } } : {}),
    ...(thinking !== undefined && facts.thinking.includes(thinking) ? { thinking: { type: thinking } } : {}),
  };
}

const PREFIX_MARKER = { type: 'ephemeral', ttl: '1h' } as const;

/** Marks the end of the stable prefix: the system text, or the last tool when there is none. */
function markedPrefix({ system, tools }: ClaudeCall): Pick<Anthropic.MessageStreamParams, 'system' | 'tools'> {
  if (system !== '') {
    const marked = [{ type: 'text' as const, text: system, cache_control: PREFIX_MARKER }];
    return tools.length === 0 ? { system: marked } : { tools: [...tools], system: marked };
  }
  const last = tools.at(-1);
  return last === undefined ? {} : { tools: [...tools.slice(0, -1), { ...last, cache_control: PREFIX_MARKER }] };
}
