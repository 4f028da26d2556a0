/** The budgets a provider keeps, by the names of its headers. `tokens` is the sum of both kinds, of older endpoints. */
export const BUDGET_NAMES = ['requests', 'input-tokens', 'output-tokens', 'tokens'] as const;
export type BudgetName = (typeof BUDGET_NAMES)[number];

/** What one answer says of one budget. */
export interface RateReport {
  /** Per minute. */
  limit: number;
  /** Left now; below zero where the reset tells that more was taken than there was. */
  remaining: number;
  /** What would be left if nobody took anything for long: the limit, or less where the provider counts by the second. */
  capacity: number;
}

/** A reset is rounded up to whole seconds, and the date it is measured from rounded down. */
const ROUNDING_MS = 2_000;

/** Reads `anthropic-ratelimit-<name>-{limit,remaining,reset}`; undefined where limit or remaining is missing or makes no sense. */
export function readRateReport(headers: Headers, name: BudgetName, nowMs: number): RateReport | undefined {
  const read = (what: string): string => headers.get(`anthropic-ratelimit-${name}-${what}`) ?? '';
  const limit = wholeNumber(read('limit'));
  const remaining = wholeNumber(read('remaining'));
  if (limit === undefined || remaining === undefined || limit === 0) return undefined;
  const fullInMs = untilFullMs(read('reset'), headers, nowMs);
  if (fullInMs === undefined) return { limit, remaining: Math.min(remaining, limit), capacity: limit };
  const capacity = Math.min(limit, remaining + (fullInMs * limit) / 60_000);
  // An empty bucket may be in debt, which `remaining` does not show; how long it takes to fill does.
  const debt = remaining > 0 ? 0 : ((fullInMs - ROUNDING_MS) * limit) / 60_000 - limit;
  return { limit, remaining: Math.min(remaining, limit) - Math.min(limit, Math.max(0, debt)), capacity };
}

/** The reset is when the bucket will be full. By the provider's own clock: ours may be off by more than that takes. */
function untilFullMs(reset: string, headers: Headers, nowMs: number): number | undefined {
  const resetMs = Date.parse(reset);
  const providerMs = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(resetMs)) return undefined;
  return Math.max(0, resetMs - (Number.isNaN(providerMs) ? nowMs : providerMs));
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
