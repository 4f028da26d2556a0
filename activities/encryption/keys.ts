import { readFileSync } from 'node:fs';

/** One key of the payloads in Temporal. Its id travels with every payload, in the clear. */
export interface EncryptionKey {
  id: string;
  /** 32 bytes, in base64. */
  base64: string;
}

/** What was given is no list of keys. The message names variable and key, and never quotes what may be a secret. */
export class EncryptionKeyFault extends Error {
  override name = 'EncryptionKeyFault';
}

const VARIABLE = 'MUSTER_ENCRYPTION_KEYS';
const FILE_VARIABLE = 'MUSTER_ENCRYPTION_KEYS_FILE';
const HINT = 'write ID:KEY, where KEY is what `openssl rand -base64 32` prints';

/**
 * The keys of a process, from `MUSTER_ENCRYPTION_KEYS` or the file that `MUSTER_ENCRYPTION_KEYS_FILE` names: `ID:KEY`,
 * parted by commas or lines. The first encrypts, all decrypt; none: nothing is encrypted. Throws `EncryptionKeyFault`.
 */
export function readEncryptionKeys(lookup: (variable: string) => string | undefined): EncryptionKey[] {
  const inline = lookup(VARIABLE);
  const file = lookup(FILE_VARIABLE);
  if (inline && file) throw new EncryptionKeyFault(`${VARIABLE} and ${FILE_VARIABLE} are both set: leave one out`);
  if (inline) return parseKeys(inline, VARIABLE);
  return file ? parseKeys(contentOf(file), FILE_VARIABLE) : [];
}

/** As `MUSTER_ENCRYPTION_KEYS` takes it; undefined: no keys. */
export function encryptionKeysText(keys: readonly EncryptionKey[]): string | undefined {
  return keys.map(({ id, base64 }) => `${id}:${base64}`).join(',') || undefined;
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new EncryptionKeyFault(`${FILE_VARIABLE}: ${file} cannot be read: ${why}`);
  }
}

function parseKeys(text: string, variable: string): EncryptionKey[] {
  const entries = text.split(/[,\n]/).flatMap((entry) => entry.trim() || []);
  if (entries.length === 0) throw new EncryptionKeyFault(`${variable} holds no key: ${HINT}`);
  const keys = entries.map((entry, i) => parseKey(entry, `${variable}: entry ${(i + 1).toString()}`, variable));
  const twice = keys.find(({ id }, i) => keys.findIndex((other) => other.id === id) < i);
  if (twice) throw new EncryptionKeyFault(`${variable}: the key ${twice.id} is given twice: every key has its own id`);
  return keys;
}

function parseKey(entry: string, where: string, variable: string): EncryptionKey {
  const at = entry.indexOf(':');
  const id = entry.slice(0, Math.max(at, 0));
  // What is not like an id may be a key in the wrong place, which must not reach a log.
  if (!/^[A-Za-z0-9._-]{1,40}$/.test(id)) throw new EncryptionKeyFault(`${where} begins with no id: ${HINT}`);
  const base64 = entry.slice(at + 1).trim();
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== base64)
    throw new EncryptionKeyFault(`${variable}: the key ${id} is not 32 bytes in base64: ${HINT}`);
  return { id, base64 };
}
