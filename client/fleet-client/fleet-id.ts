import { randomBytes } from 'node:crypto';

/** Crockford's base32 in small letters: nothing that looks like something else. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Eight characters, 40 random bits; it begins with a letter, so that no shell or YAML takes it for a number. */
export function newFleetId(): string {
  const [first, ...rest] = randomBytes(8);
  return ALPHABET[10 + (first! % 22)]! + Array.from(rest, (byte) => ALPHABET[byte % 32]!).join('');
}

export const LATEST = '@latest';
