import { secretKind } from '../../activities/observe/redaction.ts';
import type { FaultList } from './fault-list.ts';
import { nearest } from './keys.ts';
import type { Path } from './source-document.ts';

/** As a task gives it: names to take from the command line's own environment, or pairs. */
export type GivenEnvironment = readonly string[] | Readonly<Record<string, string | number | boolean>>;

const MAX_NAMES = 100;
const MAX_VALUE_BYTES = 32 * 1_024;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

const SECRET =
  /(^|_)(TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|API_?KEYS?|ACCESS_?KEYS?|PRIVATE_?KEYS?|AUTH)(_|$)/i;
/** Families whose variables open an account, or steer muster itself. */
const PRIVATE = /^(ANTHROPIC|CLAUDE|MUSTER|TEMPORAL|AWS)_/i;
/** By these a program runs something else, or another program: shells, loaders, interpreters, git. */
const INJECTING = new RegExp(
  `^(${[
    ...['LD_.*', 'DYLD_.*', 'GIT_.*', 'BASH_FUNC_.*', 'PATH', 'HOME', 'SHELL', 'IFS', 'ENV', 'BASH_ENV', 'PS4'],
    ...['SHELLOPTS', 'BASHOPTS', 'PROMPT_COMMAND', 'CDPATH', 'GLOBIGNORE', 'GCONV_PATH', 'NODE_OPTIONS', 'NODE_PATH'],
    ...['PYTHONSTARTUP', 'PYTHONPATH', 'PYTHONHOME', 'PERL5OPT', 'PERL5LIB', 'PERL5DB', 'RUBYOPT', 'RUBYLIB'],
    ...['JAVA_TOOL_OPTIONS', '_JAVA_OPTIONS', 'JDK_JAVA_OPTIONS', '(HTTPS?|ALL|NO|FTP)_PROXY'],
  ].join('|')})$`,
  'i',
);

/**
 * The variables a task's shell gets, by name, sorted. Secrets do not enter a sandbox: a name that holds one, a value that
 * looks like one, and a name by which a program runs another are faults. No message quotes a value.
 */
export function readEnvironment(
  given: GivenEnvironment,
  path: Path,
  environment: Readonly<Record<string, string | undefined>>,
  faults: FaultList,
): Record<string, string> {
  const pairs = new Map<string, string>();
  const isList = Array.isArray(given);
  const entries = Object.entries(given) as [string, string | number | boolean][];
  if (entries.length > MAX_NAMES)
    faults.add(path, `\`env\` has ${entries.length} names, more than ${MAX_NAMES}`, 'put the rest into a file');
  for (const [key, entry] of entries.slice(0, MAX_NAMES)) {
    const name = isList ? String(entry) : key;
    const value = isList ? environment[name] : String(entry);
    const problem = nameProblem(name) ?? (value === undefined ? unset(name, environment) : valueProblem(name, value));
    const at = [...path, isList ? Number(key) : key];
    if (problem) faults[isList || problem.isOfValue ? 'add' : 'addKey'](at, problem.message, problem.hint);
    else pairs.set(name, value!);
  }
  return Object.fromEntries([...pairs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface Problem {
  message: string;
  hint: string;
  isOfValue?: boolean;
}

/** Why a variable of this name enters no sandbox. */
export function nameProblem(name: string): Problem | undefined {
  if (!NAME.test(name))
    return { message: `${JSON.stringify(name)} is no name of a variable`, hint: 'write letters, digits and _' };
  if (SECRET.test(name) || PRIVATE.test(name)) {
    const hint = 'remove it: secrets do not enter a sandbox; an MCP server of the operator may hold it';
    return { message: `the variable ${name} holds a secret`, hint };
  }
  if (INJECTING.test(name))
    return { message: `the variable ${name} decides what programs run`, hint: 'remove it, and name programs by path' };
  return undefined;
}

/** Why a value enters no sandbox. */
export function valueProblem(name: string, value: string): Problem | undefined {
  const kind = secretKind(value);
  const isOfValue = true;
  if (kind !== undefined)
    return { message: `the value of ${name} looks like a secret (${kind})`, hint: 'remove it', isOfValue };
  if (value.includes('\0')) return { message: `the value of ${name} holds a NUL`, hint: 'remove it', isOfValue };
  const size = Buffer.byteLength(value);
  if (size <= MAX_VALUE_BYTES) return undefined;
  const message = `the value of ${name} has ${size} bytes, more than ${MAX_VALUE_BYTES} (32 KiB)`;
  return { message, hint: 'put it into a file of the workspace', isOfValue };
}

function unset(name: string, environment: Readonly<Record<string, string | undefined>>): Problem {
  const near = nearest(name, Object.keys(environment));
  const hint = near === undefined || nameProblem(near) ? `set it, or write ${name}: VALUE` : `set it, or write ${near}`;
  return { message: `the variable ${name} is not set here`, hint };
}
