import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encryptionKeysText, readEncryptionKeys } from '../../../activities/encryption/keys.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const [A, B] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const read = (inline?: string, file?: string) =>
  readEncryptionKeys((name) => (name === 'MUSTER_ENCRYPTION_KEYS' ? inline : file));

describe('readEncryptionKeys', () => {
  it('takes keys in the order given, from a variable or a file, and writes them back', async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'keys');
    writeFileSync(file, `new:${A}\nold:${B}\n`);
    const keys = [
      { id: 'new', base64: A },
      { id: 'old', base64: B },
    ];
    expect(read()).toEqual([]);
    expect(read('', '')).toEqual([]);
    expect(read(`new:${A}, old:${B}`)).toEqual(keys);
    expect(read(undefined, file)).toEqual(keys);
    expect(read(encryptionKeysText(keys))).toEqual(keys);
    expect(encryptionKeysText([])).toBeUndefined();
  });

  it.each([
    ['a key without an id', A, 'entry 1 begins with no id'],
    ['a key where the id belongs', `${A}:k1`, 'entry 1 begins with no id'],
    ['a second entry without an id', `k1:${A},${B}`, 'entry 2 begins with no id'],
    ['16 bytes', `k1:${randomBytes(16).toString('base64')}`, 'the key k1 is not 32 bytes'],
    ['what is no base64', `k1:${'*'.repeat(44)}`, 'the key k1 is not 32 bytes'],
    ['trailing text', `k1:${A}x`, 'the key k1 is not 32 bytes'],
    ['an id twice', `k1:${A},k1:${B}`, 'the key k1 is given twice'],
    ['nothing but separators', ' , ,', 'holds no key'],
  ])('refuses %s, naming it and quoting no secret', (_, text, reason) => {
    const fault = messageOf(() => read(text));
    expect(fault).toContain(reason);
    expect(fault).toMatch(/^MUSTER_ENCRYPTION_KEYS\b/);
    for (const part of [A, B, A.slice(0, 12), B.slice(0, 12)]) expect(fault).not.toContain(part);
  });

  it('refuses both variables at once and a file that cannot be read', () => {
    expect(messageOf(() => read(`k1:${A}`, '/keys'))).toContain('are both set');
    expect(messageOf(() => read(undefined, '/no/such/file'))).toContain('/no/such/file cannot be read: ENOENT');
  });
});

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toMatchObject({ name: 'EncryptionKeyFault' });
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}
