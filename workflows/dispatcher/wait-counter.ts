import type { Wait } from '../contract/units.ts';

/** One wait of a parent: counts ends, so that nobody has to look through thousands at each of them. */
export class WaitCounter {
  private readonly ranges: readonly (readonly [from: number, count: number])[];
  /** So many have yet to end; 0 or less: it is met. */
  missing: number;

  /** `hasEnded` tells of the ones that have ended before. More than there are to wait for is all of them. */
  constructor({ need, of }: Wait, hasEnded: (index: number) => boolean) {
    this.ranges = [...of].sort(([a], [b]) => a - b);
    let all = 0;
    let ended = 0;
    for (const [from, count] of this.ranges) {
      all += count;
      for (let index = from; index < from + count; index++) if (hasEnded(index)) ended++;
    }
    this.missing = Math.min(need, all) - ended;
  }

  get isMet(): boolean {
    return this.missing <= 0;
  }
  ended(index: number): void {
    if (this.includes(index)) this.missing--;
  }
  reopened(index: number): void {
    if (this.includes(index)) this.missing++;
  }

  private includes(index: number): boolean {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [from, count] = this.ranges[middle]!;
      if (index < from) high = middle;
      else if (index >= from + count) low = middle + 1;
      else return true;
    }
    return false;
  }
}
