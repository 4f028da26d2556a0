import { readFile, realpath, stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { MAX_PROMPT_BYTES } from '../../workflows/contract/limits.ts';
import { contextEntries, contextFiles, contextItem, type ContextItem } from '../../workflows/policy/context-items.ts';
import type { FaultList } from './fault-list.ts';
import { isInside } from './places.ts';
import type { Path } from './source-document.ts';

export interface ContextRoots {
  /** Where relative paths start, in order of preference. */
  starts: readonly string[];
  /** Real directories a file may lie in. */
  bounds: readonly string[];
}

export type { ContextItem };

/** Files read so far, by real path. */
export type FileCache = Map<string, Promise<string | undefined>>;

/** Texts and JSON go in as they are, `{file}` and `{files}` are read now. A file out of the workspace is a fault. */
export async function readContext(
  context: unknown,
  path: Path,
  roots: ContextRoots,
  cache: FileCache,
  faults: FaultList,
): Promise<ContextItem[]> {
  const items: ContextItem[] = [];
  for (const { value, at } of contextEntries(context)) {
    const files = contextFiles(value);
    if (!files) items.push(contextItem(value, items.length));
    for (const file of files?.paths ?? []) {
      const here = [...path, ...(at === undefined ? [] : [at]), files!.key];
      const item = await readContextFile(file, here, roots, cache, faults);
      if (item) items.push(item);
    }
  }
  return items;
}

async function readContextFile(
  file: string,
  path: Path,
  { starts, bounds }: ContextRoots,
  cache: FileCache,
  faults: FaultList,
): Promise<ContextItem | undefined> {
  const quoted = JSON.stringify(file);
  const outside = (): undefined => {
    faults.add(
      path,
      `the context file ${quoted} lies outside the workspace`,
      'copy it into the workspace, or give its text',
    );
  };
  let sawOne = false;
  for (const start of starts) {
    const full = resolve(start, file);
    const real = await realpath(full).catch(() => undefined);
    if (real === undefined) continue;
    sawOne = true;
    if (!bounds.some((bound) => isInside(real, bound))) continue;
    const info = await stat(real);
    if (!info.isFile() || info.size > MAX_PROMPT_BYTES) {
      const what = info.isFile() ? `is larger than ${MAX_PROMPT_BYTES} bytes` : 'is no file';
      faults.add(path, `the context file ${quoted} ${what}`, 'name smaller files, or let the task read it');
      return undefined;
    }
    if (!cache.has(real))
      cache.set(
        real,
        readFile(real, 'utf8').catch(() => undefined),
      );
    const text = await cache.get(real);
    if (text !== undefined) return { name: relative(start, full) || file, text };
    faults.add(path, `the context file ${quoted} cannot be read`, 'check who may read it');
    return undefined;
  }
  // A path that points out is said to be out whether or not something is there.
  const pointsOut = starts.every((start) => !bounds.some((bound) => isInside(resolve(start, file), bound)));
  if (sawOne || pointsOut) return outside();
  faults.add(path, `the context file ${quoted} does not exist`, 'write a path relative to the working directory');
  return undefined;
}
