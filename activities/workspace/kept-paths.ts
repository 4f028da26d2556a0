import { dirname } from 'node:path/posix';
import { shown, type BytePath } from './file-list.ts';
import type { Findings, FoundFile } from './found-files.ts';
import type { SourceFiles } from './layers.ts';

/** Of what is gone, directories with all in them, the files; what is there again is not gone. */
export function lostFiles({ files, gone }: Findings, source: SourceFiles): BytePath[] {
  const here = new Set(files.map(({ path }) => path));
  const removed = new Set(gone);
  const isGone = (path: BytePath): boolean => removed.has(path) || ancestors(path).some((above) => removed.has(above));
  return [...source.keys()].filter((path) => !here.has(path) && isGone(path));
}

/**
 * Tells changes a patch may hold from those it may not. A file that stands where a directory lost a file nobody was
 * allowed to remove, or the other way round, cannot be in a tree beside that file: it is refused too.
 */
export function divide(
  changes: { files: readonly FoundFile[]; gone: readonly BytePath[] },
  keeps: (path: string) => boolean,
): Record<'kept' | 'refused', { files: FoundFile[]; gone: BytePath[] }> {
  const mayGo = (path: BytePath): boolean => keeps(shown(path));
  const staying = changes.gone.filter((path) => !mayGo(path));
  const stays = new Set(staying);
  const staysBelow = new Set(staying.flatMap(ancestors));
  const clashes = (path: BytePath): boolean =>
    stays.size > 0 && (staysBelow.has(path) || ancestors(path).some((above) => stays.has(above)));
  const mayCome = (path: BytePath): boolean => mayGo(path) && !clashes(path);
  return {
    kept: { files: changes.files.filter(({ path }) => mayCome(path)), gone: changes.gone.filter(mayGo) },
    refused: { files: changes.files.filter(({ path }) => !mayCome(path)), gone: staying },
  };
}

function ancestors(path: BytePath): BytePath[] {
  const above: BytePath[] = [];
  for (let at = dirname(path); at !== '.'; at = dirname(at)) above.push(at);
  return above;
}
