import { distance } from 'fastest-levenshtein';
import type { Usage } from '../../workflows/contract/task.schema.ts';
import { readPriceFile } from './price-file.ts';
import { PRICE_TABLE, type ModelFacts, type PricedModel, type Rates } from './price-table.ts';

export type { Effort, ModelFacts, Thinking } from './price-table.ts';

/** Usage as billed. Without `cache_creation` every cache write counts as the dearer one-hour kind. */
export type BilledUsage = Usage & {
  cache_creation?: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number } | null;
};

/** The model stands neither in the price table nor in a price file: nobody knows what it costs. */
export class UnknownModel extends Error {
  override name = 'UnknownModel';

  constructor(model: string) {
    const nearest = nearestModel(model);
    super(`unknown model "${model}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`);
  }
}

const models = new Map<string, PricedModel>(Object.entries(PRICE_TABLE));

/**
 * Adds models to the table, or replaces them, for this process: the parsed JSON of a price file
 * (`{"models": {"<id>": {"rates": [...], ...facts}}}`, see `price-file.ts`). Throws one error that names every fault, and then
 * nothing has changed. Safe to call twice.
 */
export function loadPrices(json: unknown): void {
  for (const [id, model] of readPriceFile(json, (known) => models.get(known))) models.set(id, model);
}

export function findModel(model: string): boolean {
  return models.has(model);
}

export function knownModels(): string[] {
  return [...models.keys()];
}

/** The known id most like `model`, for "did you mean"; undefined when none comes near (half of it would have to change). */
export function nearestModel(model: string): string | undefined {
  const near = knownModels()
    .map((id) => ({ id, steps: Math.min(distance(model, id), distance(`claude-${model}`, id)) }))
    .sort((a, b) => a.steps - b.steps)[0];
  return near !== undefined && near.steps <= model.length / 2 ? near.id : undefined;
}

/** What the model takes and holds. Throws `UnknownModel`. */
export function modelFacts(model: string): ModelFacts {
  return priced(model);
}

/** Price of one answered call at the prices of that day, in micro-dollars, rounded up. Throws `UnknownModel`. */
export function costMicroUsd(model: string, usage: BilledUsage, atMs: number = Date.now()): number {
  const { input_tokens: input, cache_creation_input_tokens: written, cache_read_input_tokens: read } = usage;
  const rate = ratesAt(model, input + written + read, atMs);
  const fiveMinutes = Math.min(usage.cache_creation?.ephemeral_5m_input_tokens ?? 0, written);
  return roundUp(
    input * nano(rate.input) +
      usage.output_tokens * nano(rate.output) +
      fiveMinutes * nano(rate.write5m) +
      (written - fiveMinutes) * nano(rate.write1h) +
      read * nano(rate.cacheRead),
  );
}

/** The most a call may cost whose prompt has at most `inputTokens`: no cache hit, all of it written. Throws `UnknownModel`. */
export function worstCaseMicroUsd(
  model: string,
  inputTokens: number,
  maxTokens: number,
  atMs: number = Date.now(),
): number {
  const rate = ratesAt(model, inputTokens, atMs);
  return roundUp(inputTokens * dearestInput(rate) + maxTokens * nano(rate.output));
}

/** The largest `max_tokens` whose worst case fits `microUsd`; 0 when the prompt alone does not. Throws `UnknownModel`. */
export function maxTokensWithin(
  model: string,
  inputTokens: number,
  microUsd: number,
  atMs: number = Date.now(),
): number {
  const rate = ratesAt(model, inputTokens, atMs);
  const left = Math.floor(microUsd) * NANO_PER_MICRO - inputTokens * dearestInput(rate);
  if (left <= 0) return 0;
  const { maxOutputTokens } = priced(model);
  return rate.output === 0 ? maxOutputTokens : Math.min(maxOutputTokens, Math.floor(left / nano(rate.output)));
}

const NANO_PER_MICRO = 1_000;

/** Integers, so that sums are exact: the finest price in use is 0.005 micro-dollars a token. */
function nano(microUsd: number): number {
  return Math.ceil(Number((microUsd * NANO_PER_MICRO).toFixed(6)));
}

function roundUp(nanoUsd: number): number {
  return Math.ceil(nanoUsd / NANO_PER_MICRO);
}

function dearestInput(rate: Rates): number {
  return nano(Math.max(rate.input, rate.write5m, rate.write1h));
}

function priced(model: string): PricedModel {
  const found = models.get(model);
  if (found === undefined) throw new UnknownModel(model);
  return found;
}

/** Of the spans in force on that day the newest, of these the first that is long enough for the prompt. */
function ratesAt(model: string, promptTokens: number, atMs: number): Rates {
  const { spans } = priced(model);
  const started = (from: string | undefined) => (from === undefined ? -Infinity : Date.parse(from));
  const inForce = spans.filter((span) => started(span.from) <= atMs);
  const newest = Math.max(...inForce.map((span) => started(span.from)));
  const tiers = inForce
    .filter((span) => started(span.from) === newest)
    .sort((a, b) => (a.upToTokens ?? Infinity) - (b.upToTokens ?? Infinity));
  const fitting = tiers.find((span) => promptTokens <= (span.upToTokens ?? Infinity)) ?? tiers.at(-1);
  if (fitting === undefined) throw new UnknownModel(model);
  return fitting;
}
