import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';

/** Between Node's HTTP and the web's, which the MCP library speaks. */

/** The request with its body; its signal aborts when the client leaves before it has its answer. */
export function webRequest(request: IncomingMessage, response: ServerResponse): Request {
  const left = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) left.abort(new Error('the client has left'));
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    for (const each of [value ?? []].flat()) headers.append(name, each);
  const method = request.method ?? 'GET';
  const hasBody = method !== 'GET' && method !== 'HEAD' && method !== 'DELETE';
  // Whom it names as host is among the headers, for whoever judges that.
  return new Request(new URL(request.url ?? '/', 'http://localhost'), {
    method,
    headers,
    signal: left.signal,
    ...(hasBody && { body: Readable.toWeb(request) as ReadableStream, duplex: 'half' }),
  });
}

/** Writes the answer, piece by piece as it comes and no faster than it is read. Rejects when the client leaves. */
export async function sendResponse(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.flushHeaders();
  for await (const piece of answer.body ?? []) {
    if (response.destroyed) break;
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end();
}
