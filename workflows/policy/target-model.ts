import type { Draws } from './draws.ts';
import { diluted, logNormal, weighted, type Moments } from './moments.ts';

/**
 * What one target may cost (or take), as a few others did. Amounts per target are heavy-tailed, and few of them say
 * little about the rare dear ones, so three doubts are kept apart and drawn anew for each scenario:
 *
 * - The logarithm is normal; its spread is as in other fleets (`PRIOR`) until enough scouts say otherwise.
 * - Or the scouts are typical as they stand: a Bayesian bootstrap over them.
 * - And there may be a kind of dear targets that none of the scouts was of.
 *
 * The constants were chosen so that the interval holds for many true distributions, and no wider
 * (test/bench/forecast-bench.ts).
 */
const PRIOR = { weight: 5, spread: 0.8 };
/** Beyond it the mean of a log-normal is a matter of targets that no fleet has. */
const MOST_SPREAD = 1.6;
/**
 * Before anything was seen: how likely there is a kind of dear targets, their share (as if of `few` and `many` seen
 * before), and how many times the mean of the others one costs. The more scouts are none of them, the less likely.
 */
const UNSEEN = { chance: 0.6, few: 1, many: 8, times: 7, spread: 0.5 };

/** One way in which amounts may be distributed: their moments, and one of them. */
export interface Distribution extends Moments {
  draw(): number;
}

/** One scenario. */
export interface Scenario {
  /** As the scouts have it, and nothing else. */
  seen: Distribution;
  /** Log-normal. */
  smooth: Distribution;
  /** As the scouts have it, but for a few that none of them was like. */
  mixed: Distribution;
  /** The given one with the dear kind, or itself where there is none in this scenario. */
  wary(of: Distribution): Distribution;
}

/** Of amounts that were seen: each at least 0, one of them above. */
export class TargetModel {
  /** Those above 0. */
  readonly seen: readonly number[];
  private readonly nothing: number;
  private readonly centre: number;
  private readonly squares: number;
  private readonly unseen: number;

  constructor(amounts: readonly number[]) {
    this.seen = amounts.filter((amount) => amount > 0);
    this.nothing = amounts.length - this.seen.length;
    const logs = this.seen.map(Math.log);
    this.centre = logs.reduce((sum, log) => sum + log, 0) / logs.length;
    this.squares = logs.reduce((sum, log) => sum + (log - this.centre) ** 2, 0);
    // That a target is none of the dear kind, one after the other, each time a little more likely.
    const { chance, few, many } = UNSEEN;
    const missed = amounts.reduce((product, _, i) => product * ((many + i) / (few + many + i)), chance);
    this.unseen = missed / (missed + 1 - chance);
  }

  scenario(draws: Draws): Scenario {
    const { seen, nothing } = this;
    const free = nothing === 0 ? 0 : draws.share(nothing, seen.length);
    const orNothing = (of: Distribution): Distribution => orElse(of, free, 0, draws);
    const smooth = this.smooth(draws);
    const rising = rise([...seen.map(() => draws.exponential()), draws.exponential()]);
    const pick = (all: number): number | undefined => {
      const at = draws.uniform() * all;
      for (let i = 0; i < seen.length; i++) if (at < rising[i]!) return seen[i];
      return undefined;
    };
    const known = rising[seen.length - 1]!;
    const { few, many, times, spread } = UNSEEN;
    const share = draws.uniform() < this.unseen ? draws.share(few, many + seen.length + nothing) : 0;
    const factor = times * Math.exp(spread * draws.normal());
    return {
      seen: orNothing({ ...weighted(seen, rising, known), draw: () => pick(known) ?? seen.at(-1)! }),
      smooth: orNothing(smooth),
      mixed: orNothing({ ...weighted(seen, rising, 1, smooth), draw: () => pick(1) ?? smooth.draw() }),
      wary: (of) => orElse(of, share, of.mean * factor, draws),
    };
  }

  private smooth(draws: Draws): Distribution {
    const { seen, centre, squares } = this;
    const freedom = PRIOR.weight + seen.length - 1;
    const scale = PRIOR.weight * PRIOR.spread ** 2 + squares;
    const variance = Math.min(scale / (2 * draws.gamma(freedom / 2)), MOST_SPREAD ** 2);
    const spread = Math.sqrt(variance);
    const location = centre + (spread / Math.sqrt(seen.length)) * draws.normal();
    return { ...logNormal(location, variance), draw: () => Math.exp(location + spread * draws.normal()) };
  }
}

/** As `of`, but a share of all has one fixed amount. */
function orElse(of: Distribution, share: number, amount: number, draws: Draws): Distribution {
  if (share === 0) return of;
  return { ...diluted(of, share, amount), draw: () => (draws.uniform() < share ? amount : of.draw()) };
}

/** Sums so far, the last of them 1. */
function rise(weights: readonly number[]): number[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.map((weight) => (sum += weight / all));
}
