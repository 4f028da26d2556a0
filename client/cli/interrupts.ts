/** How the command was told to end. */
export type Interrupt = 'interrupted' | 'terminated';

const SECOND_WITHIN_MS = 3_000;

/** Listens for Ctrl-C and SIGTERM while a fleet is followed; the fleet itself never hears them. */
export class Interrupts implements Disposable {
  readonly #abort = new AbortController();
  #second: (() => void) | undefined;
  #count = 0;

  constructor() {
    process.on('SIGINT', this.#interrupt);
    process.on('SIGTERM', this.#terminate);
  }

  /** Aborts with the first of them; its reason is an `Interrupt`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get reason(): Interrupt | undefined {
    return this.signal.aborted ? (this.signal.reason as Interrupt) : undefined;
  }

  readonly #interrupt = (): void => {
    this.#count++;
    this.#abort.abort('interrupted' satisfies Interrupt);
    if (this.#count === 2) this.#second?.();
    if (this.#count > 2) process.exit(130); // somebody means it
  };

  readonly #terminate = (): void => this.#abort.abort('terminated' satisfies Interrupt);

  /** After a first Ctrl-C: whether a second one came within three seconds. */
  async isRepeated(): Promise<boolean> {
    if (this.#count >= 2) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), SECOND_WITHIN_MS);
      this.#second = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#interrupt);
    process.off('SIGTERM', this.#terminate);
  }
}
