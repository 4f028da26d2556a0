import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Of this muster: package.json stands above `workers/` in a checkout, and one higher in an installed package. */
export const VERSION = readVersion();

function readVersion(): string {
  const files = ['../package.json', '../../package.json'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const file = files.find((path) => existsSync(path));
  if (file === undefined) throw new Error(`there is none of ${files.join(', ')}`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
