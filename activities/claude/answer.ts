import type Anthropic from '@anthropic-ai/sdk';
import type { ClaudeAnswer, ContentBlock } from './claude.ts';
import { costMicroUsd, type BilledUsage } from './prices.ts';

/** The counts of one iteration, or of a message but for its compactions. */
interface Billed {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number | null;
  cache_read_input_tokens: number | null;
  cache_creation: Anthropic.Beta.BetaCacheCreation | null;
}

/** A whole message as the loop wants it. Throws when it has no stop reason. */
export function answerOf(model: string, message: Anthropic.Beta.BetaMessage, requestId: string | null): ClaudeAnswer {
  if (message.stop_reason === null) throw new Error('the message has no stop reason');
  const { cache_creation, ...usage } = billedUsage(message.usage);
  const cleared = (message.context_management?.applied_edits ?? []).reduce(
    (sum, edit) => sum + edit.cleared_input_tokens,
    0,
  );
  return {
    // The types of the beta know more kinds of blocks; none of those comes unasked, but for the one `compact` asks for.
    content: message.content as ContentBlock[],
    stopReason: message.stop_reason,
    usage,
    costMicroUsd: costMicroUsd(model, { ...usage, cache_creation: cache_creation ?? null }),
    requestId,
    ...(cleared > 0 ? { clearedTokens: cleared } : {}),
  };
}

/** Of a compaction the API's sums know nothing: it stands in the iterations alone. */
function billedUsage(usage: Anthropic.Beta.BetaUsage): BilledUsage {
  const compactions = (usage.iterations ?? []).filter(({ type }) => type === 'compaction');
  const parts: Billed[] = [usage, ...compactions];
  const sum = (of: (part: Billed) => number | null | undefined): number =>
    parts.reduce((total, part) => total + (of(part) ?? 0), 0);
  return {
    input_tokens: sum((part) => part.input_tokens),
    output_tokens: sum((part) => part.output_tokens),
    cache_creation_input_tokens: sum((part) => part.cache_creation_input_tokens),
    cache_read_input_tokens: sum((part) => part.cache_read_input_tokens),
    cache_creation: {
      ephemeral_5m_input_tokens: sum((part) => part.cache_creation?.ephemeral_5m_input_tokens),
      ephemeral_1h_input_tokens: sum((part) => part.cache_creation?.ephemeral_1h_input_tokens),
    },
  };
}
