import type { Usage } from '../../../workflows/contract/task.schema.ts';

/** What a call takes of the limits. */
export interface Taken {
  /** Prompt tokens that are not read from the cache. */
  input: number;
  output: number;
}

/** What a call is expected to take, and the most it may. */
export interface Demand extends Taken {
  maxTokens: number;
}

/** Before the first answer: about what a turn with a tool call or two makes. */
const FIRST_OUTPUT = 800;
const KEPT_FLEETS = 1_000;
/** Answers an average looks back on. */
const MEMORY = 50;
/** So many answers count for more than what was expected before. The first to end are the shortest, so not too few. */
const PRIOR = 20;

/** A mean that forgets: exact over the first answers, then over about the last fifty. */
class Mean {
  #value = 0;
  #count = 0;

  add(value: number): void {
    this.#count = Math.min(this.#count + 1, MEMORY);
    this.#value += (value - this.#value) / this.#count;
  }

  /** Those seen, with `otherwise` for as many as are missing to `PRIOR`. */
  or(otherwise: number): number {
    const missing = Math.max(0, PRIOR - this.#count);
    return (this.#value * this.#count + otherwise * missing) / (this.#count + missing);
  }
}

class Habits {
  readonly output = new Mean();
  /** Share of a prompt that counts, that is: was not read from the cache. */
  readonly countedShare = new Mean();
}

/** Learns what calls really take, by fleet and over all: `max_tokens` is far above it, and of a cached prompt little counts. */
export class DemandLearner {
  readonly #all = new Habits();
  readonly #fleets = new Map<string, Habits>();

  expect(fleetId: string, inputTokens: number, maxTokens: number): Demand {
    const fleet = this.#fleets.get(fleetId);
    const output = this.#all.output.or(FIRST_OUTPUT);
    const share = this.#all.countedShare.or(1);
    return {
      input: Math.ceil(inputTokens * (fleet?.countedShare.or(share) ?? share)),
      maxTokens,
      output: Math.min(maxTokens, Math.ceil(fleet?.output.or(output) ?? output)),
    };
  }

  learn(fleetId: string, inputTokens: number, usage: Usage): void {
    for (const habits of [this.#all, this.#fleet(fleetId)]) {
      habits.output.add(usage.output_tokens);
      if (inputTokens > 0) habits.countedShare.add(countedInput(usage) / inputTokens);
    }
  }

  #fleet(fleetId: string): Habits {
    const habits = this.#fleets.get(fleetId) ?? new Habits();
    // Kept in order of use: the first is the one unused longest.
    this.#fleets.delete(fleetId);
    this.#fleets.set(fleetId, habits);
    const [oldest] = this.#fleets.keys();
    if (this.#fleets.size > KEPT_FLEETS && oldest !== undefined) this.#fleets.delete(oldest);
    return habits;
  }
}

/** What counts towards the input limit: cache reads do not. */
export function countedInput(usage: Usage): number {
  return usage.input_tokens + usage.cache_creation_input_tokens;
}
