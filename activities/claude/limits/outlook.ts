/** Bounds of what the outlook may say, as a part of the output in flight. */
const MOST = 2;
const LEAST = -0.5;
const FIRST_DURATION_MS = 2_000;
const MEMORY = 20;

export interface Begun {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * What is on its way. Output counts when it is made, so the level of its budget tells of calls begun a call's duration ago;
 * steering by that alone swings for ever. If more is in flight than lately, the level will fall by it, and the other way.
 */
export class Outlook {
  /** When those in flight began, oldest first. */
  readonly #begun = new Set<Begun>();
  #inFlight = 0;
  #usual = 0;
  #ended = 0;
  #meanMs = FIRST_DURATION_MS;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** How long calls take of late, in milliseconds. While most have not ended yet, the age of the oldest. */
  get durationMs(): number {
    if (this.#ended >= this.#begun.size) return this.#meanMs;
    const [oldest] = this.#begun;
    return Math.max(this.#meanMs, this.#atMs - (oldest?.atMs ?? this.#atMs));
  }

  begin(tokens: number, nowMs: number): Begun {
    const begun = { tokens, atMs: nowMs };
    this.#begun.add(begun);
    this.#inFlight += tokens;
    return begun;
  }

  end(begun: Begun, nowMs: number): void {
    if (!this.#begun.delete(begun)) return;
    this.#inFlight -= begun.tokens;
    this.#ended += 1;
    this.#meanMs += (nowMs - begun.atMs - this.#meanMs) / Math.min(this.#ended, MEMORY);
  }

  advance(nowMs: number): void {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#usual += (this.#inFlight - this.#usual) * (1 - Math.exp(-passedMs / (2 * this.durationMs)));
  }

  /** Part of a minute's limit by which the level will fall beyond what it shows, if all workers do as this one does. */
  get ahead(): number {
    const excess = this.#inFlight / Math.max(this.#usual, 1) - 1;
    return (Math.min(MOST, Math.max(LEAST, excess)) * this.durationMs) / 60_000;
  }
}
