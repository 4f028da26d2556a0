/** One subagent's share of a task. */
export interface Part {
  label: string;
  /** What it is about, as a clause of a prompt. */
  about: string;
  /** Relative; absent: where the parent stands. */
  directory?: string;
}

const MOST = 6;
const LEAST = 3;

/** Looked at in turn where there are too few directories to share out. */
const LENSES: readonly Part[] = [
  { label: 'structure', about: 'how the files hang together' },
  { label: 'risks', about: 'what is fragile, or surprising' },
  { label: 'tests', about: 'what is tested, and what is not' },
];

/** Three to six parts of the work on these files: their directories, the fullest first, or else ways to look at them. */
export function partsOf(files: readonly string[]): Part[] {
  const top = directoriesOf(files, '');
  const chosen = top.length >= LEAST ? top : top.flatMap((directory) => split(files, directory));
  if (chosen.length < LEAST) return [...LENSES];
  const count = (directory: string): number => files.filter((file) => file.startsWith(`${directory}/`)).length;
  return chosen
    .toSorted((a, b) => count(b) - count(a) || (a < b ? -1 : 1))
    .slice(0, MOST)
    .map((directory) => ({
      label: directory.replaceAll('/', '-'),
      about: `${directory}/ (${count(directory)} file${count(directory) === 1 ? '' : 's'})`,
      directory,
    }));
}

/** A directory's own directories, or itself where it has too few. */
function split(files: readonly string[], directory: string): string[] {
  const inner = directoriesOf(files, `${directory}/`);
  return inner.length > 1 ? inner : [directory];
}

function directoriesOf(files: readonly string[], prefix: string): string[] {
  const names = files
    .filter((file) => file.startsWith(prefix) && file.slice(prefix.length).includes('/'))
    .map((file) => prefix + file.slice(prefix.length).split('/', 1)[0]!);
  return [...new Set(names)];
}
