import { realpath, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';

/** A working directory that exists: itself, and the root of the workspace it stands in (its repository's, or itself). */
export interface Place {
  directory: string;
  root: string;
}

/** Looks up directories on the disk, each once: 100,000 tasks mostly share a few. */
export class Places {
  readonly #places = new Map<string, Promise<Place | undefined>>();

  /** undefined: it is no directory. */
  find(directory: string): Promise<Place | undefined> {
    let place = this.#places.get(directory);
    if (!place) this.#places.set(directory, (place = look(directory)));
    return place;
  }
}

async function look(directory: string): Promise<Place | undefined> {
  const info = await stat(directory).catch(() => undefined);
  if (!info?.isDirectory()) return undefined;
  const real = await realpath(directory);
  for (let root = real; ; root = dirname(root)) {
    if (existsSync(join(root, '.git'))) return { directory: resolve(directory), root };
    if (root === dirname(root)) return { directory: resolve(directory), root: real };
  }
}

/** `directory` and what lies above it up to `root`, nearest first; real paths. */
export async function upwards({ directory, root }: Place): Promise<string[]> {
  const directories: string[] = [];
  const top = await realpath(root);
  for (let here = await realpath(directory); isInside(here, top); here = dirname(here)) {
    directories.push(here);
    if (here === dirname(here)) break;
  }
  return directories;
}

/** Whether `path` is `directory` or below it; both absolute and resolved. */
export function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
