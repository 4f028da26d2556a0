/** Work that several ask for at once and that is done once: by key, for as long as it is under way. */
export class SharedWork<T> {
  readonly #underWay = new Map<string, { result: Promise<T>; waiting: number; abort: AbortController }>();

  /**
   * Joins the work under `key`, or starts it. A caller whose signal aborts leaves with its reason; the work itself is
   * aborted when the last one has left.
   */
  async join(key: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const shared = this.#underWay.get(key) ?? this.#start(key, work);
    shared.waiting++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([shared.result, left]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      if (--shared.waiting === 0 && this.#underWay.get(key) === shared) {
        this.#underWay.delete(key);
        shared.abort.abort();
      }
    }
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<T>) {
    const abort = new AbortController();
    const shared = { result: work(abort.signal), waiting: 0, abort };
    this.#underWay.set(key, shared);
    shared.result
      .catch(() => undefined)
      .finally(() => {
        if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
      });
    return shared;
  }
}
