/**
 * Ends a call whose wire has been silent too long. It watches raw bytes, because the SDK swallows pings and its own timeout
 * ends with the headers. Makes one abort signal of the caller's and its own, and leaves no timer and no listener behind.
 */
export class Watchdog implements Disposable {
  readonly #stop = new AbortController();
  readonly #caller: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #hasStalled = false;

  /** Counts from now on; `stallMs` of silence, headers included. */
  constructor(caller: AbortSignal, stallMs: number) {
    this.#caller = caller;
    this.#timer = setTimeout(this.#onSilence, stallMs);
    caller.addEventListener('abort', this.#onCancel, { once: true });
    if (caller.aborted) this.#onCancel();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get hasStalled(): boolean {
    return this.#hasStalled;
  }

  /** The same response, each chunk of whose body restarts the clock. */
  watch(response: Response): Response {
    this.#timer.refresh();
    const { body } = response;
    if (!response.ok || body === null) return response;
    // A transform stream would do the same for a third of the call's CPU; the SDK only ever takes a reader of the body.
    const getReader = () => this.#watchReader(body.getReader());
    return new Proxy(response, {
      get: (target, key) => {
        if (key === 'body') return { getReader };
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#onCancel);
  }

  #watchReader(
    reader: ReadableStreamDefaultReader<Uint8Array>,
  ): Pick<typeof reader, 'read' | 'cancel' | 'releaseLock'> {
    return {
      read: async () => {
        const chunk = await reader.read();
        this.#timer.refresh();
        return chunk;
      },
      cancel: (reason) => reader.cancel(reason),
      releaseLock: () => reader.releaseLock(),
    };
  }

  readonly #onSilence = (): void => {
    this.#hasStalled = true;
    this.#stop.abort();
  };

  readonly #onCancel = (): void => {
    this.#stop.abort(this.#caller.reason);
  };
}
