import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { payloadCodec } from '../../../activities/encryption/payload-codec.ts';

const key = (id: string) => ({ id, base64: randomBytes(32).toString('base64') });
const [OLD, NEW] = [key('old'), key('new')];
const SECRET = 'a prompt that nobody else may read';
const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value)!;
const valueOf = (payload: Payload): unknown => defaultPayloadConverter.fromPayload(payload);

async function sealed(value: unknown = SECRET, keys = [OLD]): Promise<Payload> {
  return (await payloadCodec(keys).encode([payloadOf(value)]))[0]!;
}

async function opened(payload: Payload, keys = [OLD]): Promise<unknown> {
  return valueOf((await payloadCodec(keys).decode([payload]))[0]!);
}

describe('payloadCodec', () => {
  it('gives back any payload, metadata included', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.dictionary(fc.string(), bytes), bytes)), async (parts) => {
        const payloads = parts.map(([metadata, data]) => ({ metadata, data }));
        const codec = payloadCodec([NEW, OLD]);
        const decoded = await codec.decode(await codec.encode(payloads));
        expect(decoded.map(plain)).toEqual(payloads.map(plain));
      }),
    );
  });

  it('leaves nothing of the value or its encoding in the clear, and never repeats itself', async () => {
    const [one, two] = [await sealed(), await sealed()];
    expect(Object.keys(one.metadata!)).toEqual(['encoding', 'encryption-key-id']);
    const text = Buffer.from(one.data!).toString('latin1');
    for (const part of [SECRET, 'prompt', 'json/plain']) expect(text).not.toContain(part);
    expect(Buffer.from(one.data!).equals(Buffer.from(two.data!))).toBe(false);
  });

  it('notices every changed byte', async () => {
    const payload = await sealed();
    for (const at of payload.data!.keys()) {
      const data = Uint8Array.from(payload.data!);
      data[at]! ^= 1;
      await expect(opened({ ...payload, data })).rejects.toThrow('does not open with the key "old"');
    }
    for (const length of [0, 11, 27, payload.data!.length - 1])
      await expect(opened({ ...payload, data: payload.data!.slice(0, length) })).rejects.toThrow('does not open');
  });

  it('binds a ciphertext to its key id, and names a key that is missing', async () => {
    const payload = await sealed();
    const renamed = { ...payload, metadata: { ...payload.metadata, 'encryption-key-id': Buffer.from('alias') } };
    await expect(opened(renamed, [{ ...OLD, id: 'alias' }])).rejects.toThrow('does not open with the key "alias"');
    await expect(opened(payload, [NEW])).rejects.toThrow('the key "old", which is not among MUSTER_ENCRYPTION_KEYS');
    await expect(opened(payload, [])).rejects.toThrow('the key "old"');
    await expect(opened(payload, [{ ...NEW, id: 'old' }])).rejects.toThrow('another key has this id');
  });

  it('rotates: the first key encrypts, every key decrypts', async () => {
    const before = await sealed();
    const after = await sealed(SECRET, [NEW, OLD]);
    expect(Buffer.from(after.metadata!['encryption-key-id']!).toString()).toBe('new');
    expect(await opened(before, [NEW, OLD])).toBe(SECRET);
    expect(await opened(after, [NEW])).toBe(SECRET);
    await expect(opened(after, [OLD])).rejects.toThrow('the key "new"');
  });

  it('passes what was never encrypted, and encrypts nothing without keys', async () => {
    expect(await opened(payloadOf(SECRET))).toBe(SECRET);
    const payload = payloadOf(SECRET);
    expect(await payloadCodec([]).encode([payload])).toEqual([payload]);
  });
});

const plain = ({ metadata, data }: Payload): unknown => [
  Object.entries(metadata ?? {})
    .map(([name, value]) => [name, [...value]])
    .sort(),
  [...(data ?? [])],
];
