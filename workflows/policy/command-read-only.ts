import type { CommandPart } from './command.ts';
import type { ShellWord } from './command-text.ts';

/** They write nothing and run nothing, whatever their options. `cd` moves the subagent's own shell. */
const HARMLESS = new Set([
  ...['cat', 'cd', 'cmp', 'comm', 'cut', 'diff', 'dirname', 'basename', 'du', 'df', 'echo', 'egrep', 'false', 'fgrep'],
  ...['fold', 'grep', 'head', 'id', 'ls', 'md5sum', 'nl', 'od', 'paste', 'pwd', 'readlink', 'realpath', 'rev', 'seq'],
  ...['sha1sum', 'sha256sum', 'sha512sum', 'stat', 'strings', 'tac', 'tail', 'tr', 'true', 'uname', 'wc', 'which'],
  ...['whoami', 'cksum', 'expr', 'sleep', 'type', ':'],
]);

/** They write or run something with these options; single letters stand for themselves wherever in a cluster. */
const WITHOUT: Readonly<Record<string, { letters: string; long: readonly string[] }>> = {
  sort: { letters: 'oTS', long: ['output', 'compress-program', 'temporary-directory'] },
  rg: { letters: 'z', long: ['pre', 'hostname-bin', 'search-zip'] },
  file: { letters: 'Cmz', long: ['compile', 'magic-file', 'uncompress'] },
  date: { letters: 'sf', long: ['set', 'file'] },
  tree: { letters: 'oR', long: ['output'] },
  printf: { letters: 'v', long: [] },
};

const FIND_ACTIONS = new Set([
  ...['-exec', '-execdir', '-ok', '-okdir', '-delete', '-fprint', '-fprint0', '-fprintf', '-fls'],
]);

const GIT_READERS = new Set(['status', 'log', 'diff', 'show', 'blame', 'rev-parse', 'ls-files', 'ls-tree', 'describe']);
const GIT_WRITING = { letters: '', long: ['output', 'ext-diff', 'textconv'] };

/** A find with these does more than find. */
export function hasFindAction(words: readonly ShellWord[]): boolean {
  return words.some(({ value }) => value === undefined || FIND_ACTIONS.has(value));
}

/** Whether a part needs no rule once Bash is granted at all. What it writes by redirects is decided on its own. */
export function isReadOnly({ assignments, words }: CommandPart): boolean {
  if (!assignments.every(isHarmlessAssignment)) return false;
  const [name, ...rest] = words;
  if (name === undefined) return true;
  if (name.value === undefined) return false;
  if (HARMLESS.has(name.value)) return true;
  if (name.raw === '[[') return isPlainCondition(rest);
  if (name.value === '[' || name.value === 'test') return isPlainTest(rest);
  // From here on options matter, and what expands may be an option.
  if (rest.some(({ value }) => value === undefined)) return false;
  const values = rest.map(({ value }) => value ?? '');
  if (name.value === 'find') return !hasFindAction(rest);
  if (name.value === 'git') return isReadOnlyGit(values);
  if (name.value === 'command') return /^-[vV]$/.test(values[0] ?? '') && values.length === 2;
  // Its second operand is written.
  if (name.value === 'uniq') return values.filter((value) => !value.startsWith('-')).length < 2;
  const without = Object.hasOwn(WITHOUT, name.value) ? WITHOUT[name.value] : undefined;
  return without !== undefined && !values.some((value) => isOneOf(value, without));
}

function isOneOf(word: string, { letters, long }: { letters: string; long: readonly string[] }): boolean {
  // Programs take any unique beginning of a long option.
  const [name = ''] = word.slice(2).split('=');
  if (word.startsWith('--')) return name !== '' && long.some((option) => option.startsWith(name));
  return word.startsWith('-') && Array.from(word.slice(1)).some((letter) => letters.includes(letter));
}

function isReadOnlyGit([command, ...rest]: readonly string[]): boolean {
  if (command === 'branch' || command === 'tag' || command === 'remote')
    return rest.every((word) => /^(-v|-vv|-a|-r|--list|--all|--remotes|--show-current)$/.test(word));
  return command !== undefined && GIT_READERS.has(command) && !rest.some((word) => isOneOf(word, GIT_WRITING));
}

/** Without arithmetic and `-v`, which evaluate what a variable holds. */
function isPlainCondition(words: readonly ShellWord[]): boolean {
  return !words.some(({ raw }) => /^-(v|R|eq|ne|lt|le|gt|ge)$/.test(raw));
}

/** As for conditions; what expands must be one word, and stand where it cannot be an operator. */
function isPlainTest(words: readonly ShellWord[]): boolean {
  return words.every(({ raw, value }, at) => {
    if (value !== undefined) return !/^-[vR]$/.test(value);
    const isOperand = /^(-[a-zA-Z]|-[a-z]{2}|=|==|!=)$/.test(words[at - 1]?.value ?? '');
    return /^"[^]*"$/.test(raw) && (isOperand || /^(-[a-z]{2}|=|==|!=)$/.test(words[at + 1]?.value ?? ''));
  });
}

const HARMLESS_NAMES =
  /^(NODE_ENV|CI|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|CLICOLOR|COLORTERM|RUST_BACKTRACE|RUST_LOG|GOOS|GOARCH|CGO_ENABLED|GO111MODULE|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE|DEBUG|VERBOSE)=/;

/** Only settings that make no program run another one, and only plain values. */
export function isHarmlessAssignment({ value }: ShellWord): boolean {
  return value !== undefined && HARMLESS_NAMES.test(value) && /^\w+=[\w.,:/+@%-]*$/.test(value);
}
