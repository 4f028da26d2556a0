import { existsSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { glob, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, matchesGlob, relative, resolve } from 'node:path';
import { parseCsvList, parseTextList, splitRef } from './list-file.ts';
import type { ListEntry } from './list-file.ts';
import { hasPassword, isGitUrl } from './target.ts';
import type { Target, TargetEntry, TargetProblem } from './target.ts';

/** A target directory holding this file is left out of every fleet. */
const OPT_OUT = '.fleetignore';

export interface ResolvedTargets {
  /** In the order of the entries, each once. */
  targets: Target[];
  problems: TargetProblem[];
  warnings: string[];
}

type Found = Target extends infer T ? (T extends Target ? Omit<T, 'name'> : never) : never;

/**
 * Which directories, files and repositories a `targets` list means. `base`: absolute directory paths are relative to.
 * `exclude`: globs over the names and relative paths. Reads the disk, changes nothing, costs nothing; never throws for
 * what a user wrote.
 */
export async function resolveTargets(
  entries: readonly TargetEntry[],
  { base, exclude }: { base: string; exclude: readonly string[] },
): Promise<ResolvedTargets> {
  const found = new Map<string, Found>();
  const problems: TargetProblem[] = [];
  const warnings: string[] = [];
  for (const [entry, written] of entries.entries()) {
    const problem = (message: string, hint: string): void => void problems.push({ entry, message, hint });
    const matches = await expand(written, base, problem, warnings);
    for (const match of matches) {
      if (match.kind === 'directory' && existsSync(join(match.directory, OPT_OUT))) {
        warnings.push(`${relativeName(base, match.directory)} is left out: it holds ${OPT_OUT}`);
      } else found.set(keyOf(match), match);
    }
  }
  const named = nameAll([...found.values()], base);
  const targets = named.filter((target) => !isExcluded(target, base, exclude));
  return { targets, problems, warnings };
}

type Report = (message: string, hint: string) => void;

async function expand(entry: TargetEntry, base: string, problem: Report, warnings: string[]): Promise<Found[]> {
  if (typeof entry === 'object' && 'url' in entry) return repository(entry.url, entry.ref, problem);
  if (typeof entry === 'object' && 'list' in entry) return list(resolve(base, entry.list), problem);
  const text = typeof entry === 'string' ? entry : entry.path;
  const { text: url, ref } = splitRef(text);
  if (typeof entry === 'string' && isGitUrl(url)) return repository(url, ref, problem);
  const path = resolve(base, text);
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) return [{ kind: 'directory', directory: path }];
  if (info?.isFile()) {
    const isList = typeof entry === 'string' && ['.txt', '.csv'].includes(extname(path));
    return isList ? list(path, problem) : [{ kind: 'file', directory: dirname(path), file: path }];
  }
  if (typeof entry === 'string' && /[*?[{]/.test(text)) {
    const matches = await matchGlob(text, base);
    if (matches.length === 0) warnings.push(`the target ${JSON.stringify(text)} matches nothing`);
    return matches;
  }
  problem(
    `the target ${JSON.stringify(text)} does not exist`,
    'write a directory, a file, a glob, a list file or a git URL',
  );
  return [];
}

/** Files; with a trailing slash, or when no file matches, directories. `.git` and `node_modules` are not entered. */
async function matchGlob(pattern: string, base: string): Promise<Found[]> {
  const files: Found[] = [];
  const directories: Found[] = [];
  const asked = pattern.endsWith('/') ? pattern.slice(0, -1) : pattern;
  const isHidden = (name: string): boolean =>
    /(^|\/)(\.git|node_modules)(\/|$)/.test(name) && !asked.includes('node_modules');
  const matches: Dirent[] = [];
  for await (const match of glob(asked, { cwd: base, withFileTypes: true })) matches.push(match);
  matches.sort((a, b) => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1));
  for (const match of matches) {
    const path = resolve(base, match.parentPath, match.name);
    if (isHidden(relative(base, path))) continue;
    const info = match.isSymbolicLink() ? await stat(path).catch(() => match) : match;
    if (info.isDirectory()) directories.push({ kind: 'directory', directory: path });
    else if (info.isFile()) files.push({ kind: 'file', directory: dirname(path), file: path });
  }
  return pattern.endsWith('/') || files.length === 0 ? directories : files;
}

function repository(url: string, ref: string | undefined, problem: Report): Found[] {
  if (!isGitUrl(url))
    problem(`${JSON.stringify(url)} is no git URL`, 'write https://host/name.git or git@host:name.git');
  else if (hasPassword(url)) problem('the git URL holds a credential', 'remove it; git asks its credential helper');
  else if (ref?.startsWith('-')) problem(`${JSON.stringify(ref)} is no ref`, 'write a branch, tag or commit');
  else return [{ kind: 'repository', url, ...(ref === undefined ? {} : { ref }) }];
  return [];
}

async function list(path: string, problem: Report): Promise<Found[]> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) {
    problem(`the list file ${path} cannot be read`, 'write the path of a text or CSV file');
    return [];
  }
  let entries: ListEntry[];
  try {
    entries = extname(path) === '.csv' ? parseCsvList(text) : parseTextList(text);
  } catch (error) {
    problem(
      `${path}: ${error instanceof Error ? error.message : String(error)}`,
      'write a header row: cloneUrl,branch,path',
    );
    return [];
  }
  const results: Found[] = [];
  for (const { line, text: target, ref, path: inside } of entries) {
    const report: Report = (message, hint) => problem(`${path}:${line}: ${message}`, hint);
    if (isGitUrl(target) && inside) report('a path inside a repository is not supported yet', 'remove the path');
    else if (isGitUrl(target)) results.push(...repository(target, ref, report));
    else {
      const full = resolve(dirname(path), target);
      const info = await stat(full).catch(() => undefined);
      if (info?.isDirectory()) results.push({ kind: 'directory', directory: full });
      else if (info?.isFile()) results.push({ kind: 'file', directory: dirname(full), file: full });
      else
        report(`${JSON.stringify(target)} is neither a directory, a file nor a git URL`, 'correct or remove the line');
    }
  }
  return results;
}

