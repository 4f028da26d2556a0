import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CommandFailure } from '../cli/context.ts';
import { SUSPICIOUS } from '../simulated/agents/deprecated-apis.ts';

/** One installed package and what of it becomes a repository. */
export interface InstalledPackage {
  /** Unique, fit for a directory and for a shell: `grpc-grpc-js`. */
  label: string;
  name: string;
  version: string;
  /** Absolute. */
  directory: string;
  /** Relative to it, posix, sorted: sources, every package.json (it says what kind of module a file is), licence. */
  files: string[];
  sourceBytes: number;
  /** Some line may use a deprecated API. */
  isSuspicious: boolean;
}

/** Larger files are bundles; nobody mends those by hand. */
const MAX_FILE_BYTES = 128 * 1024;
const MAX_LINE_CHARS = 2_000;
const MAX_PACKAGE_BYTES = 1_536 * 1024;
const MIN_PACKAGE_BYTES = 2_048;
const MAX_FILES = 200;
const SOURCE = /\.[cm]?js$/;

/** Hidden lock file: what `npm ci` has really installed. */
export const lockFile = (modules: string): string => join(modules, '.package-lock.json');

/**
 * Chooses `count` packages below `modules` (a `node_modules` directory): first those in whose source something
 * deprecated may stand, filled up with others, sorted by label. The same installation gives the same choice; what
 * npm installs on one platform only is left out. Throws `CommandFailure` when there are too few.
 */
export function choosePackages(modules: string, count: number): InstalledPackage[] {
  const found = [...candidates(modules)];
  const chosen = [...found.filter((one) => one.isSuspicious), ...found.filter((one) => !one.isSuspicious)];
  if (chosen.length < count) {
    const message = `${count} repositories are wanted, and ${chosen.length} installed packages have source to make them of`;
    throw new CommandFailure(2, message, `npm start -- --repositories ${Math.max(1, chosen.length)}`);
  }
  return chosen.slice(0, count).sort((a, b) => (a.label < b.label ? -1 : 1));
}

interface Locked {
  version?: string;
  link?: boolean;
  os?: string[];
  cpu?: string[];
}

function* candidates(modules: string): Generator<InstalledPackage> {
  const labels = new Set<string>();
  const suspicious = new RegExp(SUSPICIOUS);
  for (const [path, { version, link, os, cpu }] of Object.entries(readLock(modules)).sort(byPath)) {
    if (version === undefined || link || os || cpu) continue;
    const [, outer = '', ...inner] = path.split(/(?:^|\/)node_modules\//);
    const name = inner.at(-1) ?? outer;
    const label = name.replace(/^@/, '').replaceAll('/', '-') + (inner.length > 0 ? `-${version}` : '');
    if (labels.has(label)) continue; // the same version, installed twice
    labels.add(label);
    const directory = join(modules, '..', path);
    const source = readSource(directory);
    if (!source) continue;
    const { files, texts, sourceBytes } = source;
    yield {
      label,
      name,
      version,
      directory,
      files,
      sourceBytes,
      isSuspicious: texts.some((text) => suspicious.test(text)),
    };
  }
}

/** undefined: too little or too much of it. */
function readSource(directory: string): { files: string[]; texts: string[]; sourceBytes: number } | undefined {
  const all = [...list(directory, '')];
  const sources = all.filter((file) => SOURCE.test(file));
  if (sources.length > MAX_FILES) return undefined;
  const files = all.filter((file) => !SOURCE.test(file));
  const texts: string[] = [];
  for (const file of sources) {
    const text = readFileSync(join(directory, file), 'utf8');
    if (!isWritten(text)) continue;
    files.push(file);
    texts.push(text);
  }
  const sourceBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (sourceBytes < MIN_PACKAGE_BYTES || sourceBytes > MAX_PACKAGE_BYTES) return undefined;
  return { files: files.sort(), texts, sourceBytes };
}

const byPath = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);

/** By a person, as far as one can see: no line is longer than any screen. */
function isWritten(text: string): boolean {
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from);
    if ((end < 0 ? text.length : end) - from > MAX_LINE_CHARS) return false;
    if (end < 0) return true;
    from = end + 1;
  }
  return true;
}

function readLock(modules: string): Record<string, Locked> {
  try {
    const { packages } = JSON.parse(readFileSync(lockFile(modules), 'utf8')) as { packages: Record<string, Locked> };
    return packages;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(2, `what is installed cannot be read: ${why}`, 'npm ci');
  }
}

/** Files of a package that may become part of its repository; packages inside it are their own. */
function* list(directory: string, below: string): Generator<string> {
  for (const entry of readdirSync(join(directory, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
      yield* list(directory, path);
    else if (entry.isFile() && isWanted(path) && statSync(join(directory, path)).size <= MAX_FILE_BYTES) yield path;
  }
}

function isWanted(path: string): boolean {
  const name = basename(path);
  if (name === 'package.json' || /^(licen[cs]e|copying)(\.\w+)?$/i.test(path)) return true;
  return SOURCE.test(name) && !/\.min\./.test(name);
}
