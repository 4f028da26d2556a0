import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect as connectSocket, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Connect, Lookup } from '../../activities/egress/dial.ts';
import { temporaryDirectory } from './temporary.ts';

/** A little web on this machine, with a name service and a network of its own: what `createEgress` takes. */
export interface WebWorld extends AsyncDisposable {
  /**
   * `granted.test` and `other.test` are one server; `rebound.test` is the clouds' metadata, `inside.test` this machine,
   * `mixed.test` both a public address and this machine, `flip.test` the server at first and then this machine,
   * `gone.test` nobody listens. Other names do not exist.
   */
  lookup: Lookup;
  /** To the server by ports 80 and 443; other addresses as they are. */
  connect: Connect;
  internal: readonly string[];
  /** The authority both certificates are from. */
  certificates: readonly string[];
  /** Names that were looked up. */
  readonly looked: string[];
  /** Addresses a connection was begun to. */
  readonly dialled: string[];
  /** What arrived at the server, as `GET granted.test/path`. */
  requests(): string[];
  /** What arrived at this machine's own address, where nothing may. */
  trespasses(): string[];
  /** Where the canary listens that counts trespasses. */
  canaryPort: number;
  /** Answers a path of its own from now on. */
  serve(path: string, answer: (request: IncomingMessage, response: ServerResponse) => void): void;
  close(): Promise<void>;
}

/** Not 127.0.0.1, which stays forbidden: all of 127.0.0.0/8 is this machine. */
const ADDRESS = '127.7.7.7';
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'granted.test': [ADDRESS],
  'other.test': [ADDRESS],
  'rebound.test': ['169.254.169.254'],
  'inside.test': ['127.0.0.1'],
  'mixed.test': ['93.184.215.14', '127.0.0.1'],
  'gone.test': ['127.7.7.8'],
};

export async function startWeb(): Promise<WebWorld> {
  const pages = new Map<string, Page>();
  const seen: string[] = [];
  const trespassed: string[] = [];
  const looked: string[] = [];
  const dialled: string[] = [];
  const answer: RequestListener = (request, response) => {
    const path = new URL(request.url ?? '/', 'http://any').pathname;
    seen.push(`${request.method} ${request.headers.host}${request.url}`);
    const page = pages.get(path) ?? PAGES[path] ?? missing;
    page(request, response);
  };
  const { authority, key, cert } = await certificates();
  const plain = await listening(createServer(answer), ADDRESS);
  const secure = await listening(createSecureServer({ key, cert }, answer), ADDRESS);
  const canary = await listening(
    createServer((request, response) => {
      trespassed.push(request.url ?? '');
      response.end('CANARY OF THE HOST');
    }),
    '127.0.0.1',
  );
  const servers = [plain, secure, canary];
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await Promise.all(servers.map(({ end }) => end()));
  };
  return {
    lookup(host) {
      looked.push(host);
      if (host === 'flip.test') {
        const isFirst = looked.filter((name) => name === host).length === 1;
        return Promise.resolve([{ address: isFirst ? ADDRESS : '127.0.0.1' }]);
      }
      const found = NAMES[host];
      if (!found) return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
      return Promise.resolve(found.map((address) => ({ address })));
    },
    connect({ host, port }) {
      dialled.push(host);
      const ports: Readonly<Record<number, number>> = host === ADDRESS ? { 80: plain.port, 443: secure.port } : {};
      return connectSocket({ host, port: ports[port] ?? port });
    },
    internal: [`${ADDRESS}/32`, '127.7.7.8/32'],
    certificates: [authority],
    looked,
    dialled,
    requests: () => seen,
    trespasses: () => trespassed,
    canaryPort: canary.port,
    serve: (path, page) => void pages.set(path, page),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function home(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(
    `<html><body><h1>Hello from ${request.headers.host}</h1><p>A <a href="/next">link</a>.</p></body></html>`,
  );
}

type Page = (request: IncomingMessage, response: ServerResponse) => void;

/** What is there from the beginning, hostile for the most part. */
const PAGES: Readonly<Record<string, Page>> = {
  '/': home,
  '/redirect'({ url = '' }, response) {
    const to = new URL(url, 'http://any').searchParams.get('to') ?? '/';
    response.writeHead(302, { location: to }).end();
  },
  '/circle': (_request, response) => void response.writeHead(302, { location: '/circle' }).end(),
  '/bomb'(_request, response) {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' });
    response.end(gzipSync(Buffer.alloc(20 * 1024 * 1024)));
  },
  '/endless'(_request, response) {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  },
  '/headers': (_request, response) => void response.writeHead(200, { 'x-long': 'x'.repeat(100_000) }).end(),
  '/deep'(_request, response) {
    response.setHeader('content-type', 'text/html');
    response.end('<b>'.repeat(1_000_000));
  },
  '/picture'(_request, response) {
    response.setHeader('content-type', 'text/html');
    const picture = '<img src="http://other.test/pixel" alt="![x](http://other.test/)">';
    response.end(`<p>${picture} <a href="javascript:alert(1)">click</a> <a href="/">the end</a></p>`);
  },
};

function missing(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing here');
}

async function listening(server: Server, host: string): Promise<{ port: number; end(): Promise<void> }> {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => undefined);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async end() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** An authority of an hour, and with it a certificate for `granted.test`. */
async function certificates(): Promise<{ authority: string; key: string; cert: string }> {
  await using directory = await temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const openssl = async (...args: string[]): Promise<void> => void (await promisify(execFile)('openssl', args));
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  await openssl(...fresh, '-subj', '/CN=muster test', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  const issued = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext', 'subjectAltName=DNS:granted.test'];
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  await openssl(...fresh, ...issued, ...leaf, '-subj', '/CN=granted.test', '-keyout', at('key'), '-out', at('cert'));
  const [authority, key, cert] = await Promise.all(['ca.pem', 'key', 'cert'].map((name) => readFile(at(name), 'utf8')));
  return { authority: authority!, key: key!, cert: cert! };
}
