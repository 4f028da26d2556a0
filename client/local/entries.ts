import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const root = dirname(dirname(dirname(here)));

/** The file to run, `workers/main` for instance: TypeScript in a checkout, built JavaScript in the installed package. */
export function entry(name: string): string {
  return join(root, ...name.split('/')) + extname(here);
}

/** Of this muster: daemons and homes of another are told apart by it. */
export const VERSION = readVersion();

function readVersion(): string {
  for (const directory of [root, dirname(root)]) {
    try {
      const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as { version: string };
      return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`no package.json in or above ${root}`);
}
