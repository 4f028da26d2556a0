/** Time as the limits see it; virtual in tests. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Acts once, so many milliseconds from now, unless the returned function is called before. */
  after(ms: number, act: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};
