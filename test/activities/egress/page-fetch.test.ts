import type { ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEgress, type EgressOptions } from '../../../activities/egress/broker.ts';
import type { Egress, FetchedPage } from '../../../activities/egress/egress.ts';
import { createLog } from '../../../activities/observe/log.ts';
import { startWeb, type WebWorld } from '../../support/web-world.ts';

const log = createLog('silent');
const never = new AbortController().signal;
let web: WebWorld;
let egress: Egress;
beforeAll(async () => {
  web = await startWeb();
  egress = world();
});
afterAll(async () => {
  await egress.close();
  await web.close();
});
beforeEach(() => {
  web.requests().length = 0;
});

function world(limits: EgressOptions['limits'] = {}): Egress {
  return createEgress({ ...web, log, limits });
}

const isGranted = (host: string): boolean => host === 'granted.test' || host === 'rebound.test';

function get(url: string, { from = egress, signal = never, mayReach = isGranted } = {}): Promise<FetchedPage> {
  return from.fetch(new URL(url), { mayReach, signal });
}

function serve(path: string, headers: Record<string, string>, body: string | Uint8Array, status = 200): void {
  web.serve(path, (_request, response) => response.writeHead(status, headers).end(body));
}

function sendOn(path: string, location: string, status = 302): void {
  serve(path, { location }, '', status);
}

