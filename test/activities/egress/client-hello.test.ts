import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { readClientHello } from '../../../activities/egress/client-hello.ts';

/** What a real client says first. */
async function helloFor(servername: string | undefined): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    ...(servername && { servername }),
  });
  client.on('error', () => undefined);
  const [socket] = (await accepted) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

let named: Buffer;
let nameless: Buffer;
beforeAll(async () => {
  named = await helloFor('granted.test');
  nameless = await helloFor(undefined);
});

/** A handshake message in records of the given size. */
function inRecords(message: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

function hello(extensions: Buffer): Buffer {
  const length = (bytes: Buffer, size: number): Buffer => {
    const head = Buffer.alloc(size);
    head.writeUIntBE(bytes.length, 0, size);
    return Buffer.concat([head, bytes]);
  };
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    length(extensions, 2),
  ]);
  return inRecords(Buffer.concat([Buffer.from([1]), length(body, 3)]), 16_000);
}

const extension = (type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 255, body.length >> 8, body.length & 255]), body]);
const nameEntry = (name: string): Buffer => Buffer.concat([Buffer.from([0, 0, name.length]), Buffer.from(name)]);
const serverName = (...names: string[]): Buffer => {
  const list = Buffer.concat(names.map(nameEntry));
  return extension(0, Buffer.concat([Buffer.from([list.length >> 8, list.length & 255]), list]));
};

describe('the first message of a TLS client', () => {
  test('tells whom it is for', () => {
    expect(readClientHello(named)).toEqual({ kind: 'hello', serverName: 'granted.test', isEncrypted: false });
    expect(readClientHello(nameless)).toEqual({ kind: 'hello', serverName: undefined, isEncrypted: false });
  });

  test('is waited for, however it is cut', () => {
    for (let end = 0; end < named.length; end += 1)
      expect(readClientHello(named.subarray(0, end)).kind).toBe('partial');
    expect(readClientHello(inRecords(named.subarray(5), 512))).toMatchObject({ serverName: 'granted.test' });
  });

  test('in crumbs is nobody’s', () => {
    expect(readClientHello(inRecords(named.subarray(5), 1)).kind).toBe('bad');
  });

  test.each([
    ['HTTP in the clear', Buffer.from('GET / HTTP/1.1\r\n')],
    ['SSH', Buffer.from('SSH-2.0-x\r\n')],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 0, 2])],
    ['a record of no length', Buffer.from([22, 3, 1, 0, 0])],
    ['another handshake message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0])],
    ['one that never ends', Buffer.from([22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff])],
    ['an empty one', Buffer.from([22, 3, 1, 0, 4, 1, 0, 0, 0])],
  ])('is not %s', (_, bytes) => {
    expect(readClientHello(bytes).kind).toBe('bad');
  });

  test('with two names, in one extension or in two, could be read either way', () => {
    expect(readClientHello(hello(serverName('granted.test')))).toMatchObject({ serverName: 'granted.test' });
    expect(readClientHello(hello(serverName('granted.test', 'evil.test'))).kind).toBe('bad');
    expect(readClientHello(hello(Buffer.concat([serverName('granted.test'), serverName('evil.test')]))).kind).toBe(
      'bad',
    );
  });

  test('says when it hides its name', () => {
    const hiding = Buffer.concat([serverName('granted.test'), extension(0xfe0d, Buffer.alloc(8))]);
    expect(readClientHello(hello(hiding))).toMatchObject({ serverName: 'granted.test', isEncrypted: true });
  });

  test('damaged anywhere is never a throw', () => {
    fc.assert(
      fc.property(fc.nat(named.length - 1), fc.nat(255), fc.nat(named.length), (at, value, end) => {
        const bytes = Buffer.from(named.subarray(0, end));
        if (at < end) bytes[at] = value;
        return ['hello', 'partial', 'bad'].includes(readClientHello(bytes).kind);
      }),
      { numRuns: 20_000 },
    );
  });
});
