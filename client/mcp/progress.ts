import type { FleetView } from '../library/library.ts';
import { censusLine, endedCount } from './standing.ts';

export interface Progress {
  progress: number;
  total: number;
  message: string;
}

/** Clients that end a silent call count from the last notification. */
const SILENCE_MS = 10_000;

/**
 * Progress of one call: how many have ended, of how many. It only ever grows, as the protocol asks: in a long silence by
 * a fraction, and not at all while a retry has made the number smaller.
 */
export class ProgressReports {
  readonly #send: (progress: Progress) => Promise<void>;
  readonly #now: () => number;
  #told = -1;
  #toldAtMs = 0;

  constructor(send: (progress: Progress) => Promise<void>, now = (): number => performance.now()) {
    this.#send = send;
    this.#now = now;
  }

  /** Never rejects: a client that hears no progress still gets its answer. */
  async tell(view: FleetView): Promise<void> {
    const ended = endedCount(view);
    const isSilent = this.#now() - this.#toldAtMs >= SILENCE_MS;
    if (ended <= this.#told && !isSilent) return;
    // Half of what is left to the next whole number: always more, never there.
    const progress = ended > this.#told ? ended : (this.#told + Math.floor(this.#told) + 1) / 2;
    this.#told = progress;
    this.#toldAtMs = this.#now();
    const message = `fleet ${view.id}: ${censusLine(view)}`;
    await this.#send({ progress, total: Math.max(view.count, progress), message }).catch(() => undefined);
  }
}
