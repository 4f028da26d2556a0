import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { parseDocument } from 'yaml';
import { MAX_CONCURRENCY } from '../../workflows/contract/limits.ts';
import { CommandFailure } from '../cli/context.ts';

/** What `muster.config.yaml` or the user's `config.yaml` may say. Paths are absolute. */
export interface Settings {
  model?: string;
  concurrency?: number;
  /** A price file, in the form of `activities/claude/price-file.ts`. */
  prices?: string;
  home?: string;
  artifacts?: string;
  temporalAddress?: string;
}

interface Key {
  expected: string;
  /** The value as kept; undefined: it is wrong. */
  read(value: unknown, directory: string): unknown;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() ? value : undefined);
const path = (value: unknown, directory: string): string | undefined =>
  text(value) && resolve(directory, String(value));

const KEYS: Readonly<Record<keyof Settings, Key>> = {
  model: { expected: 'a model such as claude-sonnet-5-5', read: text },
  concurrency: { expected: `a whole number from 1 to ${MAX_CONCURRENCY}`, read: readConcurrency },
  prices: { expected: 'the path of a price file', read: path },
  home: { expected: 'a directory', read: path },
  artifacts: { expected: 'a directory', read: path },
  temporalAddress: { expected: 'HOST:PORT', read: (value) => (/^\S+:\d+$/.test(String(value)) ? value : undefined) },
};

/**
 * Both files over one another, the project's first; a file that does not exist says nothing. Throws `CommandFailure` 2
 * naming file, line and key.
 */
export function readSettings(project: string | undefined, user: string): Settings {
  const settings = { ...readFile(user), ...(project ? readFile(project) : {}) };
  // A checkout, which may be anyone's, must not decide whose work our workers do.
  if (project && 'temporalAddress' in readFile(project))
    throw new CommandFailure(2, `${project}: temporalAddress is not read from a project`, `write it into ${user}`);
  return settings;
}

function readFile(file: string): Settings {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return {};
  const document = parseDocument(readFileSync(file, 'utf8'), { prettyErrors: true });
  const broken = document.errors[0];
  if (broken) throw new CommandFailure(2, `${file}:${broken.linePos?.[0].line ?? 1}: ${broken.message.split('\n')[0]}`);
  const value = (document.toJS() ?? {}) as unknown;
  if (typeof value !== 'object' || Array.isArray(value) || value === null)
    throw new CommandFailure(2, `${file}: it must hold keys and values`, `known keys: ${Object.keys(KEYS).join(', ')}`);
  return Object.fromEntries(Object.entries(value).map(([key, given]) => [key, readKey(file, key, given)]));
}

function readKey(file: string, key: string, given: unknown): unknown {
  const known = Object.hasOwn(KEYS, key) ? KEYS[key as keyof Settings] : undefined;
  if (!known) {
    throw new CommandFailure(
      2,
      `${file}: unknown key ${JSON.stringify(key)}`,
      `did you mean ${closest(key, Object.keys(KEYS))}?`,
    );
  }
  const value = known.read(given, dirname(file));
  if (value === undefined)
    throw new CommandFailure(2, `${file}: ${key}: ${JSON.stringify(given)} is wrong`, `write ${known.expected}`);
  return value;
}

function readConcurrency(value: unknown): number | undefined {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_CONCURRENCY ? Number(value) : undefined;
}
