import { posix } from 'node:path';
import { z } from 'zod';
import { readFile } from './confined-file.ts';
import { defineTool } from './define-tool.ts';
import { missingFile } from './nearest-name.ts';
import { ToolError } from './refusal.ts';
import { count, cutText, isBinary, splitLines, withoutControls } from './text.ts';
import type { Tool } from './tool.ts';

const DEFAULT_LINES = 2_000;
const MAX_LINE_CHARS = 2_000;
/** About 25,000 tokens, what Claude Code answers at most. */
const MAX_READ_CHARS = 100_000;
const IMAGES = new Set(['.png', '.jpg', '.jpeg', '.gif', '.webp', '.bmp', '.ico', '.tif', '.tiff', '.avif', '.heic']);

const input = z.strictObject({
  file_path: z.string().describe('The file, relative to the working directory.'),
  offset: z.int().min(1).optional().describe('First line to read, counted from 1.'),
  limit: z.int().min(1).optional().describe(`How many lines to read; default ${DEFAULT_LINES}.`),
});

/** The text with line numbers, as `cat -n` prints it. */
export function createReadTool(): Tool {
  return defineTool({
    name: 'Read',
    description: [
      'Reads a text file of the workspace. Each line comes with its number and a tab, as from `cat -n`; neither is part of the file.',
      `Reads up to ${DEFAULT_LINES} lines from the start unless offset and limit say otherwise; lines beyond ${MAX_LINE_CHARS} characters are cut.`,
      'Cannot show images or other binary files, nor directories: list those with Glob.',
    ].join(' '),
    kind: 'read',
    input,
    path: ({ file_path }) => file_path,
    async run({ offset = 1, limit = DEFAULT_LINES }, call) {
      const { path, type } = call.target;
      if (type === 'missing') throw await missingFile(call);
      if (type === 'directory')
        throw new ToolError(`${call.show(path)} is a directory; list it with Glob, pattern "*".`);
      const bytes = await readFile(call.workspace, path);
      if (isBinary(bytes)) {
        const kind = IMAGES.has(posix.extname(path).toLowerCase()) ? 'an image' : 'a binary file';
        throw new ToolError(`${call.show(path)} is ${kind} (${count(bytes.length, 'byte')}); only text can be read.`);
      }
      return { content: numbered(splitLines(new TextDecoder().decode(bytes)), offset, limit) };
    },
  });
}

function numbered(lines: readonly string[], offset: number, limit: number): string {
  if (lines.length === 0) return '(The file is empty.)';
  if (offset > lines.length)
    throw new ToolError(`The file has ${count(lines.length, 'line')}; there is no line ${offset}.`);
  const shown: string[] = [];
  let chars = 0;
  for (const line of lines.slice(offset - 1, offset - 1 + limit)) {
    const text = `${String(offset + shown.length).padStart(6)}\t${cutText(withoutControls(line), MAX_LINE_CHARS)}`;
    chars += text.length + 1;
    if (chars > MAX_READ_CHARS && shown.length > 0) break;
    shown.push(text);
  }
  const next = offset + shown.length;
  const more = `\n\n(Lines ${offset} to ${next - 1} of ${lines.length}. Go on with offset ${next}.)`;
  return shown.join('\n') + (next <= lines.length ? more : '');
}
