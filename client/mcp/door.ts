import type { Muster } from '../library/muster.ts';

/** Opens what fleets are started and steered with, once each and only when it is first asked for. */
export class Door implements AsyncDisposable {
  readonly #open: (isSimulated: boolean) => Promise<Muster>;
  readonly #opened = new Map<boolean, Promise<Muster>>();

  constructor(open: (isSimulated: boolean) => Promise<Muster>) {
    this.#open = open;
  }

  /** `isSimulated` is of fleets that are started; any fleet can be steered through either. One that failed is tried anew. */
  muster(isSimulated: boolean): Promise<Muster> {
    const known = this.#opened.get(isSimulated);
    if (known) return known;
    const opening = this.#open(isSimulated);
    this.#opened.set(isSimulated, opening);
    opening.catch(() => this.#opened.delete(isSimulated));
    return opening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values());
    this.#opened.clear();
    for (const one of opened) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
  }
}
