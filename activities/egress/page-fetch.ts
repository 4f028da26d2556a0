import type { IncomingMessage } from 'node:http';
import { readBody } from './body.ts';
import type { Broker } from './broker.ts';
import { destinationOf } from './destination.ts';
import { EgressDenied, EgressFailed, type FetchedPage } from './egress.ts';
import { exchange, failureOf } from './exchange.ts';
import type { ToMarkdown } from './markdown.ts';
import { pageOf } from './page.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** No cookies, no credentials, nothing about who asks. */
const HEADERS = {
  'user-agent': 'muster',
  accept: 'text/markdown, text/html;q=0.9, application/json;q=0.9, text/plain;q=0.8, */*;q=0.1',
  'accept-encoding': 'gzip, br, deflate',
};

/** See `Egress.fetch`. */
export async function fetchPage(
  broker: Broker,
  url: URL,
  mayReach: (host: string) => boolean,
  signal: AbortSignal,
  toMarkdown: ToMarkdown,
): Promise<FetchedPage> {
  const { totalMs, pageBytes } = broker.limits;
  const clock = AbortSignal.timeout(totalMs);
  const both = AbortSignal.any([signal, clock]);
  try {
    const { message, url: last } = await follow(broker, url, mayReach, both);
    const { bytes, isCut } = await bodyOf(message, pageBytes, last, both);
    const contentType = message.headers['content-type'] ?? '';
    return await pageOf({ url: last, status: message.statusCode ?? 0, contentType, bytes, isCut }, toMarkdown, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (clock.aborted) throw new EgressFailed(`${url.host} did not give the whole page in ${totalMs / 1000} s`);
    throw error;
  }
}

/** Every hop is a new decision: about its host, its address, and whether it goes on in the clear. */
async function follow(
  broker: Broker,
  start: URL,
  mayReach: (host: string) => boolean,
  signal: AbortSignal,
): Promise<{ message: IncomingMessage; url: URL }> {
  const { redirects } = broker.limits;
  let url = start;
  for (let hop = 0; hop <= redirects; hop += 1) {
    const message = await ask(broker, url, mayReach, signal);
    const { location } = message.headers;
    if (!REDIRECTS.has(message.statusCode ?? 0) || location === undefined) return { message, url };
    message.destroy();
    if (!URL.canParse(location, url.href)) throw new EgressFailed(`${url.host} sends on to something that is no URL`);
    const next = new URL(location, url);
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw new EgressDenied('HOST_DENIED', `${url.host} sends on from https to ${next.host} in the clear`);
    url = next;
  }
  throw new EgressFailed(`${start.host} sends on more than ${redirects} times`);
}

async function ask(
  { dialler, trust, limits }: Broker,
  url: URL,
  mayReach: (host: string) => boolean,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const to = destinationOf(url);
  const socket = await dialler.dial(to, mayReach, signal);
  const { headerBytes, idleMs } = limits;
  return exchange(socket, to, url, { method: 'GET', headers: HEADERS, trust, headerBytes, idleMs, signal });
}

async function bodyOf(
  message: IncomingMessage,
  maxBytes: number,
  url: URL,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; isCut: boolean }> {
  try {
    return await readBody(message, maxBytes);
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error, url.host);
  }
}
