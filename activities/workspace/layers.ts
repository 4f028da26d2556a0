import { lstatSync, type Dirent } from 'node:fs';
import { dirname } from 'node:path/posix';
import { forDisk, records, type BytePath } from './file-list.ts';
import type { Kind, Layer } from './found-files.ts';
import { HeldDirectory } from './held-directory.ts';
import { codeOf } from './repository.ts';
import type { Tree } from './trees.ts';

/** Every file of the source: its mode and git's id of its content, with a blank between. */
export type SourceFiles = ReadonlyMap<BytePath, string>;

/** Submodules left out, which are empty directories here. Costs what the tree holds: to be asked for only when something is amiss with its files. */
export async function sourceFiles(tree: Tree): Promise<SourceFiles> {
  const { stdout } = await tree.repository.at(tree.files, tree.index).run(['ls-files', '-z', '--stage']);
  return new Map(
    records(stdout)
      .map(entryOf)
      .filter(([, entry]) => !entry.startsWith('160000')),
  );
}

/** Of a line of `ls-files --stage`: `<mode> <object> <stage>\t<path>`. */
export function entryOf(line: string): [path: BytePath, entry: string] {
  const tab = line.indexOf('\t');
  return [line.slice(tab + 1), line.slice(0, tab - 2)];
}

/**
 * An overlay's upper directory over the shared files: it holds what was touched, so a look costs that and not what is
 * there. Deletions are found by listing, because neither a whiteout behind a directory that replaced another nor an
 * opaque directory can be told from here otherwise. Needs `redirect_dir=off`.
 */
export function overlayLayer(home: string, lower: string): Layer {
  const source = (path: BytePath): Kind | undefined => kindAt(lower, path);
  return {
    directory: `${home}/upper`,
    lower,
    source,
    missing(path) {
      const here = new Set(namesIn(`${home}/root`, path));
      return namesIn(lower, path).filter((name) => !here.has(name));
    },
  };
}

function namesIn(root: string, path: BytePath): string[] {
  using held = HeldDirectory.open(root, path);
  return held?.list().map((entry) => entry.name) ?? [];
}

function kindAt(root: string, path: BytePath): Kind | undefined {
  try {
    return lstatSync(forDisk(root, path)).isDirectory() ? 'directory' : 'file';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

/** All files of a workspace, beside the list of those it started with. */
export function listedLayer(root: string, files: SourceFiles): Layer {
  const names = new Map<BytePath, Set<string>>([['.', new Set()]]);
  for (const path of files.keys()) addName(names, path);
  const namesOf = (path: BytePath): Set<string> => names.get(path || '.') ?? new Set();
  return {
    directory: root,
    source: (path) => (files.has(path) ? 'file' : names.has(path || '.') ? 'directory' : undefined),
    missing(path: BytePath, entries: readonly Dirent[]) {
      const here = new Set(entries.map((entry) => entry.name));
      return [...namesOf(path)].filter((name) => !here.has(name));
    },
  };
}

function addName(names: Map<BytePath, Set<string>>, path: BytePath): void {
  const directory = dirname(path);
  const known = names.get(directory);
  known?.add(path.slice(path.lastIndexOf('/') + 1));
  if (known !== undefined) return;
  names.set(directory, new Set([path.slice(path.lastIndexOf('/') + 1)]));
  addName(names, directory);
}
