import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, makeDirectory, syncDirectory, unlinkQuietly, writeSynced } from './disk-files.ts';
import type { TemporaryFiles } from './disk-files.ts';
import { conflict, keySegments, prefixSegments, recordText, uniqueName } from './names.ts';
import { ArtifactDamaged } from './store.ts';
import type { VersionedRecord } from './store.ts';

/**
 * Records that change by compare-and-swap, without locks, between processes.
 *
 * A record is the directory `<key>@`. In it lie one *token*, an empty file `@<version>~<name>`, and the value it names,
 * `~<name>`. The name is new in the world with each write. A write makes its value, then **renames the token it expects
 * into its own**: rename needs its source, so of all writers that expect a version exactly one succeeds, and one that
 * was stalled can never succeed later, because the token it names will never exist again. (Version files made by
 * `link` cannot promise that: a stalled writer links a low number that has been removed, and whoever finds a higher
 * number after its own link cannot tell whether it was late or was overtaken by someone who built on its value.) The
 * first version comes into being by renaming a whole directory, which fails where one with a token already is.
 *
 * A crash before the rename leaves a value no token names, one after it an old value: both for `collect`. Directories
 * are this small so that one system call lists them, and a listing is never half before and half after a rename.
 */
export class DiskRecords {
  readonly directory: string;
  readonly #temporary: TemporaryFiles;
  /** The newest tokens seen, oldest first: they save a listing per write. Wrong ones do no harm, their rename fails. */
  readonly #seen = new Map<string, Token>();

  constructor(root: string, temporary: TemporaryFiles) {
    this.directory = join(root, 'records');
    this.#temporary = temporary;
  }

  async read(key: string): Promise<VersionedRecord | undefined> {
    const found = await this.readText(key);
    if (found === undefined) return undefined;
    try {
      return { value: JSON.parse(found.text), version: found.version };
    } catch (cause) {
      throw new ArtifactDamaged(`record ${key} is not JSON`, { cause });
    }
  }

  /** The newest value as stored. Lists again when the value it was about to read has just been replaced. */
  async readText(key: string): Promise<{ text: string; version: number } | undefined> {
    const directory = this.pathOf(key);
    for (let tries = 0; ; tries++) {
      const token = await newestToken(directory);
      if (token === undefined) return undefined;
      try {
        const text = await readFile(valuePath(directory, token), 'utf8');
        this.#remember(key, token);
        return { text, version: token.version };
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        if (tries === 1000) throw new ArtifactDamaged(`record ${key} has lost its value`, { cause: error });
      }
    }
  }

  async write(key: string, value: unknown, expected: number): Promise<number> {
    const text = recordText(key, value);
    const directory = this.pathOf(key);
    const next = { version: expected + 1, name: uniqueName() };
    if (expected === 0) await this.#create(key, directory, text, next);
    else await this.#replace(key, directory, text, next);
    this.#remember(key, next);
    return next.version;
  }

  async #create(key: string, directory: string, text: string, first: Token): Promise<void> {
    await this.#temporary.with(async (temporary) => {
      await mkdir(temporary, { mode: 0o700 });
      await writeSynced(valuePath(temporary, first), text);
      await writeFile(tokenPath(temporary, first), '', { flag: 'wx', mode: 0o600 });
      await syncDirectory(temporary);
      await renameInto(temporary, directory).catch((error: unknown) => {
        throw isTaken(error) ? conflict(key, 0) : error;
      });
    });
    await syncDirectory(dirname(directory));
  }

  async #replace(key: string, directory: string, text: string, next: Token): Promise<void> {
    const expected = next.version - 1;
    const seen = this.#seen.get(key);
    const token = seen?.version === expected ? seen : await newestToken(directory);
    if (token?.version !== expected) throw conflict(key, expected);
    try {
      await writeSynced(valuePath(directory, next), text);
      await rename(tokenPath(directory, token), tokenPath(directory, next));
    } catch (error) {
      await unlinkQuietly(valuePath(directory, next));
      if (codeOf(error) !== 'ENOENT') throw error;
      this.#seen.delete(key);
      throw conflict(key, expected);
    }
    await syncDirectory(directory);
    await unlinkQuietly(valuePath(directory, token));
  }

  async *list(prefix: string): AsyncIterable<string> {
    for (const { name, isRecord } of await entries(this.#folderOf(prefix))) {
      if (isRecord) yield prefix + name;
      else yield* this.list(`${prefix}${name}/`);
    }
  }

  async *listFolders(prefix: string): AsyncIterable<string> {
    for (const { name, isRecord } of await entries(this.#folderOf(prefix))) if (!isRecord) yield name;
  }

  delete(prefix: string): Promise<void> {
    return this.#takeAway(this.#folderOf(prefix));
  }

  deleteOne(key: string): Promise<void> {
    return this.#takeAway(this.pathOf(key));
  }

  /** In one step, so that no writer finds half of what was there. */
  async #takeAway(path: string): Promise<void> {
    const aside = this.#temporary.path();
    try {
      await rename(path, aside);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    await syncDirectory(dirname(path));
    await rm(aside, { recursive: true, force: true });
  }

  pathOf(key: string): string {
    return `${join(this.directory, ...keySegments(key))}@`;
  }

  #folderOf(prefix: string): string {
    return join(this.directory, ...prefixSegments(prefix));
  }

  #remember(key: string, token: Token): void {
    this.#seen.delete(key);
    this.#seen.set(key, token);
    if (this.#seen.size <= 20_000) return;
    for (const oldest of this.#seen.keys()) return void this.#seen.delete(oldest);
  }
}

/** One version of one record. */
export interface Token {
  version: number;
  name: string;
}

const tokenPath = (directory: string, token: Token): string =>
  `${directory}/@${token.version.toString()}~${token.name}`;
export const valuePath = (directory: string, token: Token): string => `${directory}/~${token.name}`;

/** The token of a record's directory; undefined where there is no such record. */
export async function newestToken(directory: string): Promise<Token | undefined> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const match = /^@(\d+)~(.+)$/.exec(name);
    if (match) return { version: Number(match[1]), name: match[2]! };
  }
  return undefined;
}

/** What a folder holds; a whole listing at once, which is ten times quicker than entry by entry. */
async function entries(folder: string): Promise<{ name: string; isRecord: boolean }[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  return names.map((name) =>
    name.endsWith('@') ? { name: name.slice(0, -1), isRecord: true } : { name, isRecord: false },
  );
}

async function renameInto(temporary: string, directory: string): Promise<void> {
  try {
    await rename(temporary, directory);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    await makeDirectory(dirname(directory));
    await rename(temporary, directory);
  }
}

const isTaken = (error: unknown): boolean => codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST';
