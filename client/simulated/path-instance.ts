import type { Random } from './random.ts';

const FILE = /^(file|path|module|script)(_?(path|name))?s?$/i;
const DIRECTORY = /^(director(y|ies)|dirs?|folders?|areas?|packages?)$/i;

/** Paths for properties that are called as if they were to hold one; each is given once, as long as there are others. */
export class PathInstances {
  readonly #files: readonly string[];
  readonly #directories: readonly string[];
  readonly #given = new Set<string>();

  constructor(files: readonly string[]) {
    this.#files = files;
    this.#directories = [...new Set(files.map((file) => (file.includes('/') ? file.split('/', 1)[0]! : '.')))];
  }

  /** How many different ones there are for this name; 0: it is no such name. */
  count(name: string): number {
    return this.#choices(name).length;
  }

  /** undefined: the name is none of a path, or nothing is known to choose from. */
  pick(name: string, random: Random): string | undefined {
    const choices = this.#choices(name);
    if (choices.length === 0) return undefined;
    const fresh = choices.filter((choice) => !this.#given.has(choice));
    const picked = random.pick(fresh.length > 0 ? fresh : choices);
    this.#given.add(picked);
    return picked;
  }

  #choices(name: string): readonly string[] {
    return FILE.test(name) ? this.#files : DIRECTORY.test(name) ? this.#directories : [];
  }
}
