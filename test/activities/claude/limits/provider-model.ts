/** Per minute. */
export interface Limits {
  requests?: number;
  input?: number;
  output?: number;
}

export interface ModelCall {
  inputTokens: number;
  outputTokens: number;
  maxTokens: number;
}

export type Kind = keyof Limits;
const HEADER: Readonly<Record<Kind, string>> = { requests: 'requests', input: 'input-tokens', output: 'output-tokens' };
const KINDS = Object.keys(HEADER) as Kind[];

interface ModelOptions {
  limits: Limits;
  now: () => number;
  /** What a bucket holds, in seconds of refill. */
  burstSeconds?: number;
  reservesMaxTokens?: boolean;
}

/**
 * The provider's token buckets, written a second time and differently from the simulated API: levels are computed from sums
 * since the last time the bucket was full.
 */
export class ProviderModel {
  readonly taken: Record<Kind, number> = { requests: 0, input: 0, output: 0 };
  calls = 0;
  refusals = 0;
  readonly #options: ModelOptions;
  #limits: Limits;
  readonly #missing = new Map<Kind, number>();
  #atMs: number;

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#limits = options.limits;
    this.#atMs = options.now();
  }

  setLimits(limits: Limits): void {
    this.#refill();
    this.#limits = limits;
  }

  /** Undefined: refused. */
  begin(call: ModelCall): { headers: Headers; end: () => void } | { retryAfterS: number; headers: Headers } {
    this.#refill();
    this.calls += 1;
    const held = this.#options.reservesMaxTokens ? call.maxTokens : 0;
    const asked: Record<Kind, number> = { requests: 1, input: call.inputTokens, output: Math.max(1, held) };
    const waits = KINDS.map((kind) => this.#waitS(kind, asked[kind])).filter((wait) => wait > 0);
    if (waits.length > 0) {
      this.refusals += 1;
      return { retryAfterS: Math.ceil(Math.max(...waits)), headers: this.#headers() };
    }
    this.#take('requests', 1);
    this.#take('input', call.inputTokens);
    this.#take('output', held);
    return {
      headers: this.#headers(),
      end: () => {
        this.#refill();
        this.#take('output', call.outputTokens - held);
      },
    };
  }

  #capacity(kind: Kind): number {
    return ((this.#limits[kind] ?? Infinity) * (this.#options.burstSeconds ?? 60)) / 60;
  }

  #waitS(kind: Kind, amount: number): number {
    const limit = this.#limits[kind];
    if (limit === undefined) return 0;
    const level = this.#capacity(kind) - (this.#missing.get(kind) ?? 0);
    return ((Math.min(amount, this.#capacity(kind)) - level) * 60) / limit;
  }

  #take(kind: Kind, amount: number): void {
    this.taken[kind] += amount;
    this.#missing.set(kind, Math.max(0, (this.#missing.get(kind) ?? 0) + amount));
  }

  #refill(): void {
    const nowMs = this.#options.now();
    for (const kind of KINDS) {
      const came = ((nowMs - this.#atMs) * (this.#limits[kind] ?? 0)) / 60_000;
      this.#missing.set(kind, Math.max(0, (this.#missing.get(kind) ?? 0) - came));
    }
    this.#atMs = nowMs;
  }

  level(kind: Kind): number {
    this.#refill();
    return (this.#capacity(kind) - (this.#missing.get(kind) ?? 0)) / (this.#limits[kind] ?? Infinity);
  }

  #headers(): Headers {
    const headers = new Headers({ date: new Date(this.#options.now()).toUTCString() });
    for (const kind of KINDS) {
      const limit = this.#limits[kind];
      if (limit === undefined) continue;
      const missing = this.#missing.get(kind) ?? 0;
      const fullMs = this.#options.now() + (missing * 60_000) / limit;
      headers.set(`anthropic-ratelimit-${HEADER[kind]}-limit`, `${limit}`);
      headers.set(
        `anthropic-ratelimit-${HEADER[kind]}-remaining`,
        `${Math.max(0, Math.floor(this.#capacity(kind) - missing))}`,
      );
      headers.set(
        `anthropic-ratelimit-${HEADER[kind]}-reset`,
        new Date(Math.ceil(fullMs / 1_000) * 1_000).toISOString(),
      );
    }
    return headers;
  }
}
