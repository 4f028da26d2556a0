import { MICRO_USD } from '../contract/limits.ts';

/** Largest amount taken: beyond it micro-dollars would leave exact integers of the rooms that sum them. */
const MAX_USD = 1_000_000;

/** How an amount is written, for messages. */
export const MONEY_HINT = 'an amount of US dollars above 0 such as 2.50, at most 1,000,000';

/** Whole micro-dollars of `2.5`, `"2.50"` or `"$2.50"`, rounded down; undefined when it is no amount above 0. */
export function parseMicroUsd(value: unknown): number | undefined {
  const usd =
    typeof value === 'string' && /^\$?\d+(\.\d+)?$/.test(value.trim()) ? Number(value.replace('$', '')) : value;
  if (typeof usd !== 'number' || !Number.isFinite(usd) || usd <= 0 || usd > MAX_USD) return undefined;
  // 0.29 * 1e6 is 290000.00000000003 and 1.1 * 1e6 is 1100000.0000000002: rounding, not flooring, of the binary noise.
  const micro = Math.floor(Number((usd * MICRO_USD).toFixed(3)));
  return micro > 0 ? micro : undefined;
}
