import type { RateReport } from './rate-headers.ts';

const MINUTE_MS = 60_000;
/** The level at which one worker alone takes exactly the refill. */
const REST_LEVEL = 0.6;
/** More than the refill may be taken from a full bucket, but not by much: others may begin any moment. */
const TOP_SHARE = 1.1;
/** Part of the refill others are taken to leave at least: without it, nobody would ever ask an empty bucket again. */
const LEAST_LEFT = 0.25;
/** Nothing is asked of a bucket that is all but empty: others are asking too. */
const LEAST_LEVEL = 0.03;
/** A worker that was kept from its turn makes up for so much of its pace. */
const BURST_MS = 500;

/**
 * A bucket that holds less than this part of a minute is up and down too fast to steer by ("60 a minute" may be kept as one
 * a second): the limit itself and refusals must do.
 */
const SHALLOW = 0.25;

/** Where in the provider's count an answer belongs; see `Budget.mark`. */
export interface Mark {
  atMs: number;
  charged: number;
}

/**
 * One of the provider's token buckets, shared with workers we never hear of. Its level, which every answer tells, is all that
 * is needed to share it: each worker takes per minute (level / 0.6)³ of the limit. All see the same level, so all take the
 * same; where together they take less than the refill it rises, where more it falls, and it rests at 0.6 / ∛workers, neither
 * full (refill is lost) nor empty (calls are refused). What others leave, the rest takes.
 */
export class Budget {
  /** Per minute; undefined until an answer has told it. */
  #limit: number | undefined;
  #level = 0;
  #levelAtMs = 0;
  #levelMark = 0;
  /** All the provider has charged us for in this budget, as far as we know. */
  #charged = 0;
  /** What may be taken now. Below zero: not yet. */
  #credit = 0;
  #creditAtMs = 0;
  #share = 0;
  #isShallow = false;

  get limit(): number | undefined {
    return this.#limit;
  }

  /** To be taken when a call is sent, and given with the headers of its answer. */
  mark(nowMs: number): Mark {
    return { atMs: nowMs, charged: this.#charged };
  }

  /** Answers overtake one another: those older than what is known are passed over. */
  report({ limit, remaining, capacity }: RateReport, mark: Mark): void {
    if (mark.atMs < this.#levelAtMs) return;
    if (this.#limit === undefined) this.#creditAtMs = mark.atMs;
    this.#limit = limit;
    this.#isShallow = capacity < SHALLOW * limit;
    this.#level = remaining;
    this.#levelAtMs = mark.atMs;
    this.#levelMark = mark.charged;
  }

  /** What is left of the limit, as a fraction of it; 1 where that is not known. Below zero: in debt. */
  level(nowMs: number): number {
    if (this.#limit === undefined || this.#isShallow) return 1;
    // What others take is not seen until the next answer; they are taken to leave our share of the refill, or a quarter of it.
    const left = Math.max(this.#share, LEAST_LEFT);
    const refill = (left * this.#limit * Math.max(0, nowMs - this.#levelAtMs)) / MINUTE_MS;
    return Math.min(1, (this.#level + refill - (this.#charged - this.#levelMark)) / this.#limit);
  }

  /** Grants what has come since the last call. `most`: largest share allowed. `ahead`: part of the level that is as good as gone. */
  advance(nowMs: number, most: number, ahead = 0): void {
    if (this.#limit === undefined) return;
    const seen = Math.max(0, this.level(nowMs));
    const level = seen - Math.min(ahead, seen / 2);
    this.#share = Math.min(most, this.#isShallow ? 1 : TOP_SHARE, (level / REST_LEVEL) ** 3);
    this.#grant(this.#perMs * Math.max(0, nowMs - this.#creditAtMs));
    this.#creditAtMs = nowMs;
  }

  /**
   * Until a call that needs this much left may go; 0: now, Infinity: not by the passing of time alone. `isPatient`: it has waited
   * long enough for others to leave that much; let the provider decide.
   */
  waitMs(needed: number, nowMs: number, isPatient: boolean): number {
    if (this.#limit === undefined) return 0;
    const least = isPatient ? 0 : Math.min(needed, this.#limit);
    const missing = Math.max(least, LEAST_LEVEL * this.#limit) - this.level(nowMs) * this.#limit;
    return Math.max(0, -this.#credit, missing) / this.#perMs || 0;
  }

  take(amount: number): void {
    if (this.#limit !== undefined) this.#credit -= Math.min(amount, this.#limit);
  }

  /** Up to what may be saved. */
  giveBack(amount: number): void {
    this.#grant(amount);
  }

  /** The provider has counted this; negative: it gave back. */
  charge(amount: number): void {
    this.#charged += amount;
  }

  #grant(amount: number): void {
    this.#credit = Math.min(this.#credit + amount, Math.max(this.#credit, this.#perMs * BURST_MS));
  }

  get #perMs(): number {
    return (this.#share * (this.#limit ?? 0)) / MINUTE_MS;
  }

  /** What was saved up is gone: after a pause, so that not all come at once. */
  forfeit(nowMs: number): void {
    this.#credit = Math.min(0, this.#credit);
    this.#creditAtMs = nowMs;
  }
}
