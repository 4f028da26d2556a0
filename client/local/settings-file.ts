import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { closest } from 'fastest-levenshtein';
import type { parseDocument } from 'yaml';
import { storeUrlProblem } from '../../activities/artifacts/open-store.ts';
import { MAX_CONCURRENCY } from '../../workflows/contract/limits.ts';
import {
  InternalNetwork,
  SANDBOXES,
  readMcpServers,
  type OperatorMcpServer,
  type SandboxKind,
} from '../../workflows/contract/operator.schema.ts';
import { CommandFailure } from '../cli/context.ts';

/** What `muster.config.yaml` or the user's `config.yaml` may say. Paths are absolute. */
export interface Settings {
  model?: string;
  concurrency?: number;
  team?: string;
  /** A price file, in the form of `activities/claude/price-file.ts`. */
  prices?: string;
  home?: string;
  /** A URL. */
  artifacts?: string;
  temporalAddress?: string;
  /** From here on the operator's own: of the user's file alone. */
  sandbox?: SandboxKind;
  sandboxReadOnlyPaths?: string[];
  egressInternal?: string[];
  mcpServers?: Record<string, OperatorMcpServer>;
  /** A file of `ID:KEY` lines. */
  encryptionKeysFile?: string;
}

/** A checkout, which may be anyone's, must not decide whose work our workers do, nor what they let it do. */
const OPERATORS_KEYS = [
  'temporalAddress',
  'sandbox',
  'sandboxReadOnlyPaths',
  'egressInternal',
  'mcpServers',
  'encryptionKeysFile',
] as const;

interface Key {
  expected: string;
  /** The value as kept; undefined: it is wrong. May throw an error that says more. */
  read(value: unknown, directory: string): unknown;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() ? value : undefined);
const path = (value: unknown, directory: string): string | undefined =>
  text(value) && resolve(directory, String(value));

/** As a URL. */
const store = (value: unknown, directory: string): string | undefined => {
  const given = text(value);
  if (given?.startsWith('s3:')) {
    const problem = storeUrlProblem(given);
    // Not quoted: it may hold a credential.
    if (problem) throw new Error(problem);
    return given;
  }
  return given && pathToFileURL(resolve(directory, given)).href;
};

/** What Temporal takes as a key of fairness, and a search attribute shows. */
export const TEAM_EXPECTED = 'a name of at most 64 bytes';
export const isTeam = (name: string): boolean => name.trim() !== '' && Buffer.byteLength(name) <= 64;

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

const KEYS: Readonly<Record<keyof Settings, Key>> = {
  model: { expected: 'a model such as claude-sonnet-5-5', read: text },
  concurrency: { expected: `a whole number from 1 to ${MAX_CONCURRENCY}`, read: readConcurrency },
  team: { expected: TEAM_EXPECTED, read: (value) => (typeof value === 'string' && isTeam(value) ? value : undefined) },
  prices: { expected: 'the path of a price file', read: path },
  home: { expected: 'a directory', read: path },
  artifacts: { expected: 'a directory or s3://bucket/prefix', read: store },
  temporalAddress: { expected: 'HOST:PORT', read: (value) => (/^\S+:\d+$/.test(String(value)) ? value : undefined) },
  sandbox: { expected: SANDBOXES.join(' or '), read: (value) => SANDBOXES.find((kind) => kind === value) },
  sandboxReadOnlyPaths: {
    expected: 'a list of directories',
    read: (value, directory) => (list(value).every(text) ? list(value).map((one) => path(one, directory)) : undefined),
  },
  egressInternal: {
    expected: 'a list of networks such as 10.1.0.0/16',
    read: (value) => (list(value).every((one) => InternalNetwork.safeParse(one).success) ? list(value) : undefined),
  },
  mcpServers: { expected: 'names with {command, args, env} or {url, headers}', read: readMcpServers },
  encryptionKeysFile: { expected: 'the path of a file of ID:KEY lines', read: path },
};

/**
 * Both files over one another, the project's first; a file that does not exist says nothing. Throws `CommandFailure` 2
 * naming file, line and key.
 */
export function readSettings(project: string | undefined, user: string): Settings {
  const ofProject = project ? readFile(project) : {};
  const misplaced = OPERATORS_KEYS.find((key) => key in ofProject);
  if (misplaced)
    throw new CommandFailure(2, `${project}: ${misplaced} is not read from a project`, `write it into ${user}`);
  return { ...readFile(user), ...ofProject };
}

/** Which file each value comes from. Both files are right: `readSettings` has read them. */
export function settingOrigins(project: string | undefined, user: string): Partial<Record<keyof Settings, string>> {
  const named = (file: string): [string, string][] => Object.keys(readFile(file)).map((key) => [key, file]);
  return Object.fromEntries([...named(user), ...(project ? named(project) : [])]);
}

function readFile(file: string): Settings {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return {};
  const document = yaml().parseDocument(readFileSync(file, 'utf8'), { prettyErrors: true });
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
  let value: unknown;
  let why = `${JSON.stringify(given)} is wrong`;
  try {
    value = known.read(given, dirname(file));
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  if (value === undefined) throw new CommandFailure(2, `${file}: ${key}: ${why}`, `write ${known.expected}`);
  return value;
}

function readConcurrency(value: unknown): number | undefined {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_CONCURRENCY ? Number(value) : undefined;
}

/** Most commands read no such file, and it takes a tenth of the time a status may take to load. */
const yaml = (): { parseDocument: typeof parseDocument } =>
  createRequire(import.meta.url)('yaml') as { parseDocument: typeof parseDocument };
