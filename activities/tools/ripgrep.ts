import { ConfinedDirectory } from './confined-directory.ts';
import { withIgnoreRules } from './ignore-rules.ts';
import { runProgram } from './program.ts';
import { ToolError } from './refusal.ts';
import { cutText } from './text.ts';
import type { AllowedCall } from './tool.ts';

/** What is read of ripgrep's output; some 100,000 file names. */
export const MAX_OUTPUT_BYTES = 8 * 1_048_576;

/**
 * Nothing but the workspace decides what is found: no configuration file, no ignore file from above or of the host's
 * user. Sorted, so that the same tree gives the same answer. Links are never followed; `.git` never entered.
 */
const ALWAYS = [
  ...['--no-config', '--color=never', '--no-messages', '--hidden', '--iglob=!.git', '--no-follow', '--sort=path'],
  ...['--null'],
  ...['--no-require-git', '--no-ignore-parent', '--no-ignore-global', '--no-ignore-exclude', '--no-mmap'],
];

/** Where a child finds what it was given. */
export const HELD = '/proc/self/fd/';

export interface Ripgrep {
  binary: string;
  timeoutMs: number;
  /** What earlier runs of the same search have left of it; default: all. */
  leftMs?: number;
}

export interface SearchOutput {
  text: string;
  /** Why it is not all, in words; undefined when it is. */
  cut: string | undefined;
}

/**
 * Searches the call's target. `flags` are the tool's own; the pattern is always a pattern, whatever it starts with. What
 * comes back is hearsay: the caller confirms each file before it shows it. The process dies with the signal.
 */
export async function search(
  ripgrep: Ripgrep,
  call: AllowedCall,
  flags: readonly string[],
  pattern?: string,
): Promise<SearchOutput> {
  const { workspace, target } = call;
  await using root = await ConfinedDirectory.root(workspace.root);
  const place = target.path === '' ? './' : `./${target.path}`;
  const positional = pattern === undefined ? [place] : [pattern, place];
  return await withIgnoreRules(workspace, target.path, (rules) => {
    const above = rules === undefined ? [] : [`--ignore-file=${rules}`];
    return run(ripgrep, [...ALWAYS, ...above, ...flags, '--', ...positional], root.place, call.signal);
  });
}

/**
 * Searches files held open, and nothing by its name: `descriptors` are the child's from 3 on, and in the output
 * `/proc/self/fd/3` stands for the first.
 */
export async function searchHeld(
  ripgrep: Ripgrep,
  descriptors: readonly number[],
  { flags, pattern, signal }: { flags: readonly string[]; pattern: string; signal: AbortSignal },
): Promise<SearchOutput> {
  const places = descriptors.map((_, index) => `${HELD}${index + 3}`);
  return run(ripgrep, [...ALWAYS, ...flags, '--', pattern, ...places], '/', signal, descriptors);
}

async function run(
  { binary, timeoutMs, leftMs = timeoutMs }: Ripgrep,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
  descriptors: readonly number[] = [],
): Promise<SearchOutput> {
  const call = { cwd, descriptors, timeoutMs: leftMs, maxOutputBytes: MAX_OUTPUT_BYTES, signal };
  const { output, complaint, exitCode, endedBy } = await runProgram(binary, args, call);
  const text = output.toString('utf8');
  if (endedBy === 'output') return { text: whole(text), cut: 'there is more than can be shown' };
  if (endedBy === 'timeout') return { text: whole(text), cut: `the search was stopped after ${timeoutMs / 1_000} s` };
  // 2 also stands for a file that could not be read among others that could: then ripgrep, told to be quiet, is.
  if (exitCode === null || exitCode > 2) throw new Error(`ripgrep did not run: ${complaint}`);
  if (exitCode === 2 && complaint !== '') throw new ToolError(cutText(complaint, 1_000));
  return { text, cut: undefined };
}

/** Without a last record that was cut in two. */
function whole(text: string): string {
  return text.slice(0, Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\0')) + 1);
}
