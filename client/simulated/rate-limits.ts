import { Problem } from './problem.ts';

/** Per minute; left out: no limit. */
export interface RateLimits {
  rpm?: number;
  /** Input tokens that were not read from the cache. */
  itpm?: number;
  otpm?: number;
}

const MINUTE_MS = 60_000;
/** Shown where nothing limits. */
const PLENTY = 1_000_000;

/** A bucket that holds one minute's worth and refills steadily. May go below zero: output is known only afterwards. */
class Bucket {
  readonly limit: number | undefined;
  #level: number;
  #atMs: number;

  constructor(limit: number | undefined, nowMs: number) {
    this.limit = limit;
    this.#level = limit ?? PLENTY;
    this.#atMs = nowMs;
  }

  level(nowMs: number): number {
    if (this.limit === undefined) return PLENTY;
    this.#level = Math.min(this.limit, this.#level + ((nowMs - this.#atMs) * this.limit) / MINUTE_MS);
    this.#atMs = nowMs;
    return this.#level;
  }

  take(amount: number, nowMs: number): void {
    if (this.limit !== undefined) this.#level = this.level(nowMs) - amount;
  }

  /** Until there is `amount` again. */
  waitMs(amount: number, nowMs: number): number {
    const missing = amount - this.level(nowMs);
    return this.limit === undefined || missing <= 0 ? 0 : (missing * MINUTE_MS) / this.limit;
  }

  /** What the `anthropic-ratelimit-<name>-*` headers say. */
  writeHeaders(name: string, nowMs: number, headers: Record<string, string>): void {
    const limit = this.limit ?? PLENTY;
    const prefix = `anthropic-ratelimit-${name}`;
    headers[`${prefix}-limit`] = String(limit);
    headers[`${prefix}-remaining`] = String(Math.max(0, Math.floor(this.level(nowMs))));
    const missing = limit - this.level(nowMs);
    headers[`${prefix}-reset`] = rfc3339(nowMs + (missing * MINUTE_MS) / limit);
  }
}

/** Token buckets of one organisation. */
export class RateLimiter {
  readonly #requests: Bucket;
  readonly #input: Bucket;
  readonly #output: Bucket;

  constructor({ rpm, itpm, otpm }: RateLimits, nowMs: number) {
    this.#requests = new Bucket(rpm, nowMs);
    this.#input = new Bucket(itpm, nowMs);
    this.#output = new Bucket(otpm, nowMs);
  }

  /** Takes one request off the buckets. Throws a 429 with `retry-after` when one is empty; then nothing was taken. */
  admit(nowMs: number): void {
    const waitMs = Math.max(...[this.#requests, this.#input, this.#output].map((bucket) => bucket.waitMs(1, nowMs)));
    if (waitMs > 0) {
      const headers = { ...this.headers(nowMs), 'retry-after': String(Math.ceil(waitMs / 1000)) };
      throw new Problem(429, 'rate_limit_error', 'This request would exceed your rate limit.', { headers });
    }
    this.#requests.take(1, nowMs);
  }

  spend(tokens: { input: number; output: number }, nowMs: number): void {
    this.#input.take(tokens.input, nowMs);
    this.#output.take(tokens.output, nowMs);
  }

  headers(nowMs: number): Record<string, string> {
    const headers: Record<string, string> = {};
    this.#requests.writeHeaders('requests', nowMs, headers);
    this.#input.writeHeaders('input-tokens', nowMs, headers);
    this.#output.writeHeaders('output-tokens', nowMs, headers);
    return headers;
  }
}

function rfc3339(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString().replace('.000', '');
}
