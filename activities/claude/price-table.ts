/**
 * What each model costs and takes: the figures of the project's own reference on Anthropic's API and pricing pages as of
 * November 2026. It names all prices, the window and output of the 5 line and of Haiku 4.5, and the thinking of Opus 5.5 and
 * Fable. Cache minimums and compaction are those of Anthropic's pages on both, as of October 2026. All else (efforts, what
 * the rest of the 4 line takes) is a guess on the cautious side. Most prices agree with costs Claude
 * Code 2.1.330 computed from chosen usage; from documents alone: Mythos, Fable 5, Opus 4.7, 4.6 and 4.5, Sonnet 4.5, and
 * Haiku 5.5 beyond 100,000 tokens except for input.
 * Web search, batches (−50 %) and Opus 5.5's fast mode are not used by muster and stand nowhere here.
 */

export type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max';
export type Thinking = 'adaptive' | 'disabled';

/** US dollars per million tokens, which is micro-dollars per token. */
export interface Rates {
  input: number;
  output: number;
  write5m: number;
  write1h: number;
  cacheRead: number;
}

/** Rates that hold from a day on (UTC, inclusive), for prompts (input + cache reads + writes) up to a length. */
export interface PricedSpan extends Rates {
  from?: string;
  upToTokens?: number;
}

export interface ModelFacts {
  contextTokens: number;
  maxOutputTokens: number;
  /** Values of `output_config.effort` it takes; empty: it refuses the field. */
  efforts: readonly Effort[];
  /** Values of `thinking` it takes; what is missing here is never sent. */
  thinking: readonly Thinking[];
  /** Shortest prefix the prompt cache keeps. */
  minCacheTokens: number;
  /** Whether the API summarises conversations with it on demand. */
  compacts: boolean;
}

export interface PricedModel extends ModelFacts {
  spans: readonly PricedSpan[];
}

const rates = (input: number, output: number, write5m: number, write1h: number, cacheRead: number): Rates => ({
  input,
  output,
  write5m,
  write1h,
  cacheRead,
});

const ALL_EFFORTS: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max'];

/** The 5 line: 1M context, 128k output. */
const FIVE: ModelFacts = {
  contextTokens: 1_000_000,
  maxOutputTokens: 128_000,
  efforts: ALL_EFFORTS,
  thinking: ['adaptive', 'disabled'],
  minCacheTokens: 512,
  compacts: true,
};
const ALWAYS_THINKS: ModelFacts = { ...FIVE, thinking: ['adaptive'] };

/** The 4 line: the window and output of Haiku 4.5, a cautious guess for the others. */
const FOUR: ModelFacts = {
  contextTokens: 200_000,
  maxOutputTokens: 64_000,
  efforts: ['low', 'medium', 'high'],
  thinking: ['adaptive', 'disabled'],
  minCacheTokens: 4_096,
  compacts: true,
};
/** 4.5 thinks only with a fixed budget, which muster does not offer. */
const FOUR_FIVE: ModelFacts = { ...FOUR, efforts: [], thinking: ['disabled'], compacts: false };

const FABLE_5_2 = [rates(8, 40, 10, 16, 0.2)];
const FABLE_5_1 = [rates(10, 50, 12.5, 20, 0.25)];
const FABLE_5 = [rates(10, 50, 12.5, 20, 1)];
const OPUS = [rates(5, 25, 6.25, 10, 0.5)];
const SONNET_4 = [rates(3, 15, 3.75, 6, 0.3)];
const HAIKU_4_5 = { ...FOUR_FIVE, spans: [rates(1, 5, 1.25, 2, 0.1)] };
const OPUS_4_5 = { ...FOUR_FIVE, efforts: FOUR.efforts, spans: OPUS };
const SONNET_4_5 = { ...FOUR_FIVE, minCacheTokens: 1_024, spans: SONNET_4 };

export const PRICE_TABLE: Readonly<Record<string, PricedModel>> = {
  'claude-fable-5-2': { ...ALWAYS_THINKS, spans: FABLE_5_2 },
  'claude-mythos-5-2': { ...ALWAYS_THINKS, spans: FABLE_5_2 },
  'claude-fable-5-1': { ...ALWAYS_THINKS, spans: FABLE_5_1 },
  'claude-fable-5': { ...ALWAYS_THINKS, spans: FABLE_5 },
  'claude-opus-5-5': { ...ALWAYS_THINKS, spans: [rates(4, 20, 5, 8, 0.2)] },
  'claude-opus-5': { ...FIVE, spans: OPUS },
  'claude-opus-4-8': { ...FOUR, efforts: ALL_EFFORTS, minCacheTokens: 1_024, spans: OPUS },
  'claude-opus-4-7': { ...FOUR, efforts: ALL_EFFORTS, minCacheTokens: 2_048, spans: OPUS },
  'claude-opus-4-6': { ...FOUR, spans: OPUS },
  'claude-opus-4-5': OPUS_4_5,
  'claude-opus-4-5-20251101': OPUS_4_5,
  'claude-sonnet-5-5': {
    ...FIVE,
    spans: [rates(2, 10, 2.5, 4, 0.2), { from: '2026-10-07', ...rates(2, 10, 2.5, 4, 0.1) }],
  },
  'claude-sonnet-5': { ...FIVE, minCacheTokens: 1_024, spans: [rates(2, 10, 2.5, 4, 0.2)] },
  'claude-sonnet-4-6': { ...FOUR, minCacheTokens: 1_024, spans: SONNET_4 },
  'claude-sonnet-4-5': SONNET_4_5,
  'claude-sonnet-4-5-20250929': SONNET_4_5,
  'claude-haiku-5-5': {
    ...FIVE,
    // The whole request moves to the higher tier when its prompt is longer.
    spans: [{ upToTokens: 100_000, ...rates(0.1, 0.5, 0.125, 0.2, 0.01) }, rates(0.5, 2.5, 0.625, 1, 0.05)],
  },
  'claude-haiku-4-5': HAIKU_4_5,
  'claude-haiku-4-5-20251001': HAIKU_4_5,
};
