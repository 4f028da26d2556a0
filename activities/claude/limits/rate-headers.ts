/** The budgets a provider keeps, by the names of its headers. `tokens` is the sum of both kinds, of older endpoints. */
export const BUDGET_NAMES = ['requests', 'input-tokens', 'output-tokens', 'tokens'] as const;
export type BudgetName = (typeof BUDGET_NAMES)[number];

/** What one answer says of one budget. */
export interface RateReport {
  /** Per minute. */
  limit: number;
  /** Left now; below zero where the reset tells that more was taken than there was. */
  remaining: number;
}

/** A reset is rounded up to whole seconds, and so is the date it is measured from. */
const ROUNDING_MS = 2_000;

/** Reads `anthropic-ratelimit-<name>-{limit,remaining,reset}`; undefined where they are missing or make no sense. */
export function readRateReport(headers: Headers, name: BudgetName, nowMs: number): RateReport | undefined {
  const read = (what: string): string => headers.get(`anthropic-ratelimit-${name}-${what}`) ?? '';
  const limit = wholeNumber(read('limit'));
  const remaining = wholeNumber(read('remaining'));
  if (limit === undefined || remaining === undefined || limit === 0) return undefined;
  if (remaining > 0) return { limit, remaining: Math.min(remaining, limit) };
  return { limit, remaining: Math.max(-limit, Math.min(0, limit - missing(limit, read('reset'), headers, nowMs))) };
}

/**
 * An empty bucket may be in debt, which `remaining` does not show; its reset does, being the moment it will be full. Measured
 * against the provider's own clock, since ours may be off by more than a bucket takes to fill.
 */
function missing(limit: number, reset: string, headers: Headers, nowMs: number): number {
  const resetMs = Date.parse(reset);
  if (Number.isNaN(resetMs)) return limit;
  const providerMs = Date.parse(headers.get('date') ?? '');
  const untilFullMs = resetMs - (Number.isNaN(providerMs) ? nowMs : providerMs) - ROUNDING_MS;
  return (untilFullMs * limit) / 60_000;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
