import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeState } from '../../../client/local/daemon.ts';
import { VERSION } from '../../../client/local/entries.ts';
import { identify } from '../../../client/local/process-identity.ts';
import { quickLook } from '../../../client/local/quick-look.ts';
import { NAMESPACE } from '../../../client/local/server.ts';
import { STANDING } from '../../../client/library/reading.ts';
import { HOME } from '../../../workflows/contract/home.ts';
import { standingQuery } from '../../../workflows/contract/messages.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** A home whose server is this one, which answers like that. What Temporal itself answers is a scenario's. */
async function look(answer: (stream: ServerHttp2Stream, message: Buffer) => void): Promise<unknown> {
  await using directory = await temporaryDirectory();
  const server = createServer();
  server.on('stream', (stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => answer(stream, Buffer.concat(chunks)));
    stream.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  mkdirSync(join(directory.path, HOME.run), { recursive: true });
  const own = identify(process.pid)!;
  const state = { ...own, version: VERSION, address, isReady: true, port: null };
  writeState(directory.path, HOME.serverFile, state);
  try {
    return await quickLook(directory.path, 'fleet/k3v9x2ab', STANDING);
  } finally {
    server.close();
  }
}

function respond(stream: ServerHttp2Stream, message: Uint8Array, status = '0'): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([prefix, message]));
}

/** query_result { payloads { metadata, data } } */
function answerOf(json: string): Buffer {
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
  const metadata = Buffer.concat([field(1, Buffer.from('encoding')), field(2, Buffer.from('json/plain'))]);
  return field(1, field(1, Buffer.concat([field(1, metadata), field(2, Buffer.from(json))])));
}

describe('quickLook', () => {
  it('asks for what the contract names', () => {
    expect(STANDING).toBe(standingQuery.name);
    expect(NAMESPACE).toBe('default');
  });

  it('asks one workflow and reads its answer', async () => {
    let asked = '';
    const seen = await look((stream, message) => {
      asked = message.toString('latin1');
      respond(stream, answerOf('{"status":{"id":"x"}}'));
    });
    expect(seen).toEqual({ status: { id: 'x' } });
    expect(asked).toContain('default');
    expect(asked).toContain('fleet/k3v9x2ab');
    expect(asked).toContain('standing');
  });

  it.each<[string, (stream: ServerHttp2Stream) => void]>([
    ['says nothing in time', () => undefined],
    ['refuses', (stream) => respond(stream, Buffer.alloc(0), '9')],
    ['refuses at once', (stream) => stream.respond({ ':status': 200, 'grpc-status': '5' }, { endStream: true })],
    ['rejects a closed workflow', (stream) => respond(stream, Buffer.from([18, 2, 8, 2]))],
    ['answers no JSON', (stream) => respond(stream, answerOf('{"sta'))],
    ['answers half', (stream) => respond(stream, Buffer.from([10, 200, 1, 1]))],
    ['breaks off', (stream) => stream.session?.destroy()],
  ])('leaves it to others where the server %s', async (_name, answer) => {
    expect(await look(answer)).toBeUndefined();
  });

  it('leaves it to others where no server runs', async () => {
    await using directory = await temporaryDirectory();
    expect(await quickLook(directory.path, 'fleet/k3v9x2ab', STANDING)).toBeUndefined();
  });
});
