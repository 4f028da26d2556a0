import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { decoded } from './body.ts';
import type { Broker } from './broker.ts';
import { destinationOf } from './destination.ts';
import { EgressFailed, type Egress } from './egress.ts';
import { exchange } from './exchange.ts';

const WITHOUT_BODY = new Set([101, 204, 205, 304]);

/** See `Egress.request`. */
export async function openRequest(
  { dialler, trust, limits }: Broker,
  url: URL,
  { method, headers, body, mayReach, maxBytes, signal }: Parameters<Egress['request']>[1],
): Promise<Response> {
  const to = destinationOf(url);
  const socket = await dialler.dial(to, mayReach, signal);
  const { headerBytes } = limits;
  const asked = { 'accept-encoding': 'identity', ...headers, ...(body !== undefined && length(body)) };
  const message = await exchange(socket, to, url, {
    method,
    headers: asked,
    body,
    trust,
    headerBytes,
    idleMs: 0,
    signal,
  });
  const status = message.statusCode ?? 502;
  const answer = { status, headers: headersOf(message.headers) };
  if (WITHOUT_BODY.has(status)) {
    message.destroy();
    return new Response(null, answer);
  }
  const content = Readable.from(atMost(decoded(message, maxBytes), maxBytes));
  content.once('close', () => message.destroy());
  return new Response(Readable.toWeb(content) as ReadableStream<Uint8Array>, answer);
}

function length(body: string): { 'content-length': number } {
  return { 'content-length': Buffer.byteLength(body) };
}

function headersOf(headers: NodeJS.Dict<string | string[]>): [string, string][] {
  return Object.entries(headers)
    .filter(([name]) => name !== 'content-encoding' && name !== 'content-length')
    .flatMap(([name, value]) => [value ?? []].flat().map((each): [string, string] => [name, each]));
}

async function* atMost(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new EgressFailed(`the answer is longer than ${maxBytes} bytes`);
    yield chunk;
  }
}
