import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';

/** Where the parts of a project are, as a first fleet file may name them. */
export interface Layout {
  /** Targets that are directories; never empty. */
  parts: string[];
  /** Some of those directories themselves; never empty. */
  examples: string[];
  /** Targets that are source files; never empty. */
  sources: string[];
}

/** Directories that hold a project's parts side by side. */
const COLLECTIONS = ['packages', 'apps', 'services', 'libs', 'modules', 'crates', 'plugins'];
const SOURCE_DIRECTORIES = ['src', 'lib', 'app', ...COLLECTIONS];
const LANGUAGES =
  /^\.([cm]?[jt]sx?|py|go|rs|java|kt|scala|rb|php|cs|fs|swift|c|h|cc|cpp|hpp|ex|exs|erl|hs|clj|lua|dart|vue|svelte)$/;
const SKIPPED = /^(\..*|node_modules|dist|build|vendor|target|coverage|tests?|__tests__|spec)$/;
const MOST_EXAMPLES = 5;
/** Entries looked at: enough to tell a language, and done at once in the largest repository. */
const MOST_ENTRIES = 2_000;
/** A language counts when it has this share of the files of the most frequent one. */
const MINOR_SHARE = 0.2;

/** Looks at a bounded number of names. A directory that cannot be read has nothing in it; never throws. */
export async function layoutOf(directory: string): Promise<Layout> {
  const top = await directoriesIn(directory);
  const collections: string[] = [];
  const inner: string[] = [];
  for (const name of COLLECTIONS.filter((one) => top.includes(one))) {
    const found = await directoriesIn(join(directory, name));
    if (found.length > 0) collections.push(name);
    inner.push(...found.map((one) => `${name}/${one}`));
  }
  const examples = inner.length > 0 ? inner : top;
  return {
    parts: inner.length > 0 ? collections.map((name) => `${name}/*/`) : top.length > 0 ? ['*/'] : ['.'],
    examples: examples.length > 0 ? examples.slice(0, MOST_EXAMPLES) : ['.'],
    sources: await sourcesIn(directory, top),
  };
}

async function sourcesIn(directory: string, top: readonly string[]): Promise<string[]> {
  const homes = SOURCE_DIRECTORIES.filter((name) => top.includes(name));
  for (const roots of [homes, ['']]) {
    const counts = new Map<string, number>();
    for (const root of roots) await countLanguages(join(directory, root), counts);
    const most = Math.max(...counts.values());
    const found = [...counts].filter(([, count]) => count >= most * MINOR_SHARE).map(([extension]) => extension);
    if (found.length === 0) continue;
    const ending = found.length === 1 ? found[0]! : `{${found.toSorted().join(',')}}`;
    return roots.map((root) => `${root === '' ? '' : `${root}/`}**/*.${ending}`);
  }
  return ['**/*'];
}

/** Breadth first, so that a bound cuts off what is deepest. */
async function countLanguages(root: string, counts: Map<string, number>): Promise<void> {
  const pending = [root];
  let seen = 0;
  for (let next = pending.shift(); next !== undefined && seen < MOST_ENTRIES; next = pending.shift()) {
    for (const entry of await entriesOf(next)) {
      seen += 1;
      const extension = extname(entry.name);
      if (entry.isDirectory() && !SKIPPED.test(entry.name)) pending.push(join(next, entry.name));
      else if (entry.isFile() && LANGUAGES.test(extension))
        counts.set(extension.slice(1), (counts.get(extension.slice(1)) ?? 0) + 1);
    }
  }
}

async function directoriesIn(directory: string): Promise<string[]> {
  const entries = await entriesOf(directory);
  const isPart = (name: string): boolean => !/^(\..*|node_modules|dist|vendor)$/.test(name);
  return entries.filter((entry) => entry.isDirectory() && isPart(entry.name)).map(({ name }) => name);
}

async function entriesOf(directory: string) {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
