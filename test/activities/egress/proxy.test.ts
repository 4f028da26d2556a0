import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEgress, type EgressOptions } from '../../../activities/egress/broker.ts';
import type { Egress } from '../../../activities/egress/egress.ts';
import { createLog } from '../../../activities/observe/log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { startWeb, type WebWorld } from '../../support/web-world.ts';

const log = createLog('silent');
const isGranted = (host: string): boolean => host === 'granted.test' || host === 'rebound.test';
let web: WebWorld;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let egress: Egress;
let proxy: { socket: string; close(): Promise<void> };
let denials: { host: string; reason: string }[];

async function open(limits: EgressOptions['limits'] = {}): Promise<void> {
  await egress?.close();
  denials = [];
  egress = createEgress({ ...web, log, limits });
  const onDenied = (denial: { host: string; reason: string }): void => void denials.push(denial);
  proxy = await egress.openProxy({ directory: directory.path, mayReach: isGranted, onDenied });
}

beforeEach(async () => {
  web = await startWeb();
  directory = await temporaryDirectory();
  await open();
});
afterEach(async () => {
  await egress.close();
  await web.close();
  await directory[Symbol.asyncDispose]();
});

/** A plain request through the proxy, with the whole URL as its target. */
async function ask(target: string, options: RequestOptions & { body?: string } = {}): Promise<IncomingMessage> {
  const asked = httpRequest({ socketPath: proxy.socket, path: target, ...options });
  asked.end(options.body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return answer;
}

/** The proxy's answer to CONNECT, and the connection behind it. */
async function tunnel(authority: string): Promise<{ status: number; socket: Socket; said: string }> {
  const socket = connect(proxy.socket);
  socket.on('error', () => undefined);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  const said = first.toString();
  return { status: Number(said.split(' ')[1]), socket, said };
}

/** A page by https through the proxy, whatever the client calls itself. */
async function secureGet(authority: string, servername: string | undefined): Promise<string> {
  const { socket } = await tunnel(authority);
  const tls = connectTls({ socket, ...(servername !== undefined && { servername }), rejectUnauthorized: false });
  await once(tls, 'secureConnect');
  tls.write(`GET / HTTP/1.1\r\nhost: granted.test\r\nconnection: close\r\n\r\n`);
  return text(tls);
}

describe('the proxy', () => {
  test('listens for its owner alone', async () => {
    const { mode } = await stat(proxy.socket);
    expect(mode & 0o777).toBe(0o600);
  });

  test('forwards a request to a granted host, without what concerns the connection alone', async () => {
    let headers: IncomingMessage['headers'] = {};
    web.serve('/echo', (request, response) => {
      headers = request.headers;
      response.setHeader('x-answer', 'yes').setHeader('proxy-authenticate', 'x');
      request.pipe(response);
    });
    const answer = await ask('http://granted.test/echo?a=b', {
      method: 'POST',
      body: 'hello',
      headers: {
        host: 'evil.test',
        'proxy-authorization': 'secret',
        connection: 'x-hop',
        'x-hop': '1',
        te: 'trailers',
        'x-kept': '2',
      },
    });
    expect([answer.statusCode, answer.headers['x-answer'], await text(answer)]).toEqual([200, 'yes', 'hello']);
    expect(answer.headers['proxy-authenticate']).toBeUndefined();
    expect(headers).toMatchObject({ host: 'granted.test', 'x-kept': '2' });
    for (const name of ['proxy-authorization', 'x-hop', 'te']) expect(headers).not.toHaveProperty(name);
    expect(web.requests()).toEqual(['POST granted.test/echo?a=b']);
    expect(denials).toEqual([]);
  });

  test('joins a TLS client to the granted host it asks for', async () => {
    expect(await secureGet('granted.test:443', 'granted.test')).toContain('Hello from granted.test');
    expect(await secureGet('GRANTED.test.:443', 'Granted.test')).toContain('Hello from granted.test');
    expect(denials).toEqual([]);
  });

  test.each([
    ['http://other.test/', 'HOST_DENIED', 'other.test is not granted'],
    ['http://rebound.test/latest/', 'SSRF_DENIED', 'cloud metadata'],
    ['http://127.0.0.1/', 'SSRF_DENIED', 'loopback'],
    ['http://0x7f000001/', 'SSRF_DENIED', 'loopback'],
    ['http://granted.test@other.test/', 'HOST_DENIED', 'user name'],
    ['https://granted.test/', 'HOST_DENIED', 'CONNECT'],
    ['ftp://granted.test/', 'HOST_DENIED', 'ftp:'],
    ['/etc/passwd', 'HOST_DENIED', 'whole URL'],
    ['//granted.test/', 'HOST_DENIED', 'whole URL'],
  ])('refuses a request for %s: %s, and says why', async (target, reason, why) => {
    const answer = await ask(target, { headers: { host: 'granted.test' } });
    const body = await text(answer);
    expect(answer.statusCode).toBe(403);
    expect(body).toMatch(new RegExp(`^Denied \\(${reason}\\): .*${why}`));
    expect(denials).toEqual([{ host: target, reason }]);
    expect(web.requests()).toEqual([]);
  });

  test.each([
    ['other.test:443', 'HOST_DENIED'],
    ['rebound.test:443', 'SSRF_DENIED'],
    ['[::1]:443', 'SSRF_DENIED'],
    ['169.254.169.254:443', 'SSRF_DENIED'],
    ['2130706433:443', 'SSRF_DENIED'],
    ['granted.test@other.test:443', 'HOST_DENIED'],
    ['granted.test', 'HOST_DENIED'],
  ])('refuses a tunnel to %s: %s', async (authority, reason) => {
    const { status, said } = await tunnel(authority);
    expect(status).toBe(403);
    expect(said).toContain(`Denied (${reason}):`);
    expect(denials).toEqual([{ host: authority, reason }]);
    expect(web.dialled).toEqual([]);
  });

  test.each([
    ['another host', 'other.test'],
    ['no host', undefined],
    ['a host that only begins alike', 'granted.test.evil.test'],
  ])('ends a tunnel whose client asks for %s, before a byte goes through', async (_, servername) => {
    await expect(secureGet('granted.test:443', servername)).rejects.toThrow(/unrecognized.name|unknown name/i);
    expect(denials).toEqual([{ host: 'granted.test:443', reason: 'HOST_DENIED' }]);
    expect(web.requests()).toEqual([]);
  });

  test('ends a tunnel whose client does not speak TLS', async () => {
    const { socket } = await tunnel('granted.test:443');
    socket.resume().write('GET / HTTP/1.1\r\nhost: granted.test\r\n\r\n');
    await once(socket, 'close');
    expect(denials).toHaveLength(1);
    expect(web.requests()).toEqual([]);
  });

  test('ends a tunnel whose client says nothing', async () => {
    await open({ helloMs: 100 });
    const { socket } = await tunnel('granted.test:443');
    await once(socket.resume(), 'close');
  });

  test('says when the other side does not answer', async () => {
    web.serve('/reset', (request) => request.socket.destroy());
    const answer = await ask('http://granted.test/reset');
    expect([answer.statusCode, await text(answer)]).toEqual([
      502,
      'Failed: granted.test did not answer (ECONNRESET).\n',
    ]);
    expect(denials).toEqual([]);
  });

  test('refuses what is no HTTP, and headers beyond measure', async () => {
    for (const said of ['nonsense\r\n\r\n', `GET http://granted.test/ HTTP/1.1\r\nx: ${'x'.repeat(40_000)}\r\n\r\n`]) {
      const socket = connect(proxy.socket);
      socket.write(said);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 .*that is no HTTP\/1\.1 request/s);
    }
  });

  test('does not carry a second request smuggled into a first', async () => {
    const socket = connect(proxy.socket);
    const smuggled = 'GET http://other.test/ HTTP/1.1\r\nhost: other.test\r\n\r\n';
    socket.write(
      `POST http://granted.test/ HTTP/1.1\r\nhost: granted.test\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    );
    await text(socket);
    expect(web.requests().filter((line) => line.includes('other.test'))).toEqual([]);
  });

  test('ends an answer and a tunnel beyond their bytes, and one that is idle', async () => {
    await open({ tunnelBytes: 100_000, tunnelIdleMs: 200 });
    web.serve('/much', (_request, response) => response.end('x'.repeat(500_000)));
    await expect(text(await ask('http://granted.test/much'))).rejects.toThrow(/aborted/);
    web.serve('/held', (_request, response) => void response.writeHead(200).write('x'));
    await expect(text(await ask('http://granted.test/held'))).rejects.toThrow(/aborted/);
    const { socket } = await tunnel('granted.test:443');
    const tls = connectTls({ socket, servername: 'granted.test', rejectUnauthorized: false });
    await once(tls, 'secureConnect');
    tls.write('GET /much HTTP/1.1\r\nhost: granted.test\r\n\r\n');
    const received = await text(tls).catch((error: unknown) => String(error));
    expect(received.length).toBeLessThan(200_000);
  });

  test('takes a bounded number of connections', async () => {
    await open({ connections: 2 });
    const held = [connect(proxy.socket), connect(proxy.socket)];
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    const third = connect(proxy.socket);
    third.on('error', () => undefined);
    await once(third.resume(), 'close');
    held[0]!.destroy();
    await once(held[0]!, 'close');
    await expect.poll(async () => (await ask('http://granted.test/').catch(() => undefined))?.statusCode).toBe(200);
    held[1]!.destroy();
  });

  test('ends with all its connections, and once is as good as twice', async () => {
    web.serve('/held', (_request, response) => void response.writeHead(200).write('x'));
    const answer = await ask('http://granted.test/held');
    const { socket } = await tunnel('granted.test:443');
    const ends = Promise.all([once(socket, 'close'), text(answer).catch(() => 'cut')]);
    await proxy.close();
    await proxy.close();
    await ends;
    await expect(stat(proxy.socket)).rejects.toThrow(/ENOENT/);
  });

  test('is one of many: what one may reach the other may not', async () => {
    const other = await egress.openProxy({
      directory: directory.path,
      mayReach: () => false,
      onDenied: (denial) => denials.push(denial),
    });
    const granted = proxy;
    proxy = other;
    expect((await ask('http://granted.test/')).statusCode).toBe(403);
    proxy = granted;
    expect((await ask('http://granted.test/')).statusCode).toBe(200);
  });
});
