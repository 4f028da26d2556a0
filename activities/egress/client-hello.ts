/**
 * What a TLS client says first (RFC 8446 §4.1.2), as far as the proxy looks at it: whom it wants to speak to.
 * `partial`: more bytes are needed. `bad`: no TLS, malformed, or longer than anybody's.
 */
export type ClientHello =
  { kind: 'partial' } | { kind: 'bad' } | { kind: 'hello'; serverName: string | undefined; isEncrypted: boolean };

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
/** With post-quantum key shares about 1.8 KiB; a session ticket may double it. */
const MAX_HELLO_BYTES = 16_384;
/** Nobody cuts it into more; reading crumbs anew for each byte would take the loop's time. */
const MAX_RECORDS = 8;

/** Reads the start of a connection. Never throws; the bytes are a stranger's. */
export function readClientHello(bytes: Buffer): ClientHello {
  const message = handshakeOf(bytes);
  if (typeof message === 'string') return { kind: message };
  try {
    return helloOf(message);
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'bad' };
    throw error;
  }
}

/** The handshake message out of its records: it may be cut into several. */
function handshakeOf(bytes: Buffer): Buffer | 'partial' | 'bad' {
  const parts: Buffer[] = [];
  let at = 0;
  while (parts.length <= MAX_RECORDS) {
    const message = Buffer.concat(parts);
    if (message.length > 0 && message[0] !== CLIENT_HELLO) return 'bad';
    const size = message.length >= 4 ? message.readUIntBE(1, 3) : undefined;
    if (at > MAX_HELLO_BYTES || (size !== undefined && size > MAX_HELLO_BYTES)) return 'bad';
    if (size !== undefined && message.length >= size + 4) return message.subarray(4, size + 4);
    if (bytes.length > at && bytes[at] !== HANDSHAKE) return 'bad';
    if (bytes.length > at + 1 && bytes[at + 1] !== 3) return 'bad';
    if (bytes.length < at + 5) return 'partial';
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    if (end === at + 5) return 'bad';
    parts.push(bytes.subarray(at + 5, end));
    if (bytes.length < end) return end > MAX_HELLO_BYTES + 5 ? 'bad' : 'partial';
    at = end;
  }
  return 'bad';
}

function helloOf(message: Buffer): ClientHello {
  const reader = new Reader(message);
  reader.take(2 + 32);
  reader.take(reader.number(1));
  reader.take(reader.number(2));
  reader.take(reader.number(1));
  let serverName: string | undefined;
  let isEncrypted = false;
  const extensions = reader.isDone ? reader : new Reader(reader.take(reader.number(2)));
  while (!extensions.isDone) {
    const type = extensions.number(2);
    const body = extensions.take(extensions.number(2));
    if (type === ENCRYPTED_CLIENT_HELLO) isEncrypted = true;
    if (type !== SERVER_NAME) continue;
    if (serverName !== undefined) return { kind: 'bad' };
    serverName = serverNameOf(new Reader(body));
  }
  return { kind: 'hello', serverName, isEncrypted };
}

/** One name of type host_name: no client sends more, and two could be read as either. */
function serverNameOf(extension: Reader): string {
  const list = new Reader(extension.take(extension.number(2)));
  if (list.number(1) !== 0) throw new RangeError('not a host name');
  const name = list.take(list.number(2)).toString('latin1');
  if (!list.isDone || !extension.isDone) throw new RangeError('more than one name');
  return name;
}

/** Throws `RangeError` beyond the end. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length;
  }

  number(size: number): number {
    return this.take(size).readUIntBE(0, size);
  }

  take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new RangeError('beyond the end');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
