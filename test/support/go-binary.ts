import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * A program that `go install` builds: as its variable names it (`MUSTER_<NAME>_BINARY`), where Go puts it, or on
 * PATH, last: Temporal's `server` and `sql` are names that others have.
 * undefined: it is not here.
 */
export function goBinary(name: string): string | undefined {
  const named = process.env[`MUSTER_${name.toUpperCase().replaceAll('-', '_')}_BINARY`];
  const ofGo = process.env['GOBIN'] ?? join(homedir(), 'go', 'bin');
  const directories = [ofGo, ...(process.env['PATH'] ?? '').split(delimiter)];
  return [named, ...directories.map((directory) => join(directory, name))].find((path) => path && existsSync(path));
}
