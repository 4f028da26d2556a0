import { createHash } from 'node:crypto';

/** Where Claude is and as whom; exactly one of the two credentials. */
export interface Endpoint {
  baseUrl: string;
  apiKey?: string;
  authToken?: string;
}

/**
 * 12 hex digits that name one endpoint with one credential, and tell nothing of the credential. The same for URLs that
 * differ only in case of the host or a closing slash. Throws when the URL cannot be parsed.
 */
export function fingerprint({ baseUrl, apiKey, authToken }: Endpoint): string {
  const url = new URL(baseUrl);
  const parts = [
    `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    apiKey === undefined ? 'token' : 'key',
    apiKey ?? authToken ?? '',
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}

/** Host and port, for people and for the reuse key. Throws when the URL cannot be parsed. */
export function endpointHost(baseUrl: string): string {
  return new URL(baseUrl).host;
}
