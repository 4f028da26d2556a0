import type { Draws } from './draws.ts';

/**
 * What one target may cost (or take), as a few others did. Amounts per target are heavy-tailed, and few of them say
 * little about the rare dear ones, so three doubts are kept apart and drawn anew for each scenario:
 *
 * - The logarithm is normal; its spread is as in other fleets (`PRIOR`) until enough scouts say otherwise.
 * - Or the scouts are typical as they stand: a Bayesian bootstrap over them, the more often the more there are.
 * - And there may be a kind of dear targets that none of the scouts was of: those scenarios are `wary`.
 *
 * The constants were chosen so that the interval holds for many true distributions, and no wider (test/bench/forecast.ts).
 */
const PRIOR = { weight: 4, spread: 0.8 };
/** Beyond it the mean of a log-normal is a matter of targets that no fleet has. */
const MOST_SPREAD = 1.6;
/** So many scouts and the bootstrap has half of the scenarios. */
const EVEN_AT = 20;
/**
 * Before anything was seen: how likely there is a kind of dear targets, their share (as if of `few` and `many` seen
 * before), and how many times the mean of the others one costs. The more scouts are none of them, the less likely.
 */
const UNSEEN = { chance: 0.6, few: 1, many: 5, times: 6, spread: 0.6 };

export interface Moments {
  mean: number;
  variance: number;
}

/** One scenario: a distribution of the amounts of targets to come. */
export interface Scenario {
  plain: Moments;
  wary: Moments;
  /** The amount of one target, and what it is if there is an unseen kind. */
  draw(): { plain: number; wary: number };
}

/** Of amounts that were seen: each at least 0, one of them above. */
export class TargetModel {
  private readonly seen: readonly number[];
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
    // That a target is none of that kind, one after the other, each time a little more likely.
    const { chance, few, many } = UNSEEN;
    const missed = amounts.reduce((product, _, i) => product * ((many + i) / (few + many + i)), chance);
    this.unseen = missed / (missed + 1 - chance);
  }

  scenario(draws: Draws): Scenario {
    const { seen, centre, squares, nothing } = this;
    const count = seen.length + nothing;
    const freedom = PRIOR.weight + seen.length - 1;
    const scale = PRIOR.weight * PRIOR.spread ** 2 + squares;
    const variance = Math.min(scale / (2 * draws.gamma(freedom / 2)), MOST_SPREAD ** 2);
    const spread = Math.sqrt(variance);
    const location = centre + (spread / Math.sqrt(seen.length)) * draws.normal();
    const bootstrap = draws.uniform() < seen.length / (seen.length + EVEN_AT) ? weigh(seen, draws) : undefined;
    const some = bootstrap ? mixed(seen, bootstrap, logNormal(location, variance)) : logNormal(location, variance);
    const isFree = nothing === 0 ? 0 : draws.share(nothing, seen.length);
    const plain = diluted(some, isFree, 0);
    const isUnseen = draws.uniform() < this.unseen ? draws.share(UNSEEN.few, UNSEEN.many + count) : 0;
    const dear = isUnseen === 0 ? 0 : plain.mean * UNSEEN.times * Math.exp(UNSEEN.spread * draws.normal());
    const one = (): number => {
      if (isFree > 0 && draws.uniform() < isFree) return 0;
      return (bootstrap && pick(seen, bootstrap, draws)) ?? Math.exp(location + spread * draws.normal());
    };
    return {
      plain,
      wary: diluted(plain, isUnseen, dear),
      draw: () => {
        const amount = one();
        return { plain: amount, wary: isUnseen > 0 && draws.uniform() < isUnseen ? dear : amount };
      },
    };
  }
}

function logNormal(location: number, variance: number): Moments {
  const mean = Math.exp(location + variance / 2);
  return { mean, variance: Math.expm1(variance) * mean * mean };
}

/** Rising shares of the scouts; what is left to 1 is for what none of them was like. */
function weigh(seen: readonly number[], draws: Draws): number[] {
  const weights = seen.map(() => draws.exponential());
  const all = weights.reduce((sum, weight) => sum + weight, 0) + draws.exponential();
  let sum = 0;
  return weights.map((weight) => (sum += weight / all));
}

function pick(seen: readonly number[], rising: readonly number[], draws: Draws): number | undefined {
  const at = draws.uniform();
  for (let i = 0; i < rising.length; i++) if (at < rising[i]!) return seen[i];
  return undefined;
}

function mixed(seen: readonly number[], rising: readonly number[], rest: Moments): Moments {
  const left = 1 - rising.at(-1)!;
  let mean = left * rest.mean;
  let square = left * (rest.variance + rest.mean ** 2);
  rising.forEach((share, i) => {
    const weight = share - (rising[i - 1] ?? 0);
    mean += weight * seen[i]!;
    square += weight * seen[i]! ** 2;
  });
  return { mean, variance: Math.max(0, square - mean * mean) };
}

/** As before, but a share of the targets has one fixed amount. */
function diluted({ mean, variance }: Moments, share: number, amount: number): Moments {
  if (share === 0) return { mean, variance };
  const both = (1 - share) * mean + share * amount;
  const square = (1 - share) * (variance + mean * mean) + share * amount * amount;
  return { mean: both, variance: Math.max(0, square - both * both) };
}