describe('a page', () => {
  test('comes over http and https as Markdown', async () => {
    for (const scheme of ['http', 'https'])
      expect(await get(`${scheme}://granted.test/`)).toEqual({
        url: `${scheme}://granted.test/`,
        status: 200,
        contentType: 'text/html',
        text: `# Hello from granted.test\n\nA link (${scheme}://granted.test/next).`,
        isCut: false,
      });
  });

  test('is asked for with nothing about who asks', async () => {
    let headers: unknown;
    web.serve('/headers', (request, response) => {
      headers = request.headers;
      response.setHeader('set-cookie', 'a=b').end();
    });
    await get('http://granted.test/headers');
    await get('http://granted.test/headers');
    expect(headers).toEqual({
      host: 'granted.test',
      connection: 'close',
      'user-agent': 'muster',
      accept: expect.any(String),
      'accept-encoding': 'gzip, br, deflate',
    });
  });

  test('that is missing comes with its status', async () => {
    expect(await get('http://granted.test/none')).toMatchObject({ status: 404, text: 'nothing here' });
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('may be packed as %s', async (encoding, pack) => {
    serve('/packed', { 'content-type': 'application/json', 'content-encoding': encoding }, pack('{"a":1}'));
    expect((await get('http://granted.test/packed')).text).toBe('{"a":1}');
  });

  test.each([
    [{ 'content-type': 'text/plain; charset=iso-8859-1' }, Buffer.from([0xfc]), 'ü'],
    [{ 'content-type': 'text/plain' }, Buffer.from('ü'), 'ü'],
    [{}, Buffer.from('plain'), 'plain'],
    [{ 'content-type': 'text/html' }, Buffer.from('<meta charset="windows-1252"><p>\u00fc</p>', 'latin1'), 'ü'],
    [{ 'content-type': 'application/ld+json' }, Buffer.from('{}'), '{}'],
    [{ 'content-type': 'application/atom+xml' }, Buffer.from('<a/>'), '<a/>'],
  ])('is read by its type and charset: %j', async (headers, bytes, text) => {
    serve('/typed', headers as Record<string, string>, bytes);
    expect((await get('http://granted.test/typed')).text).toBe(text);
  });

  test.each([
    [{ 'content-type': 'image/png' }, 'x', /"image\/png"; only text/],
    [{ 'content-type': 'application/octet-stream' }, 'x', /only text/],
    [{ 'content-type': 'text/plain' }, 'a\0b', /no text, whatever/],
    [{ 'content-type': 'text/plain; charset=klingon' }, 'x', /"klingon", a charset/],
    [{ 'content-type': 'text/plain', 'content-encoding': 'zstd' }, 'x', /"zstd", which is not read/],
    [{ 'content-type': 'text/plain', 'content-encoding': 'gzip, gzip' }, 'x', /which is not read/],
    [{ 'content-type': 'text/plain', 'content-encoding': 'gzip' }, 'no gzip', /did not answer \(Z_DATA_ERROR\)/],
  ])('that cannot be read says so: %j', async (headers, body, message) => {
    serve('/odd', headers as Record<string, string>, body);
    await expect(get('http://granted.test/odd')).rejects.toMatchObject({
      name: 'EgressFailed',
      message: expect.stringMatching(message),
    });
  });

  test('behind a certificate of another host is not read', async () => {
    await expect(get('https://other.test/', { mayReach: () => true })).rejects.toThrow(/ERR_TLS_CERT_ALTNAME_INVALID/);
    const mistrusting = createEgress({ ...web, certificates: [], log });
    await expect(get('https://granted.test/', { from: mistrusting })).rejects.toMatchObject({ name: 'EgressFailed' });
    await mistrusting.close();
    expect(web.requests()).toEqual([]);
  });
});

describe('a redirect', () => {
  test('is followed to granted hosts, three times', async () => {
    sendOn('/1', '/2', 301);
    sendOn('/2', '//granted.test/3', 307);
    sendOn('/3', 'https://granted.test/', 308);
    expect(await get('http://granted.test/1')).toMatchObject({ url: 'https://granted.test/', status: 200 });
    sendOn('/0', '/1');
    await expect(get('http://granted.test/0')).rejects.toThrow('granted.test sends on more than 3 times');
  });

  test.each([
    ['http://other.test/', 'HOST_DENIED'],
    ['http://rebound.test/latest/meta-data/', 'SSRF_DENIED'],
    ['http://127.0.0.1/', 'SSRF_DENIED'],
    ['http://[::ffff:169.254.169.254]/', 'SSRF_DENIED'],
    ['http://2852039166/', 'SSRF_DENIED'],
    ['http://granted.test@other.test/', 'HOST_DENIED'],
    ['\\\\other.test/', 'HOST_DENIED'],
    ['file:///etc/passwd', 'HOST_DENIED'],
    ['gopher://granted.test/', 'HOST_DENIED'],
  ])('to %s is %s, and nothing arrives there', async (location, reason) => {
    sendOn('/away', location);
    await expect(get('http://granted.test/away')).rejects.toMatchObject({ name: 'EgressDenied', reason });
    expect(web.requests()).toEqual(['GET granted.test/away']);
    expect(web.trespasses()).toEqual([]);
  });

  test('from https into the clear is refused', async () => {
    sendOn('/down', 'http://granted.test/');
    await expect(get('https://granted.test/down')).rejects.toMatchObject({ reason: 'HOST_DENIED' });
  });

  test('to no URL is an error', async () => {
    sendOn('/nonsense', 'http://[');
    await expect(get('http://granted.test/nonsense')).rejects.toThrow('sends on to something that is no URL');
  });
});

describe('an answer without end', () => {
  test('is cut at the size limit', async () => {
    const small = world({ pageBytes: 100_000 });
    web.serve('/endless', (_request, response) => pour(response, 'x'.repeat(10_000), 'text/plain'));
    const { text, isCut } = await get('http://granted.test/endless', { from: small });
    expect({ length: text.length, isCut }).toEqual({ length: 100_000, isCut: true });
    await small.close();
  });

  test('is ended when its time is up, however it drips', async () => {
    const hasty = world({ totalMs: 300 });
    web.serve('/drip', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await expect(get('http://granted.test/drip', { from: hasty })).rejects.toThrow(
      'granted.test did not give the whole page in 0.3 s',
    );
    await hasty.close();
  });

  test('is ended when nothing more comes, before the headers or after', async () => {
    const hasty = world({ idleMs: 150 });
    web.serve('/silent', () => undefined);
    web.serve('/stalled', (_request, response) => void response.writeHead(200).write('x'));
    for (const path of ['silent', 'stalled'])
      await expect(get(`http://granted.test/${path}`, { from: hasty })).rejects.toThrow('said nothing for 0.15 s');
    await hasty.close();
  });

  test('is ended by an abort, with its reason', async () => {
    const leave = new AbortController();
    web.serve('/hang', () => leave.abort(new Error('left')));
    await expect(get('http://granted.test/hang', { signal: leave.signal })).rejects.toThrow('left');
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ] as const)('that unpacks to a bomb is refused, packed as %s', async (encoding, pack) => {
    serve(
      '/bomb',
      { 'content-type': 'text/plain', 'content-encoding': encoding },
      pack(Buffer.alloc(30 * 1024 * 1024)),
    );
    const before = process.memoryUsage().rss;
    await expect(get('http://granted.test/bomb')).rejects.toThrow(/refused as a bomb/);
    expect(process.memoryUsage().rss - before).toBeLessThan(20 * 1024 * 1024);
  });

  test('that is packed and holds nothing is ended all the same', async () => {
    const small = world({ pageBytes: 100_000 });
    const nothing = gzipSync('');
    web.serve('/empty', (_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      pour(response, Buffer.concat(Array.from({ length: 500 }, () => nothing)), 'text/plain');
    });
    await expect(get('http://granted.test/empty', { from: small })).rejects.toThrow(
      /longer than 100000 bytes even when packed/,
    );
    await small.close();
  });

  test('in its headers is refused', async () => {
    web.serve('/heads', (_request, response) => response.writeHead(200, { 'x-long': 'x'.repeat(40_000) }).end());
    await expect(get('http://granted.test/heads')).rejects.toThrow('the headers of granted.test are too large');
    web.serve('/cut', (_request, response) => {
      response.socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
      response.socket?.destroySoon();
    });
    await expect(get('http://granted.test/cut')).rejects.toMatchObject({ name: 'EgressFailed' });
  });
});

test('a broker that is closed ends what is under way and begins nothing', async () => {
  const ending = world();
  web.serve('/held', () => void ending.close());
  await expect(get('http://granted.test/held', { from: ending })).rejects.toThrow('the worker is ending');
  await expect(get('http://granted.test/', { from: ending })).rejects.toThrow('the worker is ending');
  await ending.close();
});

describe('a request of a client of ours', () => {
  const request = (url: string, options: Partial<Parameters<Egress['request']>[1]> = {}): Promise<Response> =>
    egress.request(new URL(url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":"ü"}',
      mayReach: isGranted,
      maxBytes: 1_000,
      signal: never,
      ...options,
    });

  test('carries its body, and streams the answer with its headers', async () => {
    web.serve('/echo', (asked, response) => {
      response.setHeader('x-session', 'one');
      asked.pipe(response);
    });
    const answer = await request('https://granted.test/echo');
    expect([answer.status, answer.headers.get('x-session'), await answer.text()]).toEqual([200, 'one', '{"a":"ü"}']);
  });

  test('does not follow a redirect, and meets the same refusals', async () => {
    sendOn('/elsewhere', 'http://rebound.test/');
    expect((await request('http://granted.test/elsewhere')).status).toBe(302);
    await expect(request('http://rebound.test/')).rejects.toMatchObject({ reason: 'SSRF_DENIED' });
    await expect(request('http://other.test/')).rejects.toMatchObject({ reason: 'HOST_DENIED' });
  });

  test('ends with an error where the answer does not', async () => {
    web.serve('/flood', (_asked, response) => pour(response, 'x'.repeat(400), 'text/event-stream'));
    const answer = await request('http://granted.test/flood');
    await expect(answer.text()).rejects.toThrow('the answer is longer than 1000 bytes');
  });

  test('has no body where HTTP knows none', async () => {
    serve('/none', {}, '', 204);
    expect(await (await request('http://granted.test/none')).text()).toBe('');
  });
});

/** Writes for ever, as fast as it is read. */
function pour(response: ServerResponse, chunk: string | Uint8Array, type: string): void {
  response.setHeader('content-type', type);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}
