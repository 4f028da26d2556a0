import { type FetchLike, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Egress } from '../egress/egress.ts';
import type { McpLimits } from './limits.ts';
import { Pace } from './pace.ts';
import { pause } from './waiting.ts';

export interface HttpTarget {
  url: string;
  headers: Readonly<Record<string, string>>;
}

/**
 * MCP over HTTP. With `egress` the address is checked and only the host declared is spoken to; without, it is the
 * operator's own word. Redirects beyond the origin are refused, answers are bounded and read at a bounded pace.
 */
export function createHttpTransport(
  { url, headers }: HttpTarget,
  limits: McpLimits,
  egress: Pick<Egress, 'request'> | undefined,
): StreamableHTTPClientTransport {
  const target = new URL(url);
  const reach = egress === undefined ? fetch : throughEgress(egress, target, limits);
  const bounded: FetchLike = async (to, init) => {
    const answer = await reach(to, init);
    if (!answer.body) return answer;
    const body = ReadableStream.from(paced(answer.body, limits, init?.signal ?? undefined));
    return new Response(body, answer);
  };
  return new StreamableHTTPClientTransport(target, { fetch: bounded, requestInit: { headers: { ...headers } } });
}

function throughEgress(egress: Pick<Egress, 'request'>, { hostname }: URL, { messageBytes }: McpLimits): FetchLike {
  const mine = hostname.replace(/\.$/, '');
  return (to, init) =>
    egress.request(new URL(to), {
      method: init?.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init?.headers)),
      body: typeof init?.body === 'string' ? init.body : undefined,
      mayReach: (host) => host === mine,
      maxBytes: messageBytes,
      signal: init?.signal ?? new AbortController().signal,
    });
}

async function* paced(
  body: ReadableStream<Uint8Array>,
  limits: McpLimits,
  signal = new AbortController().signal,
): AsyncGenerator<Uint8Array> {
  const pace = new Pace(limits);
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > limits.messageBytes) throw new Error(`the answer has more than ${limits.messageBytes} bytes`);
    yield chunk;
    const waitMs = pace.read(chunk);
    if (waitMs > 0) await pause(waitMs, signal);
  }
}
