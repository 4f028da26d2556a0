import { z } from 'zod';
import { replaceFile } from './confined-file.ts';
import { defineTool } from './define-tool.ts';
import type { PathLock } from './path-lock.ts';
import { Refusal, ToolError } from './refusal.ts';
import { count, splitLines } from './text.ts';
import type { AllowedCall, Tool } from './tool.ts';

const input = z.strictObject({
  file_path: z.string().describe('The file, relative to the working directory.'),
  content: z.string().describe('The whole content of the file.'),
});

export function createWriteTool(lock: PathLock): Tool {
  return defineTool({
    name: 'Write',
    description:
      'Writes a text file of the workspace: creates it, with missing directories, or replaces all of its content. To change a part of a file use Edit.',
    kind: 'edit',
    input,
    path: ({ file_path }) => file_path,
    async run({ content, file_path }, call) {
      const { path, type } = call.target;
      checkWritable(call);
      if (type === 'missing' && /\/\.?$/.test(file_path))
        throw new ToolError(`${file_path} names a directory; name a file. Directories come with their first file.`);
      await lock.run(`${call.workspace.root}\0${path}`, async () => {
        call.signal.throwIfAborted();
        await replaceFile(call.workspace, path, new TextEncoder().encode(content));
      });
      const verb = type === 'missing' ? 'Created' : 'Replaced';
      return {
        content: `${verb} ${call.show(path)} (${count(splitLines(content).length, 'line')}).`,
        hasWritten: true,
      };
    },
  });
}

/** Throws where no file can be put: on a directory, on anything special. */
export function checkWritable({ target, show }: AllowedCall): void {
  if (target.type === 'directory') throw new ToolError(`${show(target.path)} is a directory; name a file.`);
  if (target.type === 'other') throw new Refusal('NOT_REGULAR', `${show(target.path)} is no regular file`);
}
