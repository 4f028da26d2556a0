import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import type { EncryptionKey } from './keys.ts';
import { payloadCodec } from './payload-codec.ts';

/** The workflow bundle is made with it where keys are given. This room knows Temporal, whose payloads it encrypts. */
export const FAILURE_CONVERTER = fileURLToPath(
  new URL(`./failure-converter.${import.meta.url.endsWith('.js') ? 'js' : 'ts'}`, import.meta.url),
);

/**
 * How every client and worker turns values into payloads. One without keys writes as Temporal always does, and says
 * which key is missing when it meets an encrypted payload.
 */
export function dataConverterOf(keys: readonly EncryptionKey[]): DataConverter {
  const payloadCodecs = [payloadCodec(keys)];
  return keys.length > 0 ? { payloadCodecs, failureConverterPath: FAILURE_CONVERTER } : { payloadCodecs };
}