function keyOf(found: Found): string {
  return found.kind === 'repository'
    ? `${found.url}#${found.ref ?? ''}`
    : found.kind === 'file'
      ? found.file
      : found.directory;
}

const relativeName = (base: string, path: string): string => relative(base, path) || basename(path);

/** Repositories are called by their last part; where two agree, by as many parts as tell them apart, then by URL. */
function nameAll(found: Found[], base: string): Target[] {
  const short = (target: Found, parts: number): string => {
    if (target.kind !== 'repository')
      return relativeName(base, target.kind === 'file' ? target.file : target.directory);
    const path = target.url
      .replace(/\/+$/, '')
      .replace(/\.git$/, '')
      .split(/[/:]/)
      .filter(Boolean);
    return path.slice(-parts).join('/');
  };
  const names = found.map((target) => short(target, 1));
  for (const parts of [2, 3]) {
    const counts = Map.groupBy(names.keys(), (i) => names[i]!);
    for (const same of counts.values()) if (same.length > 1) for (const i of same) names[i] = short(found[i]!, parts);
  }
  const counts = Map.groupBy(names.keys(), (i) => names[i]!);
  for (const same of counts.values()) if (same.length > 1) for (const i of same) names[i] = keyOf(found[i]!);
  return found.map((target, i) => ({ ...target, name: names[i]! }));
}

function isExcluded(target: Target, base: string, exclude: readonly string[]): boolean {
  const paths = [target.name];
  if (target.kind === 'repository') paths.push(target.url);
  else paths.push(relative(base, target.kind === 'file' ? target.file : target.directory));
  return exclude.some((glob) => {
    const clean = glob.replace(/^\.\//, '').replace(/\/$/, '');
    return paths.some(
      (path) =>
        path === clean || matchesGlob(path, clean) || (!clean.includes('/') && matchesGlob(basename(path), clean)),
    );
  });
}
