import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { EgressFailed } from './egress.ts';

/** No text shrinks a hundredfold by honest means, but for little ones: those are never asked. */
const MAX_RATIO = 100;
const RATIO_FROM_BYTES = 1_048_576;

/**
 * The decoded body up to `maxBytes`; what lies beyond is not read. Takes the message: its connection has ended when this
 * settles. Rejects with `EgressFailed` for an encoding nobody knows and a bomb, or with the connection's error.
 */
export async function readBody(
  message: IncomingMessage,
  maxBytes: number,
): Promise<{ bytes: Uint8Array; isCut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of decoded(message, maxBytes) as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxBytes) break;
    }
  } finally {
    message.destroy();
  }
  const bytes = Buffer.concat(chunks);
  return { bytes: bytes.subarray(0, maxBytes), isCut: size > maxBytes };
}

/** The body as a stream without its content encoding; fails as `readBody` once it had `maxBytes` of encoded ones. */
export function decoded(message: IncomingMessage, maxBytes: number): Readable {
  const encoding = (message.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return message;
  const decoder = decoderOf(encoding);
  let sizeBytes = 0;
  decoder.on('data', ({ length }: Uint8Array) => {
    sizeBytes += length;
    if (sizeBytes > RATIO_FROM_BYTES && sizeBytes > MAX_RATIO * decoder.bytesWritten)
      decoder.destroy(new EgressFailed('the answer unpacks to more than a hundred times its size: refused as a bomb'));
  });
  decoder.pause();
  pipeline(
    message,
    (source: AsyncIterable<Uint8Array>) => atMost(source, maxBytes),
    decoder,
    () => undefined,
  );
  return decoder;
}

/** Encoded data may go on for ever without a byte of content in it. */
async function* atMost(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of source) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new EgressFailed(`the answer is longer than ${maxBytes} bytes even when packed`);
    yield chunk;
  }
}

function decoderOf(encoding: string): ReturnType<typeof createGunzip | typeof createBrotliDecompress> {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new EgressFailed(
        `the answer is encoded as ${JSON.stringify(encoding.slice(0, 50))}, which is not read here`,
      );
  }
}
