import { isKeyword } from './command.ts';
import type { ShellWord } from './command-text.ts';

/** How a program that runs another one is called: `name [options] [operands] command…`. */
interface Wrapper {
  /** Letters of options without and with a value. */
  flags?: string;
  valued?: string;
  /** Long options without and with a value. */
  longFlags?: readonly string[];
  longValued?: readonly string[];
  operands?: number;
  /** `NAME=value` may stand behind the options. */
  takesAssignments?: boolean;
  /** `nice -10`. */
  takesNumber?: boolean;
}

/** Seen through by every rule (workflow-scripts.md §6). */
const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  [
    'timeout',
    {
      flags: 'fpv',
      valued: 'ks',
      longFlags: ['foreground', 'preserve-status', 'verbose'],
      longValued: ['kill-after', 'signal'],
      operands: 1,
    },
  ],
  ['time', { flags: 'p' }],
  ['nice', { valued: 'n', longValued: ['adjustment'], takesNumber: true }],
  ['nohup', {}],
  ['stdbuf', { valued: 'ioe', longValued: ['input', 'output', 'error'] }],
  ['command', { flags: 'p' }],
  ['builtin', {}],
  ['noglob', {}],
  ['xargs', {}],
]);

/** Seen through by deny rules besides. */
const DENIED_WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  ...WRAPPERS,
  ['time', { flags: 'p', takesAssignments: true }],
  ['noglob', { takesAssignments: true }],
  ['command', { flags: 'pvV' }],
  [
    'xargs',
    {
      flags: '0oprtxeil',
      valued: 'adEILnPs',
      longFlags: ['null', 'interactive', 'no-run-if-empty', 'verbose', 'exit', 'open-tty'],
      longValued: ['arg-file', 'delimiter', 'max-lines', 'max-args', 'max-procs', 'max-chars', 'replace', 'eof'],
    },
  ],
  [
    'env',
    {
      flags: 'i0v',
      valued: 'uC',
      longFlags: ['ignore-environment', 'null', 'debug'],
      longValued: ['unset', 'chdir'],
      takesAssignments: true,
    },
  ],
  ['exec', { flags: 'cl', valued: 'a' }],
]);

/** More in a row are no honest command. */
const MAX_WRAPPERS = 10;

export interface Unwrapped {
  /** The command itself and what its wrappers run, outermost first; the last is what runs in the end. */
  levels: readonly (readonly ShellWord[])[];
  /** false: behind the last level another command may hide. */
  isKnown: boolean;
}

/** `forDeny` sees through more wrappers, and through assignments behind them. */
export function unwrap(words: readonly ShellWord[], forDeny: boolean): Unwrapped {
  const wrappers = forDeny ? DENIED_WRAPPERS : WRAPPERS;
  const levels: (readonly ShellWord[])[] = [words];
  for (;;) {
    const [name, ...rest] = levels.at(-1)!;
    const wrapper = wrappers.get(name?.value ?? '');
    if (wrapper === undefined || rest.length === 0) return { levels, isKnown: true };
    // With options it is a command like any other.
    if (!forDeny && name?.value === 'xargs' && rest[0]!.value?.startsWith('-')) return { levels, isKnown: true };
    const inner = wrapped(rest, wrapper);
    if (inner?.length === 0) return { levels, isKnown: true };
    // `time` takes grammar, such as a group.
    const isKnown = inner?.[0]?.value !== undefined && !isKeyword(inner[0].raw) && levels.length <= MAX_WRAPPERS;
    if (!isKnown) return { levels, isKnown };
    levels.push(inner);
  }
}

/** The words of the wrapped command; undefined: a word before it is not understood. */
function wrapped(words: readonly ShellWord[], wrapper: Wrapper): readonly ShellWord[] | undefined {
  let at = 0;
  for (let value = words[at]?.value; value?.startsWith('-') && value !== '-'; value = words[at]?.value) {
    at++;
    if (value === '--') break;
    const values = optionValues(value, wrapper);
    if (values === undefined) return undefined;
    at += values;
  }
  at += wrapper.operands ?? 0;
  // What expands may be several words, or options.
  if (words.slice(0, at).some(({ value }) => value === undefined)) return undefined;
  while (wrapper.takesAssignments && /^[A-Za-z_]\w*=/.test(words[at]?.raw ?? '')) at++;
  return words.slice(at);
}

/** How many of the words behind it belong to an option; undefined: not understood. */
function optionValues(option: string, wrapper: Wrapper): 0 | 1 | undefined {
  if (option.startsWith('--')) {
    const [name = '', value] = option.slice(2).split(/=(.*)/s);
    if (wrapper.longFlags?.includes(name)) return 0;
    if (!wrapper.longValued?.includes(name)) return undefined;
    return value === undefined ? 1 : 0;
  }
  if (wrapper.takesNumber && /^-\d+$/.test(option)) return 0;
  for (let i = 1; i < option.length; i++) {
    const letter = option[i]!;
    if (wrapper.valued?.includes(letter)) return i === option.length - 1 ? 1 : 0;
    if (!wrapper.flags?.includes(letter)) return undefined;
  }
  return 0;
}
