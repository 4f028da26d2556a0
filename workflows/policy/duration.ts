const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longest duration taken: a Temporal timer holds it and a mistyped unit does not pass. */
const MAX_DURATION_MS = 30 * 86_400_000;

/** How a duration is written, for messages. */
export const DURATION_HINT = 'a number of milliseconds or a text such as "90s", "10m", "1h30m", at most 30 days';

/** Milliseconds of `600000`, `"10m"`, `"1h30m"`; undefined when it is none, zero, negative or over 30 days. */
export function parseDuration(value: unknown): number | undefined {
  let ms: number | undefined;
  if (typeof value === 'number') ms = value;
  else if (typeof value === 'string' && /^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(value.trim())) {
    ms = 0;
    for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
      ms += Number(amount) * UNIT_MS[unit!]!;
    ms = Math.round(ms);
  }
  return ms !== undefined && Number.isInteger(ms) && ms > 0 && ms <= MAX_DURATION_MS ? ms : undefined;
}
