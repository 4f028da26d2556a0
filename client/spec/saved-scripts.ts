import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_SCRIPT_CHARS } from '../../activities/script/parse.ts';
import { isInside, upwards, type Place } from './places.ts';

const DIRECTORY = join('.claude', 'workflows');
const NAME = /^(?<name>[^/\\]{1,200})\.js$/;
/** More than anyone keeps. */
const MAX_SAVED = 200;

export interface SavedScript {
  name: string;
  /** Absolute. */
  file: string;
  source: string;
}

/**
 * Saved workflow scripts by name: of `.claude/workflows/` from a directory upwards to its repository's root, the nearest
 * of a name, then of the home directory. Reads them all, parses none.
 */
export async function savedScripts(place: Place, home: string | undefined): Promise<Map<string, SavedScript>> {
  const saved = new Map<string, SavedScript>();
  const own = (await upwards(place)).map((directory) => ({ directory, root: place.root }));
  const users = home === undefined ? [] : [{ directory: home, root: home }];
  for (const { directory, root } of [...own, ...users]) {
    const files = await readdir(join(directory, DIRECTORY)).catch(() => []);
    for (const file of files.sort()) {
      const name = NAME.exec(file)?.groups?.['name'];
      if (name === undefined || saved.has(name) || saved.size >= MAX_SAVED) continue;
      const path = join(directory, DIRECTORY, file);
      const source = await readOwn(path, root);
      if (source !== undefined) saved.set(name, { name, file: path, source });
    }
  }
  return saved;
}

/** A link in somebody's repository must not send a file of this machine into a fleet. */
export async function readOwn(path: string, root: string): Promise<string | undefined> {
  try {
    if (!isInside(await realpath(path), await realpath(root))) return undefined;
    const source = await readFile(path, 'utf8');
    return source.length <= MAX_SCRIPT_CHARS ? source : undefined;
  } catch {
    return undefined;
  }
}
