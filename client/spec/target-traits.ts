import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { PlannedTask } from './plan.ts';

/** What of a target can be seen without reading it: targets alike in all three are taken for one another. */
export interface TargetTraits {
  /** Parent directory, or host and owner of a URL. */
  owner: string;
  language: string;
  size: string;
}

/** More distinct directories than this are told apart by their names alone: the look must stay a matter of a second. */
const MOST_LOOKS = 20_000;

const MANIFESTS: ReadonlyMap<string, string> = new Map([
  ...([
    ['package.json', 'javascript'],
    ['go.mod', 'go'],
    ['Cargo.toml', 'rust'],
    ['pyproject.toml', 'python'],
    ['setup.py', 'python'],
    ['requirements.txt', 'python'],
    ['pom.xml', 'java'],
    ['build.gradle', 'java'],
    ['build.gradle.kts', 'java'],
    ['Gemfile', 'ruby'],
    ['composer.json', 'php'],
    ['mix.exs', 'elixir'],
    ['Package.swift', 'swift'],
    ['CMakeLists.txt', 'c'],
  ] as const),
]);

/**
 * Traits of each task, in order. Looks at each distinct directory once: its names, and how many files git's index says
 * it has. What cannot be read is `unknown`, never an error.
 */
export function targetTraits(tasks: readonly Pick<PlannedTask, 'label' | 'workspace'>[]): TargetTraits[] {
  const seen = new Map<string, Pick<TargetTraits, 'language' | 'size'>>();
  return tasks.map(({ label, workspace }) => {
    if (!('directory' in workspace)) return { owner: ownerOf(workspace.url), language: 'unknown', size: 'unknown' };
    const { directory } = workspace;
    let traits = seen.get(directory);
    if (!traits) seen.set(directory, (traits = seen.size < MOST_LOOKS ? look(directory) : UNKNOWN));
    // A file target works in the directory of its file, and says by its name what it is.
    const extension = extname(basename(label));
    const isFile = extension !== '' && !directory.endsWith(extension);
    return { owner: isFile ? directory : dirname(directory), ...traits, ...(isFile && { language: extension }) };
  });
}

const UNKNOWN = { language: 'unknown', size: 'unknown' } as const;

/** `https://host/owner/name.git` and `git@host:owner/name` alike: what stands before the name. */
function ownerOf(url: string): string {
  return url
    .replace(/^\w+:\/\/(?:[^/@]*@)?|^[\w.-]+@/, '')
    .replace(':', '/')
    .replace(/\/+[^/]*\/*$/, '');
}

function look(directory: string): Pick<TargetTraits, 'language' | 'size'> {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return UNKNOWN;
  }
  const manifest = names.find((name) => MANIFESTS.has(name));
  const language = manifest === undefined ? commonExtension(names) : MANIFESTS.get(manifest)!;
  return { language, size: sizeClass((names.includes('.git') ? trackedFiles(directory) : undefined) ?? names.length) };
}

function commonExtension(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) {
    const extension = extname(name);
    if (extension !== '') counts.set(extension, (counts.get(extension) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return most?.[0] ?? 'none';
}

/** An order of magnitude each. */
const sizeClass = (files: number): string => `10^${Math.floor(Math.log10(Math.max(1, files)))}`;

/** The index begins with `DIRC`, a version and the number of its entries, four bytes each; undefined: none to be read. */
function trackedFiles(directory: string): number | undefined {
  const header = Buffer.alloc(12);
  let file: number | undefined;
  try {
    file = openSync(join(directory, '.git', 'index'), 'r');
    const isIndex = readSync(file, header) === header.length && header.toString('latin1', 0, 4) === 'DIRC';
    return isIndex ? header.readUInt32BE(8) : undefined;
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
