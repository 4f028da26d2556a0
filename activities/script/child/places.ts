import { FAILURES } from '../../../workflows/contract/failures.ts';
import type { ScriptError } from '../../../workflows/contract/units.ts';
import { MAX_MESSAGE_CHARS } from '../limits.ts';

const MAX_STACK_CHARS = 20_000;

/** The newest frame of the engine's stack that stands in one of these files. */
export function placeIn(
  stack: string,
  files: ReadonlySet<string>,
): { file: string; line: number; column: number } | undefined {
  for (const frame of stack.slice(0, MAX_STACK_CHARS).split('\n')) {
    const [, file, line, column] = /\(([^()]*(?:\([^()]*\)[^()]*)*):(\d{1,9}):(\d{1,9})\)$/.exec(frame) ?? [];
    if (file !== undefined && files.has(file)) return { file, line: Number(line), column: Number(column) };
  }
  return undefined;
}

/** As the engine writes its frames. */
export const frame = ({ file, line, column }: { file: string; line: number; column: number }): string =>
  `    at agent (${file}:${line.toString()}:${column.toString()})\n`;

/** An error of a script as its user is told: the place in the file that was started, any other file's in the message. */
export function thrown(message: string, stack: string, file: string, others: ReadonlySet<string>): ScriptError {
  const type = /^(InternalError: )?out of memory$/.test(message) ? FAILURES.scriptMemory : FAILURES.scriptThrew;
  const place = placeIn(stack, new Set([file, ...others]));
  const short = message.length > MAX_MESSAGE_CHARS ? `${message.slice(0, MAX_MESSAGE_CHARS)} …` : message;
  if (place === undefined) return { type, message: short };
  if (place.file === file) return { type, message: short, line: place.line, column: place.column };
  return { type, message: `${short} (in ${place.file}:${place.line.toString()}:${place.column.toString()})` };
}
