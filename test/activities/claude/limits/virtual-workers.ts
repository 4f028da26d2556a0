import { ClaudeTrouble } from '../../../../activities/claude/claude.ts';
import type { ProviderLimits } from '../../../../activities/claude/limits/limits.ts';
import { createProviderLimits } from '../../../../activities/claude/limits/provider-limits.ts';
import { seededRandom, type Random } from '../../../../client/simulated/random.ts';
import { ProviderModel, type Kind, type Limits } from './provider-model.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface Shape {
  limits: Required<Limits>;
  /** Subagents of each fleet, in each worker. */
  fleets: readonly number[];
  /** Means; drawn log-normally. */
  inputTokens: number;
  outputTokens: number;
  durationMs: number;
  maxTokens?: number;
  /** Share of the prompt read from the cache. */
  cached?: number;
  burstSeconds?: number;
  reservesMaxTokens?: boolean;
}

const SIGMA = 0.6;

/** What was taken between two moments. */
export interface Measured {
  /** Part of what the limits would have allowed in that time, of the scarcest of them. */
  use: number;
  byFleet: number[];
  byWorker: number[];
}

/** Workers with fleets of subagents that call without end, on one make-believe provider, in virtual time. */
export class VirtualWorkers {
  readonly clock = new VirtualClock();
  readonly provider: ProviderModel;
  readonly #shape: Shape;
  readonly #seed: string;
  #limits: Required<Limits>;
  #byFleet = new Map<string, number>();
  #byWorker = new Map<string, number>();
  readonly #stops = new Map<string, AbortController>();

  constructor(shape: Shape, seed: string) {
    this.#shape = shape;
    this.#seed = seed;
    this.#limits = shape.limits;
    const { limits, burstSeconds = 60, reservesMaxTokens = false } = shape;
    this.provider = new ProviderModel({ limits, burstSeconds, reservesMaxTokens, now: () => this.clock.now() });
  }

  join(worker: string): void {
    const stop = new AbortController();
    this.#stops.set(worker, stop);
    const random = seededRandom(`${this.#seed}/${worker}`);
    const limits = createProviderLimits({ clock: this.clock, random: () => random.next() });
    this.#shape.fleets.forEach((agents, fleet) => {
      for (let agent = 0; agent < agents; agent += 1) {
        void this.#live(
          limits,
          worker,
          `fleet-${fleet}`,
          seededRandom(`${this.#seed}/${worker}/${fleet}/${agent}`),
          stop.signal,
        );
      }
    });
  }

  leave(worker: string): void {
    this.#stops.get(worker)?.abort(new Error('the worker is gone'));
    this.#stops.delete(worker);
  }

  async pass(ms: number): Promise<void> {
    await this.clock.pass(ms);
  }

  setLimits(limits: Required<Limits>): void {
    this.#limits = limits;
    this.provider.setLimits(limits);
  }

  /** Of all calls so far. */
  get refusedShare(): number {
    return this.provider.refusals / this.provider.calls;
  }

  /** Lets time pass and says what was taken in it. */
  async measure(ms: number): Promise<Measured> {
    this.#byFleet = new Map();
    this.#byWorker = new Map();
    const before = { ...this.provider.taken };
    await this.clock.pass(ms);
    const { taken } = this.provider;
    const uses = (Object.keys(taken) as Kind[]).map(
      (kind) => ((taken[kind] - before[kind]) * 60_000) / (this.#limits[kind] * ms),
    );
    return {
      use: Math.max(...uses),
      byFleet: [...this.#byFleet.values()],
      byWorker: [...this.#byWorker.values()],
    };
  }

  async #live(
    limits: ProviderLimits,
    worker: string,
    fleetId: string,
    random: Random,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#call(limits, worker, fleetId, random, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ClaudeTrouble) || error.verdict.act !== 'retry') throw error;
        await this.clock.sleep(error.verdict.afterMs ?? 1_000);
      }
    }
  }

  async #call(
    limits: ProviderLimits,
    worker: string,
    fleetId: string,
    random: Random,
    signal: AbortSignal,
  ): Promise<void> {
    const { inputTokens: meanInput, outputTokens: meanOutput, cached = 0, maxTokens = 8_000, durationMs } = this.#shape;
    const inputTokens = Math.ceil(random.logNormal(meanInput, SIGMA));
    const outputTokens = Math.min(maxTokens, Math.ceil(random.logNormal(meanOutput, SIGMA)));
    const counted = Math.ceil(inputTokens * (1 - cached));
    const reservation = await limits.admit({ model: 'claude-opus-5-5', fleetId, inputTokens, maxTokens, signal });
    await this.clock.sleep(random.int(5, 50));
    const begun = this.provider.begin({ inputTokens: counted, outputTokens, maxTokens });
    const lastsMs = (durationMs * outputTokens) / meanOutput;
    if ('retryAfterS' in begun) {
      await this.clock.sleep(random.int(5, 50));
      reservation.observe(429, begun.headers);
      const verdict = { act: 'retry', isRefusal: true, afterMs: begun.retryAfterS * 1_000 } as const;
      const trouble = new ClaudeTrouble('429', { verdict, mayBeBilled: false });
      reservation.refused(trouble);
      throw trouble;
    }
    await this.clock.sleep(Math.min(2_000, 0.4 * lastsMs));
    reservation.observe(200, begun.headers);
    await this.clock.sleep(Math.max(0.6 * lastsMs, lastsMs - 2_000));
    begun.end();
    const weight = counted + 5 * outputTokens;
    this.#byFleet.set(fleetId, (this.#byFleet.get(fleetId) ?? 0) + weight);
    this.#byWorker.set(worker, (this.#byWorker.get(worker) ?? 0) + weight);
    reservation.settle({
      input_tokens: counted,
      output_tokens: outputTokens,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: inputTokens - counted,
    });
  }
}

/** Jain's index: 1 where all got the same, 1/n where one got all. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  return sum ** 2 / (shares.length * shares.reduce((a, b) => a + b ** 2, 0));
}
