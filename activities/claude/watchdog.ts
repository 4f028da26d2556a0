/** As much of a body as the SDK's stream reader uses. */
interface Body {
  getReader(): Pick<ReadableStreamDefaultReader<Uint8Array>, 'read' | 'cancel' | 'releaseLock'>;
}

/**
 * Ends a call whose wire has been silent too long. It watches raw bytes, because the SDK swallows pings and its own timeout
 * ends with the headers. Makes one abort signal of the caller's and its own, and leaves no timer and no listener behind.
 */
export class Watchdog implements Disposable {
  readonly #stop = new AbortController();
  readonly #caller: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #hasStalled = false;
  /** Kept for the whole call: the SDK stops listening to our signal once the body it was given is collected. */
  #body: Body | undefined;

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

  /** The same response, each chunk of whose body restarts the clock; `onStart` hears of the first. Once per watchdog. */
  watch(response: Response, onStart: () => void): Response {
    this.#timer.refresh();
    if (!response.ok || response.body === null) return response;
    this.#body = this.#watched(response.body, onStart);
    // A second stream around the body would be the plain way; it costs a fifth of the whole call's CPU (measured).
    return new Proxy(response, {
      get: (target, key) => {
        if (key === 'body') return this.#body;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#onCancel);
    this.#body = undefined;
  }

  #watched(stream: ReadableStream<Uint8Array>, onStart: () => void): Body {
    const reader = stream.getReader();
    let hasStarted = false;
    return {
      getReader: () => ({
        read: async () => {
          const chunk = await reader.read();
          this.#timer.refresh();
          if (!hasStarted && !chunk.done) onStart();
          hasStarted = true;
          return chunk;
        },
        cancel: (reason) => reader.cancel(reason),
        releaseLock: () => reader.releaseLock(),
      }),
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
