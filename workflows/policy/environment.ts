/** Variables of one task. */
export const MAX_VARIABLES = 100;
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

/** What is wrong with a variable, and what to do instead. No text of it quotes a value. */
export interface VariableProblem {
  message: string;
  hint: string;
  isOfValue?: boolean;
}

/** Why a variable of this name enters no sandbox. */
export function nameProblem(name: string): VariableProblem | undefined {
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

/** Why a value enters no sandbox; `kind`: what sort of secret it looks like. */
export function valueProblem(name: string, value: string, kind: string | undefined): VariableProblem | undefined {
  const isOfValue = true;
  if (kind !== undefined)
    return { message: `the value of ${name} looks like a secret (${kind})`, hint: 'remove it', isOfValue };
  if (value.includes('\0')) return { message: `the value of ${name} holds a NUL`, hint: 'remove it', isOfValue };
  const size = new TextEncoder().encode(value).length;
  if (size <= MAX_VALUE_BYTES) return undefined;
  const message = `the value of ${name} has ${size} bytes, more than ${MAX_VALUE_BYTES} (32 KiB)`;
  return { message, hint: 'put it into a file of the workspace', isOfValue };
}
