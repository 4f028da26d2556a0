/** How many prefixes are remembered; the ones longest out of use go first. */
const REMEMBERED = 20_000;

/** Which leading data blocks more than one conversation has begun with, of late. Only those are worth waiting for. */
export class SharedContexts {
  /** By prefix: the conversation it was first seen in, or null once there was another. In order of last use. */
  readonly #seen = new Map<string, string | null>();

  note(conversation: string, keys: readonly string[]): void {
    for (const key of keys) {
      const first = this.#seen.get(key);
      this.#seen.delete(key);
      this.#seen.set(key, first === undefined || first === conversation ? conversation : null);
    }
    for (const [oldest] of this.#seen) {
      if (this.#seen.size <= REMEMBERED) break;
      this.#seen.delete(oldest);
    }
  }

  isShared(key: string): boolean {
    return this.#seen.get(key) === null;
  }
}
