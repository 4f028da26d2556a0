/** How fast a stranger is read: what goes beyond it in a second waits for the next. */
export class Pace {
  readonly #bytesPerSecond: number;
  readonly #linesPerSecond: number;
  #startMs = 0;
  #bytes = 0;
  #lines = 0;

  constructor({ bytesPerSecond, linesPerSecond }: { bytesPerSecond: number; linesPerSecond: number }) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#linesPerSecond = linesPerSecond;
  }

  /** Counts a chunk in. Returns for how many milliseconds nothing more should be read; 0 for go on. */
  read(chunk: Uint8Array, now = performance.now()): number {
    if (now - this.#startMs >= 1_000) {
      this.#startMs = now;
      this.#bytes = 0;
      this.#lines = 0;
    }
    this.#bytes += chunk.length;
    this.#lines += linesIn(chunk);
    // A chunk that holds ten seconds' worth is paid for with ten seconds.
    const seconds = Math.max(this.#bytes / this.#bytesPerSecond, this.#lines / this.#linesPerSecond);
    return seconds <= 1 ? 0 : Math.ceil(this.#startMs + seconds * 1_000 - now);
  }
}

function linesIn(chunk: Uint8Array): number {
  let lines = 0;
  for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
  return lines;
}
