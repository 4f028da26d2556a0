/** Share of a limit a worker begins with. */
const FIRST_SHARE = 1 / 16;
const LEAST_SHARE = 1 / 4096;
/** After a refusal, of what was used when it came. */
const CUT = 0.7;
/** Below this level the budgets are in use up to their refill: what is missing to the own part of it is found by small steps. */
const FULL_LEVEL = 0.95;
/** A small step, of the limit, in the time a call takes. */
const STEP = 0.05;
const USE_MEMORY_MS = 2_000;
const FADING_MS = 30_000;
const LONGEST_DOUBLING_MS = 60_000;

/**
 * How much of the limits this worker dares to take at most. Begins small and doubles for as long as it is used (the provider
 * also limits growth); a refusal cuts it, and then it grows slowly; unused, it fades.
 */
export class Throttle {
  #share = FIRST_SHARE;
  #used = 0;
  #atMs: number;
  /** From here on growth is by steps: a refusal came not far above. */
  #freeBelow = 1;
  /** Doubled each time the provider says that we grow too fast. */
  #caution = 1;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** At most this part of each limit. 1: all of it. */
  get share(): number {
    return this.#share;
  }

  /** A call takes this part of the minute's limit it weighs most in. */
  use(part: number): void {
    this.#used += part * (60_000 / USE_MEMORY_MS);
  }

  /** `level`: of the scarcest budget. `doublingMs`: how fast growth may be, before refusals taught caution. */
  advance(nowMs: number, level: number, doublingMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    if (passedMs === 0) return;
    this.#atMs = nowMs;
    const growthMs = Math.min(LONGEST_DOUBLING_MS, doublingMs * this.#caution);
    if (this.#used >= this.#share / 2) this.#grow(passedMs / growthMs, level);
    else this.#fade(passedMs);
    this.#used *= Math.exp(-passedMs / USE_MEMORY_MS);
  }

  /** A refusal. `isGrowth`: for growing too fast. */
  cut(isGrowth: boolean): void {
    this.#share = Math.max(LEAST_SHARE, Math.min(this.#share, this.#used) * CUT);
    if (isGrowth) this.#caution *= 2;
    else this.#freeBelow = this.#share;
  }

  #grow(doublings: number, level: number): void {
    const isFree = level >= FULL_LEVEL && this.#share < this.#freeBelow;
    const grown = isFree ? this.#share * 2 ** doublings : this.#share + Math.min(STEP, this.#share) * doublings;
    this.#share = Math.min(1, grown);
  }

  #fade(passedMs: number): void {
    const faded = Math.max(4 * this.#used, this.#share * 2 ** (-passedMs / FADING_MS), FIRST_SHARE);
    if (faded >= this.#share) return;
    this.#share = faded;
    if (faded === FIRST_SHARE) this.#freeBelow = 1;
  }
}
