import { setTimeout as delay } from 'node:timers/promises';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { statusOfLetter } from '../../workflows/contract/statuses.ts';
import type { EndedSubagent } from './result-reader.ts';
import { MEND_EVERY_MS, isPassing, unreachable } from './server-talk.ts';
import { hasEnded, type Standing } from './standing.ts';
import type { StartedSubagent } from './start-finder.ts';
import { decodeCursor, encodeCursor } from './watch-cursor.ts';

/** What a watcher is told. `trouble`: server or worker are away at the moment; the fleet goes on when they are back. */
export type FleetChange =
  | { kind: 'status'; status: FleetStatus }
  | ({ kind: 'started' } & StartedSubagent)
  | ({ kind: 'ended'; generation: number } & EndedSubagent)
  | { kind: 'trouble'; message: string };

export interface WatchOptions {
  signal?: AbortSignal | undefined;
  /** From an earlier watch: what that one was told is not told again. */
  cursor?: string | undefined;
  /** Looks at most this far apart, closer in a fleet's first seconds; 1,000 when omitted. */
  everyMs?: number | undefined;
  /** Tell who has started too, which asks the store. */
  tellsStarts?: boolean | undefined;
}

/** What a watch needs of the fleet it looks at. */
export interface Watched {
  /** One attempt; rejects while nobody answers (`isPassing`). */
  look(): Promise<Standing>;
  ended(standing: Standing, indexes: readonly number[]): Promise<EndedSubagent[]>;
  started(standing: Standing): Promise<StartedSubagent[]>;
  mend(): Promise<void>;
  /** Resolves when it has ended; may take for ever. */
  closing(): Promise<void>;
}

/** Silence after which a watch gives up, with nothing that mending brought back. */
const GIVE_UP_MS = 180_000;
/** Results in memory at once; a watch that begins late on a larger fleet is in order within each so many. */
const CHUNK = 5_000;

/**
 * The changes of a fleet, from now until it has ended: each change of status, and each subagent that ended, once and in
 * the order in which they did. Those that had ended before come first. Iterate it once.
 */
export class FleetWatch implements AsyncIterable<FleetChange> {
  readonly #fleet: Watched;
  readonly #options: WatchOptions;
  /** Letters and generations as told; marked one by one, so that the cursor is right between any two changes. */
  #units: string[];
  #generations: Map<number, number>;
  #mending: Promise<void> | undefined;
  #mendedAtMs = 0;

  constructor(fleet: Watched, options: WatchOptions = {}) {
    this.#fleet = fleet;
    this.#options = options;
    const seen = options.cursor === undefined ? { units: '', generations: [] } : decodeCursor(options.cursor);
    this.#units = [...seen.units];
    this.#generations = new Map(seen.generations);
  }

  /** What has been told so far; give it to a later watch to go on from here. */
  get cursor(): string {
    return encodeCursor({ units: this.#units.join(''), generations: [...this.#generations] });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FleetChange> {
    const { signal, everyMs = 1_000 } = this.#options;
    let shown = '';
    let silentSinceMs: number | undefined;
    const begunAtMs = Date.now();
    // The end is heard of at once; after that only looks tell more.
    let closing: Promise<void> | undefined = this.#fleet.closing().then(() => void (closing = undefined));
    for (;;) {
      signal?.throwIfAborted();
      this.#mend();
      const looked = await this.#look();
      if ('trouble' in looked) {
        silentSinceMs ??= Date.now();
        if (Date.now() - silentSinceMs > GIVE_UP_MS) throw unreachable(looked.trouble);
        yield { kind: 'trouble', message: looked.trouble };
      } else {
        silentSinceMs = undefined;
        yield* this.#news(looked);
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

  async *#news(standing: Standing): AsyncGenerator<FleetChange> {
    if (this.#options.tellsStarts)
      for (const started of await this.#fleet.started(standing)) yield { kind: 'started', ...started };
    const { units, generations } = standing.progress;
    const now = new Map(generations);
    while (this.#units.length < units.length) this.#units.push('-'); // not told yet
    const indexes = this.#newlyEnded(units, now);
    for (let from = 0; from < indexes.length; from += CHUNK) {
      const ended = await this.#fleet.ended(standing, indexes.slice(from, from + CHUNK));
      for (const one of ended.sort((a, b) => a.result.ended_at_ms - b.result.ended_at_ms)) {
        const generation = now.get(one.index) ?? 1;
        this.#units[one.index] = units[one.index]!;
        this.#generations.set(one.index, generation);
        yield { kind: 'ended', generation, ...one };
      }
    }
    this.#units = [...units];
    this.#generations = now;
  }

  #newlyEnded(units: string, generations: ReadonlyMap<number, number>): number[] {
    const indexes: number[] = [];
    for (let index = 0; index < units.length; index++) {
      if (!statusOfLetter(units[index]!)) continue;
      const wasEnded = statusOfLetter(this.#units[index] ?? '') !== undefined;
      const isAgain = (this.#generations.get(index) ?? 1) !== (generations.get(index) ?? 1);
      if (!wasEnded || isAgain) indexes.push(index);
    }
    return indexes;
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
