import { MAX_PROGRESS_CHARS, MAX_PROGRESS_LINES } from '../limits.ts';
import type { Round } from '../protocol.ts';

type Line = Round['progress'][number];

/** Lost items of `parallel` and `pipeline` that are told one by one. */
const MAX_LOST_LINES = 20;

/** What a script says in one exchange, bounded in lines and in their length. */
export class Narration {
  #lines: Line[] = [];
  #count = 0;
  #lost = 0;
  #isCut = false;

  /** A new exchange has begun. */
  begin(): void {
    this.#lines = [];
    this.#count = 0;
    this.#lost = 0;
    this.#isCut = false;
  }

  say(kind: Line['kind'], given: string): void {
    if (this.#count < MAX_PROGRESS_LINES - 1) {
      const text = given.length > MAX_PROGRESS_CHARS ? `${given.slice(0, MAX_PROGRESS_CHARS - 2)} …` : given;
      this.#lines.push({ kind, text });
    } else if (!this.#isCut) {
      this.#isCut = true;
      this.#lines.push({ kind: 'log', text: `… what else it says at this point is left out` });
    }
    this.#count++;
  }

  /** Something thrown that the script itself will only see as null. */
  lose(text: string): void {
    this.#lost++;
    if (this.#lost <= MAX_LOST_LINES) this.say('log', text);
    else if (this.#lost === MAX_LOST_LINES + 1) this.say('log', '… further ones that are null are not told');
  }

  /** Since it was last taken. */
  take(): Line[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}
