import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import { isHiddenFromShell, shellScope } from '../../workflows/policy/shell-scope.ts';

/** Directories read at once. */
const AT_ONCE = 16;

/**
 * What of a workspace a shell must not see, as paths relative to `root`: what deny rules name, and every file their patterns
 * match. Follows no link. Only as much is looked at as the rules ask for.
 */
export async function hiddenPaths(root: string, grant: Grant, directory: string): Promise<string[]> {
  const { hidden, hidesByPattern } = shellScope(grant, directory);
  if (!hidesByPattern || hidden.includes('')) return hidden;
  const found = new Set(hidden);
  let level = [''];
  while (level.length > 0) {
    const next: string[] = [];
    for (let from = 0; from < level.length; from += AT_ONCE) {
      const entries = await Promise.all(level.slice(from, from + AT_ONCE).map((path) => entriesOf(root, path)));
      for (const { path, isDirectory } of entries.flat()) {
        if (found.has(path)) continue;
        if (isHiddenFromShell(grant, directory, path)) found.add(path);
        else if (isDirectory) next.push(path);
      }
    }
    level = next;
  }
  return [...found];
}

async function entriesOf(root: string, path: string): Promise<{ path: string; isDirectory: boolean }[]> {
  const entries = await readdir(join(root, path), { withFileTypes: true });
  return entries.map((entry) => ({
    path: path === '' ? entry.name : `${path}/${entry.name}`,
    isDirectory: entry.isDirectory(),
  }));
}
