import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InvalidFleet } from './plan.ts';

/** Text of a file the user named. Throws `InvalidFleet` with its one fault; `expected`: what the path should be of. */
export async function readText(path: string, file: string, expected: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const message =
      code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'this is a directory' : `cannot be read (${code})`;
    throw new InvalidFleet([{ file, line: 1, column: 1, message, hint: `write the path of ${expected}` }]);
  }
}

/** Of the text a fleet is made from and of what was given beside it: the same words, the same hash. */
export function hashOfText(text: string, given: unknown): string {
  const hash = createHash('sha256').update(`${text.length}\n`).update(text);
  return hash.update(JSON.stringify([given])).digest('hex');
}
