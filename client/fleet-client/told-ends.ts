/** Ends that a watcher was told, as ranges of indexes: of a fleet under way a few, however many subagents it has. */
export class ToldEnds {
  /** Bounds of ranges in ascending order: from, to (exclusive), from, to, … */
  readonly #bounds: number[];
  /** Where the newest told end is not that of generation 1. */
  readonly #generations: Map<number, number>;

  constructor(bounds: readonly number[] = [], generations: readonly [index: number, generation: number][] = []) {
    this.#bounds = [...bounds];
    this.#generations = new Map(generations);
  }

  get bounds(): readonly number[] {
    return this.#bounds;
  }
  get generations(): [index: number, generation: number][] {
    return [...this.#generations];
  }

  has(index: number, generation: number): boolean {
    return this.#position(index) % 2 === 1 && (this.#generations.get(index) ?? 1) >= generation;
  }

  /** A later generation of the same index takes the place of the earlier one. */
  add(index: number, generation: number): void {
    if (generation > 1) this.#generations.set(index, generation);
    const at = this.#position(index);
    if (at % 2 === 1) return;
    const touchesBefore = this.#bounds[at - 1] === index;
    const touchesAfter = this.#bounds[at] === index + 1;
    if (touchesBefore && touchesAfter) this.#bounds.splice(at - 1, 2);
    else if (touchesBefore) this.#bounds[at - 1] = index + 1;
    else if (touchesAfter) this.#bounds[at] = index;
    else this.#bounds.splice(at, 0, index, index + 1);
  }

  /** As if it had not been told. */
  remove(index: number): void {
    this.#generations.delete(index);
    const at = this.#position(index);
    if (at % 2 === 0) return;
    const [from, to] = [this.#bounds[at - 1]!, this.#bounds[at]!];
    const left = [...(from < index ? [from, index] : []), ...(index + 1 < to ? [index + 1, to] : [])];
    this.#bounds.splice(at - 1, 2, ...left);
  }

  /** How many bounds are at or below an index: odd inside a range. */
  #position(index: number): number {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bounds[middle]! <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
