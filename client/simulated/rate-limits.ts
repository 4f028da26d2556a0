import { Problem } from './problem.ts';

/** Of each model group on its own. Per minute; left out: no limit. */
export interface RateLimits {
  rpm?: number;
  /** Input tokens that were not read from the cache. */
  itpm?: number;
  otpm?: number;
  /** What a bucket holds, in seconds of its refill (60); at 1, "60 a minute" is enforced as one a second. */
  burstSeconds?: number;
  /** Takes `max_tokens` off the output bucket when a call begins and gives back what was not made. */
  reservesMaxTokens?: boolean;
  /** Growth limit: so many requests a second are always free, more only up to twice the mean of the ten seconds before. */
  rampFreePerSecond?: number;
}

/** What a request asks of the buckets; `inputTokens` without cache reads. */
export interface Demand {
  model: string;
  inputTokens: number;
  maxTokens: number;
}

/** One admitted request. Settling a second time does nothing. */
export interface Ticket {
  settle(outputTokens: number, nowMs: number): void;
}

const MINUTE_MS = 60_000;
const RAMP_MESSAGE = 'Your usage grows faster than your ramp limit.';

/** Refills steadily up to what it holds. May go below zero: output is known only afterwards. */
class Bucket {
  readonly #limit: number;
  readonly #capacity: number;
  #level: number;
  #atMs: number;

  constructor(limit: number, burstSeconds: number, nowMs: number) {
    this.#limit = limit;
    this.#capacity = Math.max(1, (limit * burstSeconds) / 60);
    this.#level = this.#capacity;
    this.#atMs = nowMs;
  }

  level(nowMs: number): number {
    const refill = (Math.max(0, nowMs - this.#atMs) * this.#limit) / MINUTE_MS;
    this.#level = Math.min(this.#capacity, this.#level + refill);
    this.#atMs = nowMs;
    return this.#level;
  }

  /** A negative amount gives back. */
  take(amount: number, nowMs: number): void {
    this.#level = Math.min(this.#capacity, this.level(nowMs) - amount);
  }

  /** Until there is `amount`, or all it can hold, again. */
  waitMs(amount: number, nowMs: number): number {
    const missing = Math.min(amount, this.#capacity) - this.level(nowMs);
    return missing <= 0 ? 0 : (missing * MINUTE_MS) / this.#limit;
  }

  /** What the `anthropic-ratelimit-<name>-*` headers say. */
  headers(name: string, nowMs: number): Record<string, string> {
    const prefix = `anthropic-ratelimit-${name}`;
    const missing = this.#capacity - this.level(nowMs);
    return {
      [`${prefix}-limit`]: String(this.#limit),
      [`${prefix}-remaining`]: String(Math.max(0, Math.floor(this.level(nowMs)))),
      [`${prefix}-reset`]: rfc3339(nowMs + (missing * MINUTE_MS) / this.#limit),
    };
  }
}

/** How fast the use of one group may grow. Counts admitted requests by the second. */
class Ramp {
  readonly #freePerSecond: number;
  readonly #counts = new Array<number>(11).fill(0);
  #second = 0;

  constructor(freePerSecond: number) {
    this.#freePerSecond = freePerSecond;
  }

  /** Whether one more may go in this second. */
  hasRoom(nowMs: number): boolean {
    this.#turn(nowMs);
    const before = this.#counts.slice(1).reduce((sum, count) => sum + count, 0);
    return (this.#counts[0] ?? 0) < Math.max(this.#freePerSecond, before / 5);
  }

  take(nowMs: number): void {
    this.#turn(nowMs);
    this.#counts[0] = (this.#counts[0] ?? 0) + 1;
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    for (let turns = Math.min(second - this.#second, this.#counts.length); turns > 0; turns -= 1) {
      this.#counts.pop();
      this.#counts.unshift(0);
    }
    this.#second = second;
  }
}

interface Group {
  requests?: Bucket;
  input?: Bucket;
  output?: Bucket;
  ramp?: Ramp;
}

/** Token buckets of one organisation, a set for each model group. */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #groups = new Map<string, Group>();

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** From now on; what was in the buckets is forgotten, and they are full. */
  change(limits: RateLimits): void {
    Object.assign(this.#limits, limits);
    this.#groups.clear();
  }

  /**
   * Takes one request and its input off the buckets. Throws a 429 with `retry-after` when there is not enough; then nothing
   * was taken.
   */
  admit(demand: Demand, nowMs: number): Ticket {
    const { requests, input, output, ramp } = this.#group(demand.model, nowMs);
    const held = this.#limits.reservesMaxTokens ? demand.maxTokens : 0;
    const waitMs = Math.max(
      requests?.waitMs(1, nowMs) ?? 0,
      input?.waitMs(Math.max(1, demand.inputTokens), nowMs) ?? 0,
      output?.waitMs(Math.max(1, held), nowMs) ?? 0,
    );
    if (waitMs > 0) throw this.#refusal('This request would exceed your rate limit.', waitMs, demand.model, nowMs);
    if (ramp?.hasRoom(nowMs) === false)
      throw this.#refusal(RAMP_MESSAGE, 1_000, demand.model, nowMs, 'ramp_limit_exceeded');
    ramp?.take(nowMs);
    requests?.take(1, nowMs);
    input?.take(demand.inputTokens, nowMs);
    output?.take(held, nowMs);
    let isSettled = false;
    return {
      settle: (outputTokens, endMs) => {
        if (!isSettled) output?.take(outputTokens - held, endMs);
        isSettled = true;
      },
    };
  }

  /** Those of the model's group; none where nothing limits. */
  headers(model: string, nowMs: number): Record<string, string> {
    const { requests, input, output } = this.#group(model, nowMs);
    return {
      ...requests?.headers('requests', nowMs),
      ...input?.headers('input-tokens', nowMs),
      ...output?.headers('output-tokens', nowMs),
    };
  }

  #refusal(message: string, waitMs: number, model: string, nowMs: number, code?: string): Problem {
    const headers = { ...this.headers(model, nowMs), 'retry-after': String(Math.ceil(waitMs / 1000)) };
    return new Problem(429, 'rate_limit_error', message, { code, headers });
  }

  #group(model: string, nowMs: number): Group {
    const name = groupOf(model);
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const { rpm, itpm, otpm, burstSeconds = 60, rampFreePerSecond } = this.#limits;
    const group: Group = {
      ...(rpm === undefined ? {} : { requests: new Bucket(rpm, burstSeconds, nowMs) }),
      ...(itpm === undefined ? {} : { input: new Bucket(itpm, burstSeconds, nowMs) }),
      ...(otpm === undefined ? {} : { output: new Bucket(otpm, burstSeconds, nowMs) }),
      ...(rampFreePerSecond === undefined ? {} : { ramp: new Ramp(rampFreePerSecond) }),
    };
    this.#groups.set(name, group);
    return group;
  }
}

/** Models of one line and major version share their limits, as do Fable and Mythos. */
function groupOf(model: string): string {
  return model.replace('mythos', 'fable').split('-').slice(0, 3).join('-');
}

function rfc3339(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString().replace('.000', '');
}
