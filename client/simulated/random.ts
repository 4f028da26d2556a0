import { hash } from 'node:crypto';

/** Repeatable chance: the same seed gives the same numbers on every machine. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Whole, both bounds included. */
  int(min: number, max: number): number;
  /** Throws on an empty list. */
  pick<Item>(items: readonly Item[]): Item;
  /** Log-normal with this arithmetic mean; `sigma` is the deviation of its logarithm. */
  logNormal(mean: number, sigma: number): number;
}

/** mulberry32 over the seed's hash: 32 bits of state are plenty for make-believe. */
export function seededRandom(seed: string): Random {
  let state = Number.parseInt(hash('sha1', seed, 'hex').slice(0, 8), 16);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    int: (min, max) => min + Math.floor(next() * (max - min + 1)),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error('nothing to pick from');
      return item;
    },
    logNormal: (mean, sigma) => {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return mean * Math.exp(sigma * normal - (sigma * sigma) / 2);
    },
  };
}
