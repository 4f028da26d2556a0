import { setTimeout as delay } from 'node:timers/promises';
import { News, type FleetChange, type NewsSource } from './news.ts';
import { MEND_EVERY_MS, isPassing, unreachable } from './server-talk.ts';
import { hasEnded, type Standing } from './standing.ts';
import { beginning, decodeCursor, encodeCursor, type Position } from './watch-cursor.ts';

export interface WatchOptions {
  signal?: AbortSignal | undefined;
  /** From an earlier watch of this fleet: what that one was told is not told again. */
  cursor?: string | undefined;
  /** Looks at most this far apart, closer in a fleet's first seconds; 1,000 when omitted. */
  everyMs?: number | undefined;
  /** Tell who has started too, which asks the store. */
  tellsStarts?: boolean | undefined;
  /** Tell of each end the phase of the script it is of, which asks the store too. */
  tellsPhases?: boolean | undefined;
}

/** What a watch needs of the fleet it looks at. */
export interface Watched extends NewsSource {
  readonly id: string;
  /** One attempt; rejects while nobody answers (`isPassing`). */
  look(): Promise<Standing>;
  mend(): Promise<void>;
  /** Resolves when it has ended; may take for ever. Asks nobody any more once it is aborted. */
  closing(signal: AbortSignal): Promise<void>;
}

/** Silence after which a watch gives up, with nothing that mending brought back. */
const GIVE_UP_MS = 180_000;

/**
 * The changes of a fleet, from now until it has ended: each change of status, and each subagent that ended, once and in
 * the order in which they did, with what a script said in between. What happened before comes first, in order too; an
 * end that only became known after later ones comes after those. Iterate it once. Throws `bad_cursor`.
 */
export class FleetWatch implements AsyncIterable<FleetChange> {
  /** Right between any two changes; whoever numbers them counts here. */
  readonly position: Position;
  readonly #fleet: Watched;
  readonly #options: WatchOptions;
  readonly #news: News;
  #mending: Promise<void> | undefined;
  #mendedAtMs = 0;

  constructor(fleet: Watched, options: WatchOptions = {}) {
    this.#fleet = fleet;
    this.#options = options;
    this.position = options.cursor === undefined ? beginning() : decodeCursor(fleet.id, options.cursor);
    this.#news = new News(fleet, this.position, options.tellsStarts === true);
  }

  /** What has been told so far; give it to a later watch to go on from here. */
  get cursor(): string {
    return encodeCursor(this.#fleet.id, this.position);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FleetChange> {
    const leaving = new AbortController();
    try {
      yield* this.#changes(this.#fleet.closing(leaving.signal));
    } finally {
      leaving.abort();
    }
  }

  async *#changes(closed: Promise<void>): AsyncGenerator<FleetChange> {
    const { signal, everyMs = 1_000 } = this.#options;
    let shown = '';
    let silentSinceMs: number | undefined;
    const begunAtMs = Date.now();
    // The end is heard of at once; after that only looks tell more.
    let closing: Promise<void> | undefined = closed.then(() => void (closing = undefined));
    for (;;) {
      signal?.throwIfAborted();
      this.#mend();
      const looked = await this.#look();
      if ('trouble' in looked) {
        if (silentSinceMs === undefined) yield { kind: 'trouble', message: looked.trouble };
        silentSinceMs ??= Date.now();
        if (Date.now() - silentSinceMs > GIVE_UP_MS) throw unreachable(looked.trouble);
      } else {
        silentSinceMs = undefined;
        yield* this.#news.of(looked);
        const text = JSON.stringify(looked.status);
        if (text !== shown) yield { kind: 'status', status: looked.status };
        shown = text;
        if (hasEnded(looked.status)) return;
      }
      const pause = delay(Math.min(everyMs, 200 + (Date.now() - begunAtMs) / 5), undefined, signal && { signal });
      await (closing === undefined ? pause : Promise.race([pause, closing]));
    }
  }

  async #look(): Promise<Standing | { trouble: string }> {
    try {
      return await this.#fleet.look();
    } catch (error) {
      if (!isPassing(error)) throw error;
      return { trouble: error instanceof Error ? error.message : String(error) };
    }
  }

  /** In the background, since it may take long to bring a server back. */
  #mend(): void {
    if (this.#mending || Date.now() - this.#mendedAtMs < MEND_EVERY_MS) return;
    this.#mendedAtMs = Date.now();
    this.#mending = this.#fleet
      .mend()
      .catch(() => undefined) // tried again; what stays broken shows as a silent server
      .finally(() => (this.#mending = undefined));
  }
}
