import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import protos from '@temporalio/proto';
import type { EncryptionKey } from './keys.ts';

const { Payload: Message } = protos.temporal.api.common.v1;

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ENCODING = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';

/** A payload that no key of this process opens. Its message holds a key's id and nothing of the payload. */
export class PayloadUnreadable extends Error {
  override name = 'PayloadUnreadable';
}

/**
 * Encrypts whole payloads, metadata included, with the first key, and decrypts with whichever key a payload names.
 * Without keys it encrypts nothing. What was stored before encryption was switched on passes as it is. `decode` throws
 * `PayloadUnreadable`: Temporal then gives the task to a worker again, so nothing is lost but time.
 */
export function payloadCodec(keys: readonly EncryptionKey[]): PayloadCodec {
  const secrets = new Map(keys.map(({ id, base64 }) => [id, createSecretKey(base64, 'base64')]));
  const first = keys[0]?.id;
  return {
    encode: async (payloads) =>
      first === undefined ? payloads : payloads.map((payload) => seal(payload, first, secrets.get(first)!)),
    decode: async (payloads) => payloads.map((payload) => open(payload, secrets)),
  };
}

function seal(payload: Payload, id: string, key: KeyObject): Payload {
  const plain = Message.encode(payload).finish();
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(boundTo(id));
  const data = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return { metadata: { encoding: Buffer.from(ENCODING), [KEY_ID]: Buffer.from(id) }, data };
}

function open(payload: Payload, keys: ReadonlyMap<string, KeyObject>): Payload {
  if (textOf(payload.metadata?.['encoding']) !== ENCODING) return payload;
  const id = textOf(payload.metadata?.[KEY_ID]) ?? '';
  const key = keys.get(id);
  if (!key)
    throw new PayloadUnreadable(
      `a payload is encrypted with the key ${JSON.stringify(id)}, which is not among MUSTER_ENCRYPTION_KEYS here`,
    );
  try {
    const data = Buffer.from(payload.data ?? []);
    const [ivEnd, tagStart] = [IV_BYTES, data.length - TAG_BYTES];
    const decipher = createDecipheriv(CIPHER, key, data.subarray(0, ivEnd), { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(id)).setAuthTag(data.subarray(tagStart));
    const plain = Buffer.concat([decipher.update(data.subarray(ivEnd, tagStart)), decipher.final()]);
    return Message.decode(plain);
  } catch {
    throw new PayloadUnreadable(
      `a payload does not open with the key ${JSON.stringify(id)}: it was changed, or elsewhere another key has this id`,
    );
  }
}

/**
 * What a ciphertext is bound to: the form and the key's id. Not the workflow: Temporal itself carries payloads from one
 * execution to another (memo and input on continue-as-new, schedules, results of children).
 */
const boundTo = (id: string): Buffer => Buffer.from(`muster/1/${id}`);

const textOf = (bytes: Uint8Array | null | undefined): string | undefined =>
  bytes ? Buffer.from(bytes).toString() : undefined;
