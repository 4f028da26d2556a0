import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  renameSync,
} from 'node:fs';
import { join } from 'node:path';
import { HOME } from '../../workflows/contract/home.ts';
import { CommandFailure } from '../cli/context.ts';
import { VERSION } from './entries.ts';

/** Raised when a home of before cannot be read any more as it lies; an older one is brought up to it here. */
export const HOME_LAYOUT = 1;

interface HomeVersion {
  layout: number;
  /** Of the muster that wrote it last, for people. */
  muster: string;
}

/**
 * Makes the home, readable for its owner alone and out of git's sight, or checks the one that is there. Safe to call
 * twice and from two processes. Throws `CommandFailure` 2: a newer muster's, or not to be written to.
 */
export function createHome(home: string): void {
  try {
    const isNew = !existsSync(home);
    for (const directory of ['', HOME.run, HOME.logs]) mkdirSync(join(home, directory), { recursive: true });
    accessSync(join(home, HOME.run), constants.W_OK | constants.X_OK);
    if (isNew) chmodSync(home, 0o700);
    if (!existsSync(join(home, '.gitignore'))) replace(join(home, '.gitignore'), '*\n');
    const found = readHomeVersion(home);
    if (found?.layout !== HOME_LAYOUT || found.muster !== VERSION)
      replace(join(home, HOME.version), JSON.stringify({ layout: HOME_LAYOUT, muster: VERSION } satisfies HomeVersion));
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      2,
      `the home ${home} cannot be written: ${message}`,
      'set MUSTER_HOME to a directory of yours',
    );
  }
}

/** undefined: there is no home yet. Throws `CommandFailure` 2 when it is a newer muster's or no home at all. */
export function readHomeVersion(home: string): HomeVersion | undefined {
  const info = statSync(home, { throwIfNoEntry: false });
  if (info && !info.isDirectory()) throw new CommandFailure(2, `the home ${home} is no directory`, 'set MUSTER_HOME');
  const file = join(home, HOME.version);
  if (!existsSync(file)) return undefined;
  const found = parse(readFileSync(file, 'utf8'));
  if (!found)
    throw new CommandFailure(2, `${file} is damaged`, `write {"layout":${HOME_LAYOUT}} into it, or set MUSTER_HOME`);
  if (found.layout > HOME_LAYOUT) {
    throw new CommandFailure(
      2,
      `the home ${home} belongs to a newer muster (${found.muster}); this is ${VERSION}`,
      'update muster, or set MUSTER_HOME to another directory',
    );
  }
  return found;
}

function parse(text: string): HomeVersion | undefined {
  try {
    const { layout, muster = 'unknown' } = JSON.parse(text) as Partial<HomeVersion>;
    return Number.isInteger(layout) ? { layout: layout!, muster } : undefined;
  } catch {
    return undefined;
  }
}

/** By a rename: another process sees the old file or the new one, never half of it. */
export function replace(file: string, text: string): void {
  const draft = `${file}.${process.pid}.draft`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}
