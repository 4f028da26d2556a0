import { randomBytes, type Hash } from 'node:crypto';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { ArtifactDamaged, ArtifactMissing, RecordConflict } from './store.ts';

/** What blobs, records and files under way are called, wherever they are kept. */

/** Names that no other process and no other call ever makes: 72 random bits of this process, then a counter. */
const processName = randomBytes(9).toString('base64url');
let namesMade = 0;

/** A file-name-safe text that is new in the world; letters, digits, `-` and `_`. */
export function uniqueName(): string {
  return `${processName}${(namesMade++).toString(36)}`;
}

export const refOf = (hash: Hash): ArtifactRef => `sha256:${hash.digest('hex')}`;

/** `<2 hex>/<62 hex>` of a reference; throws `TypeError` for what is none. */
export function blobName(ref: ArtifactRef): string {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(ref)?.[1];
  if (hex === undefined) throw new TypeError(`not an artifact reference: ${ref.slice(0, 100)}`);
  return `${hex.slice(0, 2)}/${hex.slice(2)}`;
}

/** The reference of a blob's name. */
export const refOfName = (name: string): ArtifactRef => `sha256:${name.replace('/', '')}`;

export const damaged = (ref: ArtifactRef): ArtifactDamaged =>
  new ArtifactDamaged(`${ref} does not hold what its name says`);

export const missing = (ref: ArtifactRef): ArtifactMissing =>
  new ArtifactMissing(`${ref} is not in the artifact store`);

export const conflict = (key: string, expected: number): RecordConflict =>
  new RecordConflict(`record ${key} is not at version ${expected.toString()}`);

/** Keys are paths of plain names: nothing that climbs, and nothing that looks like our own files. */
export function keySegments(key: string): string[] {
  const parts = key.split('/');
  if (!parts.every((part) => /^[A-Za-z0-9_:.-]{1,200}$/.test(part) && !/^\.\.?$/.test(part))) {
    throw new TypeError(`not a record key: ${key.slice(0, 200)}`);
  }
  return parts;
}

/** The segments of a prefix, which is empty or ends with a slash. */
export function prefixSegments(prefix: string): string[] {
  if (prefix === '') return [];
  if (!prefix.endsWith('/')) throw new TypeError(`prefix does not end with a slash: ${prefix}`);
  return keySegments(prefix.slice(0, -1));
}

/** A record's value as stored; throws `TypeError` for what JSON has no word for. */
export function recordText(key: string, value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`record ${key} is not a JSON value`);
  return text;
}
