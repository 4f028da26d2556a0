import { readCommand, type CommandPart } from './command.ts';
import type { ShellWord } from './command-text.ts';
import { hasFindAction, isHarmlessAssignment } from './command-read-only.ts';
import { unwrap } from './command-wrapper.ts';
import { coversWildcard, matchesWildcard, readWildcard, type Wildcard } from './wildcard.ts';

/** What stands in `Bash(...)`. */
export interface CommandPattern {
  text: string;
  /** Without a star: it means one command, as it is written. */
  isExact: boolean;
  /** A part fits when one of them does. */
  forms: readonly Wildcard[];
}

/** They run a command in a way of their own: only an exact rule names one of them. */
const EXEC_WRAPPERS = new Set(['watch', 'setsid', 'ionice', 'flock', 'chrt', 'taskset', 'script', 'strace', 'ltrace']);

/** undefined: empty, or `:*` is not at its end. */
export function parseCommand(inside: string): CommandPattern | undefined {
  const text = inside.trim().replace(/:\*+$/, ' *').trim();
  if (text === '' || text === '*' || /:\*/.test(text)) return undefined;
  if (!text.includes('*')) return { text, isExact: true, forms: [[asPart(text)]] };
  // `ls *` is `ls` too, and never `lsof`.
  const open = / \*+$/.exec(text);
  const forms = open ? [text, text.slice(0, open.index)] : [text];
  return { text, isExact: false, forms: forms.map(readWildcard) };
}

/** Whether parts can match it at all: several commands in one rule, or one with redirects, never do. */
export function canMatchParts({ text, isExact }: CommandPattern): boolean {
  const reading = readCommand(text);
  if ('fault' in reading) return !isExact;
  return reading.parts.length === 1 && reading.parts[0]!.redirects.length === 0;
}

/** With one blank between its words, as parts are compared. */
function asPart(text: string): string {
  const reading = readCommand(text);
  const [part, ...more] = 'parts' in reading ? reading.parts : [];
  return part && more.length === 0 && part.redirects.length === 0 ? joined(part.assignments, part.words) : text;
}

/** A part as rules see it; computed once for all of them. */
export interface SeenPart {
  /** As written, without redirects, one blank between words. */
  text: string;
  /** What patterns with a star are compared with: empty for what needs an exact rule. */
  open: readonly string[];
  /** What exact rules are compared with. */
  exact: readonly string[];
}

export function seenByAllow({ assignments, words }: CommandPart): SeenPart {
  const text = joined(assignments, words);
  const { levels, isKnown } = unwrap(words, false);
  const inner = levels.at(-1)!;
  const isHarmless = assignments.every(isHarmlessAssignment);
  const seen = [joined(assignments, inner), ...(isHarmless && inner.length > 0 ? [joined([], inner)] : [])];
  return { text, open: isKnown && !isExecWrapper(inner) ? seen : [], exact: [text, ...seen] };
}

export function allowsPart(pattern: CommandPattern, seen: SeenPart): boolean {
  return fits(pattern, pattern.isExact ? seen.exact : seen.open);
}

/** All a deny rule sees in a part; undefined: a wrapper hides a command. */
export function seenByDeny({ assignments, words }: CommandPart): readonly string[] | undefined {
  const { levels, isKnown } = unwrap(words, true);
  if (!isKnown) return undefined;
  const found = levels.at(-1)![0]?.value === 'find' ? foundCommands(levels.at(-1)!) : [];
  const spelled = [...levels, ...found].flatMap((level) => {
    const [name, ...rest] = level.map(({ value, raw }) => value ?? raw);
    if (name === undefined) return [];
    const behind = rest.map((word) => ` ${word}`).join('');
    return [joined([], level), name + behind, name.replace(/^.*\//s, '') + behind];
  });
  return [...new Set([joined(assignments, words), ...spelled])];
}

export function deniesPart(pattern: CommandPattern, seen: readonly string[]): boolean {
  return fits(pattern, seen);
}

/** Whether `wide` allows every part that `narrow` allows; false is no proof of the opposite. */
export function coversCommand(wide: CommandPattern, narrow: CommandPattern): boolean {
  if (wide.isExact) return narrow.isExact && wide.forms[0]![0] === narrow.forms[0]![0];
  if (!narrow.isExact) return narrow.forms.every((form) => wide.forms.some((other) => coversWildcard(other, form)));
  const reading = readCommand(narrow.text);
  const [part, ...more] = 'parts' in reading ? reading.parts : [];
  if (part === undefined || more.length > 0 || part.redirects.length > 0) return false;
  return allowsPart(wide, seenByAllow(part)) && fits(wide, [narrow.forms[0]![0]!]);
}

function fits({ forms }: CommandPattern, texts: readonly string[]): boolean {
  return texts.some((text) => forms.some((form) => matchesWildcard(form, text)));
}

function isExecWrapper([name, ...rest]: readonly ShellWord[]): boolean {
  return EXEC_WRAPPERS.has(name?.value ?? '') || (name?.value === 'find' && hasFindAction(rest));
}

/** The commands a find is told to run. */
function foundCommands(words: readonly ShellWord[]): readonly (readonly ShellWord[])[] {
  const starts = words.flatMap(({ value }, at) => (/^-(exec|ok)(dir)?$/.test(value ?? '') ? [at] : []));
  return starts.map((start, index) => words.slice(start + 1, starts[index + 1]));
}

function joined(assignments: readonly ShellWord[], words: readonly ShellWord[]): string {
  return [...assignments, ...words].map(({ raw }) => raw).join(' ');
}
