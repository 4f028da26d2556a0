import { createInterface } from 'node:readline/promises';
import { defused } from './ci/workflow-commands.ts';
import { paintFor, type Paint } from './paint.ts';

/** Where a command speaks: data on stdout, talk on stderr. */
export interface Terminal {
  /** Colours for stdout and for stderr. */
  readonly paint: Paint;
  readonly talkPaint: Paint;
  /** Somebody reads and can answer. */
  readonly isInteractive: boolean;
  /** Talk may be drawn over. */
  readonly hasScreen: boolean;
  data(text: string): void;
  say(line: string): void;
  /** While something is drawn on stderr, lines go to it; undefined ends that. */
  divert(write: ((line: string) => void) | undefined): void;
}

export function openTerminal(
  color: 'always' | 'never' | 'auto',
  options: { isQuiet?: boolean; noInput?: boolean; obeysLines?: boolean } = {},
): Terminal {
  const { stdin, stdout, stderr } = process;
  const { isQuiet = false, noInput = false, obeysLines = false } = options;
  const plainly = (line: string): void => void stderr.write(`${obeysLines ? defused(line) : line}\n`);
  let write = plainly;
  return {
    paint: paintFor(color, stdout.isTTY === true),
    talkPaint: paintFor(color, stderr.isTTY === true),
    isInteractive: stdin.isTTY === true && stderr.isTTY === true && !noInput,
    hasScreen: stderr.isTTY === true && !isQuiet,
    data: (text) => void stdout.write(text),
    say: (line) => isQuiet || write(line),
    divert: (instead) => void (write = instead ?? plainly),
  };
}

/** Only on a terminal; anything but y or yes is no, an interrupt too. */
export async function askYesNo(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
}

/** Only on a terminal; answered by a first letter. The last choice is what an empty or unknown answer means, and an interrupt. */
export async function askOneOf<T extends string>(question: string, choices: readonly [T, ...T[]]): Promise<T> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const last = choices.at(-1)!;
  const shown = choices.map((choice) => `[${choice[0]}]${choice.slice(1)}`).join(', ');
  try {
    const answer = (await lines.question(`${question} ${shown} `)).trim().toLowerCase();
    return choices.find((choice) => answer !== '' && choice.startsWith(answer)) ?? last;
  } catch {
    return last;
  } finally {
    lines.close();
  }
}
