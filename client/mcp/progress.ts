import type { FleetView } from '../library/library.ts';
import { censusLine, endedCount } from './standing.ts';

export interface Progress {
  progress: number;
  total?: number;
  message: string;
}

/** Clients that end a silent call count from the last notification. */
const SILENCE_MS = 10_000;

/**
 * Progress of one call: how many subagents have ended, of how many. It only ever grows, as the protocol asks: by a
 * fraction where there is something to say and none has ended, and not at all while a retry has made the number smaller.
 */
export class ProgressReports {
  readonly #send: (progress: Progress) => Promise<void>;
  readonly #now: () => number;
  #told = -1;
  #toldAtMs = 0;
  #hasView = false;

  constructor(send: (progress: Progress) => Promise<void>, now = (): number => performance.now()) {
    this.#send = send;
    this.#now = now;
  }

  /** What a person would be told before the fleet stands. Never rejects. */
  async say(message: string): Promise<void> {
    await this.#tell(0, { message });
  }

  /** Sends what is news, and something every ten seconds. Never rejects: who hears no progress still gets an answer. */
  async tell(view: FleetView): Promise<void> {
    const ended = endedCount(view);
    const isSilent = this.#now() - this.#toldAtMs >= SILENCE_MS;
    if (this.#hasView && ended <= this.#told && !isSilent) return;
    this.#hasView = true;
    await this.#tell(ended, { total: view.count, message: `fleet ${view.id}: ${censusLine(view)}` });
  }

  async #tell(ended: number, { total, message }: Omit<Progress, 'progress'>): Promise<void> {
    // Else half of what is left to the next whole number: always more, hardly ever there.
    const progress = ended > this.#told ? ended : (this.#told + Math.floor(this.#told) + 1) / 2;
    this.#told = progress;
    this.#toldAtMs = this.#now();
    // A script has no subagents yet when it begins.
    const whole = total ? { total: Math.max(total, progress) } : {};
    await this.#send({ progress, ...whole, message }).catch(() => undefined);
  }
}
