import { STATUS_CODES } from 'node:http';
import type { Broker } from './broker.ts';
import { EgressDenied, EgressFailed, type Egress } from './egress.ts';

/** One subagent's proxy, as its two kinds of requests see it. */
export interface ProxyContext {
  broker: Broker;
  mayReach: (host: string) => boolean;
  onDenied: Parameters<Egress['openProxy']>[0]['onDenied'];
  /** Ends with the proxy. */
  signal: AbortSignal;
}

/** What the client is told, and the subagent's record with it. */
export function refusalOf(
  { onDenied, broker }: ProxyContext,
  error: unknown,
  host: string,
): { status: number; text: string } {
  if (error instanceof EgressDenied) {
    const { reason, message } = error;
    onDenied({ host: host.slice(0, 300), reason });
    broker.log.info({ host: host.slice(0, 300), reason }, 'egress denied');
    return { status: 403, text: `Denied (${reason}): ${message}.\n` };
  }
  const message = error instanceof EgressFailed ? error.message : 'the request could not be carried out';
  if (!(error instanceof EgressFailed)) broker.log.warn({ err: error }, 'egress failed');
  return { status: 502, text: `Failed: ${message}.\n` };
}

/** An answer for a socket that is no longer, or not yet, the HTTP server's. */
export function rawAnswer(status: number, text: string): string {
  const headers = [
    'content-type: text/plain; charset=utf-8',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headers.join('\r\n')}\r\n\r\n${text}`;
}
