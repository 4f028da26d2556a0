import type { RateReport } from './rate-headers.ts';

/** Weight of one more observation. */
const WEIGHT = 0.05;
/** Observations before a judgement. */
const ENOUGH = 10;
/** Slopes at which the judgement turns: 1 if `max_tokens` is held in full, 0 if it is not. */
const HELD_FROM = 0.6;
const FREE_BELOW = 0.4;

/** The sums as they stood when a call was sent. */
export interface HoldMark {
  atMs: number;
  made: number;
  asked: number;
}

/**
 * Whether the provider takes the whole of `max_tokens` off the output budget when a call begins, and gives back later what
 * was not made. Its documents do not say; `remaining` does: then it falls by the `max_tokens` of each call that begins, and
 * rises again when it ends. So this regresses what the level fell, beyond what calls made, on what would have been held.
 */
export class OutputHold {
  /** Output of all calls that have ended. */
  #made = 0;
  /** `max_tokens` of all calls in flight. */
  #asked = 0;
  #last: { report: RateReport; mark: HoldMark } | undefined;
  #isHeld = false;
  #count = 0;
  #meanFall = 0;
  #meanGrowth = 0;
  #covariance = 0;
  #variance = 0;

  get isHeld(): boolean {
    return this.#isHeld;
  }

  begin(maxTokens: number): void {
    this.#asked += maxTokens;
  }

  end(maxTokens: number, output: number): void {
    this.#asked -= maxTokens;
    this.#made += output;
  }

  mark(nowMs: number): HoldMark {
    return { atMs: nowMs, made: this.#made, asked: this.#asked };
  }

  /** What an answer says of the output budget, whose call was sent at `mark`. */
  report(report: RateReport, mark: HoldMark): void {
    const last = this.#last;
    if (last !== undefined && mark.atMs < last.mark.atMs) return;
    this.#last = { report, mark };
    // An empty budget does not show how far below nothing it is.
    if (last === undefined || last.report.limit !== report.limit || last.report.remaining <= 0 || report.remaining <= 0)
      return;
    const refill = ((mark.atMs - last.mark.atMs) * report.limit) / 60_000;
    const expected = Math.min(report.limit, last.report.remaining + refill) - (mark.made - last.mark.made);
    this.#learn(expected - report.remaining, mark.asked - last.mark.asked);
  }

  #learn(fall: number, growth: number): void {
    this.#count += 1;
    const weight = Math.max(WEIGHT, 1 / this.#count);
    const fallOff = fall - this.#meanFall;
    const growthOff = growth - this.#meanGrowth;
    this.#meanFall += weight * fallOff;
    this.#meanGrowth += weight * growthOff;
    this.#covariance += weight * (fallOff * (growth - this.#meanGrowth) - this.#covariance);
    this.#variance += weight * (growthOff * (growth - this.#meanGrowth) - this.#variance);
    if (this.#count < ENOUGH || this.#variance === 0) return;
    const slope = this.#covariance / this.#variance;
    this.#isHeld = slope > (this.#isHeld ? FREE_BELOW : HELD_FROM);
  }
}
