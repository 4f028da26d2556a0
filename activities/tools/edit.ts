import { z } from 'zod';
import { readFile, replaceFile } from './confined-file.ts';
import { defineTool } from './define-tool.ts';
import { missingFile } from './nearest-name.ts';
import type { PathLock } from './path-lock.ts';
import { ToolError } from './refusal.ts';
import { count, isBinary } from './text.ts';
import type { Tool } from './tool.ts';
import { checkWritable } from './write.ts';

const input = z.strictObject({
  file_path: z.string().describe('The file, relative to the working directory.'),
  old_string: z.string().describe('The text to replace, exactly as in the file, without the line numbers of Read.'),
  new_string: z.string().describe('What to put in its place.'),
  replace_all: z.boolean().optional().describe('Replace every occurrence; default false.'),
});

/** Edits of one file wait for each other, so that two in one turn both hold. */
export function createEditTool(lock: PathLock): Tool {
  return defineTool({
    name: 'Edit',
    description:
      'Replaces text in a file of the workspace. old_string must be exactly what the file holds, indentation included, and stand there once; add lines around it to make it unique, or set replace_all. Line endings are kept.',
    kind: 'edit',
    input,
    path: ({ file_path }) => file_path,
    async run({ old_string, new_string, replace_all = false }, call) {
      const { path, type } = call.target;
      const name = call.show(path);
      if (type === 'missing') throw await missingFile(call);
      checkWritable(call);
      if (old_string === '') throw new ToolError('old_string is empty; use Write to create or replace a whole file.');
      if (old_string === new_string) throw new ToolError('old_string and new_string are the same: nothing to do.');
      const replaced = await lock.run(`${call.workspace.root}\0${path}`, async () => {
        call.signal.throwIfAborted();
        const text = decode(name, await readFile(call.workspace, path));
        const edit = replace(name, text, { from: old_string, to: new_string, all: replace_all });
        await replaceFile(call.workspace, path, new TextEncoder().encode(edit.text));
        return edit.replaced;
      });
      return { content: `Edited ${name} (${count(replaced, 'place')}).`, hasWritten: true };
    },
  });
}

/** Keeps a byte order mark; refuses what would not come back the same. */
function decode(name: string, bytes: Buffer): string {
  if (isBinary(bytes)) throw new ToolError(`${name} is a binary file; only text can be edited.`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ToolError(`${name} is not UTF-8; an edit would damage it. Leave it as it is and say so.`);
  }
}

interface Replacement {
  from: string;
  to: string;
  all: boolean;
}

function replace(name: string, text: string, wanted: Replacement): { text: string; replaced: number } {
  const { from, to, all } = matching(text, wanted);
  const parts = text.split(from);
  const places = parts.length - 1;
  if (places === 0) throw new ToolError(notFound(name, text, wanted.from));
  if (places > 1 && !all)
    throw new ToolError(
      `old_string stands in ${name} ${places} times; add lines around it until it is unique, or set replace_all.`,
    );
  return { text: parts.join(to), replaced: places };
}

/** Read shows no carriage returns, so what the model copied from a CRLF file is looked for with them. */
function matching(text: string, wanted: Replacement): Replacement {
  if (!text.includes('\r\n')) return wanted;
  const asFile = (part: string): string => part.replace(/\r?\n/g, '\r\n');
  if (text.includes(wanted.from))
    return wanted.from.includes('\n') || !isAllCrlf(text) ? wanted : { ...wanted, to: asFile(wanted.to) };
  return { ...wanted, from: asFile(wanted.from), to: asFile(wanted.to) };
}

const isAllCrlf = (text: string): boolean => !/(?<!\r)\n/.test(text);

function notFound(name: string, text: string, from: string): string {
  const first = from.split('\n').find((line) => line.trim() !== '');
  const lines = text.split('\n');
  const at = first === undefined ? -1 : lines.findIndex((line) => line.trim() === first.trim());
  const hint =
    at < 0
      ? 'Read the file again and copy the text exactly.'
      : `Line ${at + 1} is like its first line: check indentation and the lines after it with Read.`;
  return `old_string does not stand in ${name}. ${hint}`;
}
