/** What one answer, page, proxy or connection may take. */
export interface EgressLimits {
  /** Of a page, as it comes and unpacked. */
  pageBytes: number;
  /** Of a page's text. */
  pageChars: number;
  /** From the first look-up to the last byte of a page, redirects included. */
  totalMs: number;
  /** Without a byte: of a page, of a request through the proxy. */
  idleMs: number;
  /** Of an answer, and of a request to the proxy. */
  headerBytes: number;
  redirects: number;
  /** Of a page on its way to Markdown. */
  markdownMs: number;
  markdownMb: number;
  /** Open at once through one subagent's proxy. */
  connections: number;
  /** Through one connection of the proxy, in each direction. */
  tunnelBytes: number;
  /** Without a byte in either direction. */
  tunnelIdleMs: number;
  /** From the proxy's consent to the whole of the client's first TLS message. */
  helloMs: number;
}

export const DEFAULT_LIMITS: EgressLimits = {
  pageBytes: 5 * 1024 * 1024,
  pageChars: 1_000_000,
  totalMs: 30_000,
  idleMs: 10_000,
  headerBytes: 32 * 1024,
  redirects: 3,
  markdownMs: 5_000,
  markdownMb: 256,
  connections: 64,
  tunnelBytes: 1024 ** 3,
  tunnelIdleMs: 120_000,
  helloMs: 10_000,
};
