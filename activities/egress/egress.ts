/** The only way out of a worker for its subagents: exact hosts, checked addresses, bounded answers. One per worker. */
export interface Egress {
  /**
   * Gets one page. Every hop, the first included, is asked of `mayReach` by its canonical host and its address is checked
   * on the connection dialled. Rejects with `EgressDenied`, `EgressFailed`, or `signal.reason`.
   */
  fetch(url: URL, options: { mayReach: (host: string) => boolean; signal: AbortSignal }): Promise<FetchedPage>;
  /**
   * Opens a proxy on a unix socket of its own in `directory` (private, existing), for one subagent's sandbox: HTTP and
   * CONNECT, the same decisions as `fetch`. Every refusal is told to `onDenied`. `close` ends all its connections.
   */
  openProxy(options: {
    directory: string;
    mayReach: (host: string) => boolean;
    onDenied: (denial: { host: string; reason: 'HOST_DENIED' | 'SSRF_DENIED' }) => void;
  }): Promise<{ socket: string; close(): Promise<void> }>;
  /**
   * As the web's `fetch`, for a client of ours that speaks to a server a fleet named (MCP over HTTP): the same decisions
   * and addresses, no redirects, the answer as it comes until `maxBytes`, then an error. Its signal ends the answer too.
   */
  request(
    url: URL,
    options: {
      method: string;
      headers: Readonly<Record<string, string>>;
      body?: string | undefined;
      mayReach: (host: string) => boolean;
      maxBytes: number;
      signal: AbortSignal;
    },
  ): Promise<Response>;
  /** Ends every fetch, request and proxy that is under way. Safe to call twice. */
  close(): Promise<void>;
}

export interface FetchedPage {
  /** After redirects. */
  url: string;
  status: number;
  contentType: string;
  /** Text; HTML as Markdown. Cut at the size limit. */
  text: string;
  isCut: boolean;
}

export class EgressDenied extends Error {
  override name = 'EgressDenied';
  readonly reason: 'HOST_DENIED' | 'SSRF_DENIED';
  constructor(reason: 'HOST_DENIED' | 'SSRF_DENIED', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The other side did not give a page that can be read: the model may try another one. */
export class EgressFailed extends Error {
  override name = 'EgressFailed';
}
