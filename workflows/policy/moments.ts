/** Of one amount. */
export interface Moments {
  mean: number;
  variance: number;
}

/** `location` and `variance` of the logarithm. */
export function logNormal(location: number, variance: number): Moments {
  const mean = Math.exp(location + variance / 2);
  return { mean, variance: Math.expm1(variance) * mean * mean };
}

/**
 * Of amounts with weights, given as rising sums that together come to `all`. What the last of them leaves is for `rest`.
 */
export function weighted(amounts: readonly number[], rising: readonly number[], all: number, rest?: Moments): Moments {
  let mean = 0;
  let square = 0;
  amounts.forEach((amount, i) => {
    const weight = (rising[i]! - (rising[i - 1] ?? 0)) / all;
    mean += weight * amount;
    square += weight * amount * amount;
  });
  if (rest) {
    const weight = (all - rising[amounts.length - 1]!) / all;
    mean += weight * rest.mean;
    square += weight * (rest.variance + rest.mean ** 2);
  }
  return { mean, variance: Math.max(0, square - mean * mean) };
}

/** As before, but a share of all has one fixed amount. */
export function diluted({ mean, variance }: Moments, share: number, amount: number): Moments {
  const both = (1 - share) * mean + share * amount;
  const square = (1 - share) * (variance + mean * mean) + share * amount * amount;
  return { mean: both, variance: Math.max(0, square - both * both) };
}
