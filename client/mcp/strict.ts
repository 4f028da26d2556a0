import { z } from 'zod';
import { nearest } from '../spec/keys.ts';

/** An object of exactly these keys; another one is refused with the nearest that there is. */
export function strict<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys as string[]).map((key) => unknownKey(key, known)).join('; ')
        : undefined,
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return `\`${key}\` is no argument of this tool; ${near === undefined ? `it has ${known.join(', ')}` : `write \`${near}\``}`;
}
