import type { ToolResult } from '../transcript.ts';

/** How far an agent has come with reading one file. */
export type SourceFile =
  | { state: 'unread'; nextLine: number; text: string }
  | { state: 'read'; text: string }
  | { state: 'unreadable'; why: string };

const GO_ON = /\n\n\(Lines \d+ to \d+ of \d+\. Go on with offset (\d+)\.\)$/;
const CUT_LINE = /… \[\d+ more characters\]$/;
/** Above this a file is generated, and reading it costs more than it tells. */
const MAX_CHARS = 600_000;

/** What the Reads of a transcript have shown of a file before anything was edited; `results` are oldest first. */
export function readSource(path: string, results: readonly ToolResult[]): SourceFile {
  let text = '';
  let nextLine = 1;
  for (const { name, input, text: shown, isError } of results) {
    if (name === 'Edit') break;
    const { file_path, offset = 1 } = input as { file_path?: string; offset?: number };
    if (name !== 'Read' || file_path !== path || offset !== nextLine) continue;
    if (isError) return { state: 'unreadable', why: `it cannot be read: ${shown.split('\n', 1)[0] ?? ''}` };
    const more = GO_ON.exec(shown);
    const lines = shown.slice(0, more?.index ?? shown.length).split('\n');
    const contents = lines.map((line) => /^ *\d+\t(.*)$/.exec(line)?.[1]);
    if (contents.some((line) => line === undefined)) return { state: 'unreadable', why: 'it cannot be read whole' };
    if (contents.some((line) => CUT_LINE.test(line ?? '')))
      return { state: 'unreadable', why: 'minified or generated' };
    text += `${contents.join('\n')}\n`;
    if (!more) return { state: 'read', text };
    if (text.length > MAX_CHARS) return { state: 'unreadable', why: 'too long to be written by hand' };
    nextLine = Number(more[1]);
  }
  return { state: 'unread', nextLine, text };
}
