import type { JournalEntry } from '../../client/simulated/journal.ts';

export interface CacheFigures {
  launched: number;
  /** Tokens at the start of every first call that all of them have in common. */
  shareableTokens: number;
  /** Of what all first calls together could share, what was read from the cache. The first to come can read nothing. */
  readShare: number;
  /** Prompt tokens of all calls, and what they cost against the price without a cache. */
  promptTokens: number;
  billedMicroUsd: number;
}

/** What the provider's own journal says of a launch whose first calls begin alike. `shareableTokens` as the provider counts. */
export function cacheFigures(journal: readonly JournalEntry[], shareableTokens: number): CacheFigures {
  const answered = journal.filter(({ outcome }) => outcome === 'answered');
  const first = answered.filter(({ turn }) => turn === 1);
  const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);
  const read = sum(first.map(({ usage }) => Math.min(usage.cache_read_input_tokens, shareableTokens)));
  return {
    launched: first.length,
    shareableTokens,
    readShare: read / (first.length * shareableTokens),
    promptTokens: sum(
      answered.map(
        ({ usage }) => usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens,
      ),
    ),
    billedMicroUsd: sum(journal.map(({ billedMicroUsd }) => billedMicroUsd)),
  };
}
