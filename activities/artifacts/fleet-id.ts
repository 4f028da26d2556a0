import { createHash, randomBytes } from 'node:crypto';

/** Crockford's base32 in small letters: nothing that looks like something else. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Eight characters, 40 random bits; it begins with a letter, so that no shell or YAML takes it for a number. */
export const newFleetId = (): string => spelled(randomBytes(8));

/** An id that follows from a text: whoever asks again gets the same one. `turn`: another, where that one is taken. */
export function fleetIdFrom(text: string, turn: number): string {
  return spelled(createHash('sha256').update(`${text}\n${turn.toString()}`).digest().subarray(0, 8));
}

function spelled(bytes: Uint8Array): string {
  const [first, ...rest] = bytes;
  return ALPHABET[10 + (first! % 22)]! + Array.from(rest, (byte) => ALPHABET[byte % 32]!).join('');
}
