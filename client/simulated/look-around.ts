import type { ReplyBlock, Turn } from './script.ts';
import { offersTool, toolResults, type ToolResult } from './transcript.ts';

/** The next call of somebody who looks around: a Glob, then Reads of files it found. undefined: it has no such tool. */
export function lookAround(turn: Turn): ReplyBlock[] | undefined {
  const { body } = turn.request;
  const results = toolResults(body);
  const files = filesFound(results);
  const readPaths = results.flatMap(({ name, input }) => (name === 'Read' ? [pathOf(input)] : []));
  if (files.length === 0 || !offersTool(body, 'Read')) {
    if (!offersTool(body, 'Glob')) return undefined;
    return [
      { type: 'thinking', thinking: `What is here? ${turn.random.int(0, 999)}` },
      { type: 'tool_use', name: 'Glob', input: { pattern: turn.number === 1 ? '**/*' : '*' } },
    ];
  }
  const unread = files.filter((file) => !readPaths.includes(file));
  const first = turn.random.pick(unread.length > 0 ? unread : files);
  const second = readPaths.length > 0 ? undefined : unread.filter((file) => file !== first);
  const chosen = second !== undefined && second.length > 0 ? [first, turn.random.pick(second)] : [first];
  return chosen.map((file) => ({ type: 'tool_use', name: 'Read', input: { file_path: file } }));
}

/** What it says of it. */
export function reportOf(results: readonly ToolResult[]): string {
  const files = filesFound(results);
  const read = results.filter(({ name, isError }) => name === 'Read' && !isError).map(({ input }) => pathOf(input));
  if (read.length === 0) return 'I looked around and have nothing to report.';
  return `I read ${[...new Set(read)].join(' and ')} of ${files.length} files and have nothing to report.`;
}

/** Lines of Glob results that look like paths: no space at the ends, no sentence. */
export function filesFound(results: readonly ToolResult[]): string[] {
  return results
    .filter(({ name, isError }) => name === 'Glob' && !isError)
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => /^[^\s(][^\n]*$/.test(line) && !/[.:)]$|\.\.\.|^No /.test(line));
}

function pathOf(input: unknown): string {
  const path = typeof input === 'object' && input !== null && 'file_path' in input ? input.file_path : undefined;
  return typeof path === 'string' ? path : '';
}
