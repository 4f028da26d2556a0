/** What stands for every value beyond the most that a label may have. */
export const OTHER = 'other';

/**
 * Keeps a label to a few values, whatever it is told: the first `most` that come are themselves, all others are
 * `other`. A metric with a label that anybody may invent values for would fill the memory of whoever collects it.
 */
export class BoundedLabel {
  readonly #seen = new Set<string>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  of(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= this.#most) return OTHER;
    this.#seen.add(value);
    return value;
  }
}
