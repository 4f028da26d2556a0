/** Share of a limit a worker begins with. */
const FIRST_SHARE = 1 / 16;
/** No refusal cuts below this: the waits that refusals ask for do the rest. */
const LEAST_SHARE = 1 / 64;
/** After a refusal, of what was used when it came. */
const CUT = 0.7;
/** Below this level the refill is in full use: what is missing to a worker's equal part is found by steps. */
const FULL_LEVEL = 0.95;
/** Steps, as parts of the limit: of one that was never refused, and of one that was and knows about where. */
const STEP = 0.05;
const FINE_STEP = 0.01;
const USE_MEMORY_MS = 5_000;
const FADING_MS = 30_000;
const MOST_CAUTION = 32;

export interface Growth {
  /** Somebody waits. */
  isWanted: boolean;
  /** Of the scarcest budget. */
  level: number;
  /** While nothing speaks against it, the share doubles in this time. */
  doublingMs: number;
  /** Else it grows by one step in this time. */
  stepMs: number;
}

/**
 * How much of the limits this worker dares to take at most. Begins small and doubles while it is wanted (the provider limits
 * growth, too); a refusal cuts it, and then it grows slowly; unused, it fades.
 */
export class Throttle {
  #share = FIRST_SHARE;
  #used = 0;
  #atMs: number;
  readonly #bornAtMs: number;
  /** From here on growth is by fine steps: a refusal came not far above. */
  #freeBelow = 1;
  /** Doubled each time the provider says that we grow too fast. */
  #caution = 1;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
    this.#bornAtMs = nowMs;
  }

  /** At most this part of each limit; 1: it holds nothing back. */
  get share(): number {
    return this.#share;
  }

  /** A call takes this part of the limit it weighs most in. */
  use(part: number): void {
    this.#used += (part * 60_000) / USE_MEMORY_MS;
  }

  /** Time has passed under these conditions. */
  advance(nowMs: number, growth: Growth): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    if (growth.isWanted) this.#share = Math.min(1, this.#grown(passedMs / this.#caution, growth));
    else this.#fade(passedMs);
    this.#used *= Math.exp(-passedMs / USE_MEMORY_MS);
  }

  /** A refusal. `isGrowth`: for growing too fast. */
  cut(isGrowth: boolean): void {
    this.#share = Math.max(LEAST_SHARE, Math.min(this.#share, this.#usedPart) * CUT);
    if (isGrowth) this.#caution = Math.min(MOST_CAUTION, 2 * this.#caution);
    else this.#freeBelow = this.#share;
  }

  /** Of the limit, of late. The memory of a young worker is not full yet. */
  get #usedPart(): number {
    return this.#used / (1 - Math.exp(-Math.max(100, this.#atMs - this.#bornAtMs) / USE_MEMORY_MS));
  }

  #grown(passedMs: number, { level, doublingMs, stepMs }: Growth): number {
    if (this.#share >= this.#freeBelow)
      return this.#share + (Math.min(FINE_STEP, this.#share / 10) * passedMs) / stepMs;
    if (level < FULL_LEVEL) return this.#share + (Math.min(STEP, this.#share) * passedMs) / stepMs;
    return this.#share * 2 ** (passedMs / doublingMs);
  }

  #fade(passedMs: number): void {
    const faded = Math.max(4 * this.#used, this.#share * 2 ** (-passedMs / FADING_MS), FIRST_SHARE);
    if (faded >= this.#share) return;
    this.#share = faded;
    if (faded === FIRST_SHARE) this.#freeBelow = 1;
  }
}
