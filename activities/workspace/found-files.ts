import type { BigIntStats, Dirent } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import { isGitName } from './changed-files.ts';
import { shown, type BytePath } from './file-list.ts';
import { HeldDirectory } from './held-directory.ts';
import { IGNORE_FILE, type IgnoreRules } from './ignore-rules.ts';
import { WorkspaceTooLarge } from './workspace.ts';

/** What a subagent may leave behind; beyond it a save is refused. Ignored files do not count. */
export const LIMITS = { files: 200_000, depth: 256, pathBytes: 3_500 };
/** New paths git is asked about at once: one question for nearly every save, and few looks into what is ignored. */
const QUESTION = 2_000;
const BREATH_MS = 10;

export interface FoundFile {
  path: BytePath;
  isInSource: boolean;
  /** A regular file or a symlink. */
  stats: BigIntStats;
}

export interface Findings {
  files: FoundFile[];
  /** What the source has and the workspace has not: files, or directories with all in them. */
  gone: BytePath[];
}

export type Kind = 'file' | 'directory';

/** Files that are looked through for changes, beside what they are compared with. */
export interface Layer {
  /** Holds every file that may have changed. */
  directory: string;
  /** What the source has at a path. */
  source(path: BytePath): Kind | undefined;
  /** Names the source has in a directory and the workspace has not. */
  missing(path: BytePath, entries: readonly Dirent[]): readonly string[];
  /** Where the files lie that are as the source has them, if not in `directory`. */
  lower?: string;
}

interface Search extends Findings {
  layer: Layer;
  rules: IgnoreRules;
  /** Directories to look into. */
  pending: BytePath[];
  /** Not in the source, and git has not been asked yet; directories end with a slash. */
  fresh: FoundFile[];
  unasked: BytePath[];
  /** Of those: too deep or too long to be looked into. */
  deep: BytePath[];
}

/**
 * All files and symlinks that may have changed, links not followed; no special files, nothing of git's own and, of what
 * is not in the source, nothing git ignores. An ignored directory is not gone through, however much it holds.
 */
export async function findFiles(layer: Layer, rules: IgnoreRules): Promise<Findings> {
  const search: Search = { layer, rules, files: [], gone: [], pending: [''], fresh: [], unasked: [], deep: [] };
  let since = performance.now();
  while (search.pending.length + search.unasked.length > 0) {
    while (search.pending.length > 0 && search.unasked.length < QUESTION) {
      look(search, search.pending.pop() ?? '');
      if (performance.now() - since > BREATH_MS) {
        await breathe();
        since = performance.now();
      }
    }
    await leaveOutIgnored(search);
    if (search.files.length > LIMITS.files) {
      throw new WorkspaceTooLarge(
        `the workspace holds more than ${LIMITS.files.toString()} changed files; remove them, or name them in a .gitignore`,
      );
    }
  }
  return { files: search.files, gone: search.gone };
}

async function leaveOutIgnored(search: Search): Promise<void> {
  const ignored = await search.rules.ignored(search.unasked);
  const deep = search.deep.find((path) => !ignored.has(path));
  if (deep !== undefined) {
    const start = shown(deep.slice(0, 60));
    throw new WorkspaceTooLarge(`the workspace nests directories too deep or names them too long, below ${start}`);
  }
  for (const file of search.fresh) if (!ignored.has(file.path)) search.files.push(file);
  search.pending = search.pending.filter((path) => !ignored.has(`${path}/`));
  search.fresh = [];
  search.unasked = [];
  search.deep = [];
}

function look(search: Search, below: BytePath): void {
  const { layer } = search;
  using held = HeldDirectory.open(layer.directory, below);
  if (held === undefined) return;
  const entries = held.list();
  const inside = (name: string): BytePath => (below === '' ? name : `${below}/${name}`);
  const missing = layer.source(below) === 'directory' ? layer.missing(below, entries) : [];
  search.gone.push(...missing.map(inside));
  noteRules(search, held, below, [...entries.map((entry) => entry.name), ...missing]);
  for (const entry of entries) if (!isGitName(entry.name)) sort(search, held, entry, inside(entry.name));
}

/** Also those of the source, where nobody has written or removed them. `touched`: names that are no more the source's. */
function noteRules({ layer, rules }: Search, held: HeldDirectory, path: BytePath, touched: readonly string[]): void {
  if (touched.includes(IGNORE_FILE)) rules.note(path, held);
  else if (layer.lower !== undefined && layer.source(path) === 'directory') {
    using lower = HeldDirectory.open(layer.lower, path);
    if (lower !== undefined) rules.note(path, lower);
  }
}

function sort(search: Search, held: HeldDirectory, entry: Dirent, path: BytePath): void {
  const before = search.layer.source(path);
  if (entry.isDirectory()) {
    if (before === 'file') search.gone.push(path);
    if (before === 'directory' || ask(search, `${path}/`)) search.pending.push(path);
    return;
  }
  const isFile = entry.isFile() || entry.isSymbolicLink();
  if (before !== undefined && !(isFile && before === 'file')) search.gone.push(path);
  const stats = isFile ? held.stat(entry.name) : undefined;
  if (stats === undefined || !(stats.isFile() || stats.isSymbolicLink())) return;
  if (before === 'file') search.files.push({ path, isInSource: true, stats });
  else if (ask(search, path)) search.fresh.push({ path, isInSource: false, stats });
}

/** Puts a new path to the question; false: it is too deep, and the question is only whether that matters. */
function ask(search: Search, path: BytePath): boolean {
  search.unasked.push(path);
  const isDeep = path.length > LIMITS.pathBytes || path.split('/').length > LIMITS.depth;
  if (isDeep) search.deep.push(path);
  return !isDeep;
}
