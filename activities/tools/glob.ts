import { z } from 'zod';
import { confirmFiles, fromRipgrep, inside } from './confirmed-files.ts';
import { defineTool } from './define-tool.ts';
import { readGlob } from './glob-pattern.ts';
import { missingFile } from './nearest-name.ts';
import { ToolError } from './refusal.ts';
import { type Ripgrep, search } from './ripgrep.ts';
import { count } from './text.ts';
import type { Tool } from './tool.ts';

const MAX_FILES = 1_000;

const input = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .max(1_000)
    .describe('Such as "**/*.ts", "src/*.{js,jsx}" or "package.json"; relative to path.'),
  path: z.string().optional().describe('Directory to search; default: the working directory.'),
});

/** Files by name, sorted by path: the same tree gives the same answer on every machine. */
export function createGlobTool(ripgrep: Ripgrep): Tool {
  return defineTool({
    name: 'Glob',
    description: [
      'Finds files by name. `*` and `?` stay within a name, `**` crosses directories, `{a,b}` is either; a pattern without a slash matches at any depth.',
      `Paths come sorted, relative to the working directory, at most ${MAX_FILES}. Files that .gitignore names, and symbolic links, are left out.`,
    ].join(' '),
    kind: 'search',
    input,
    path: ({ path }) => path,
    async run({ pattern }, call) {
      const { path, type } = call.target;
      const matches = readGlob(pattern);
      if (type === 'missing') throw await missingFile(call);
      if (type !== 'directory') throw new ToolError(`${call.show(path)} is no directory; path must be one.`);
      const output = await search(ripgrep, call, ['--files']);
      const found = output.text
        .split('\0')
        .filter((file) => file !== '')
        .map(fromRipgrep);
      const matching = found.filter((file) => matches(inside(path, file)));
      const files = await confirmFiles(call, matching, MAX_FILES + 1);
      const isCut = files.length > MAX_FILES ? `these are the first ${count(MAX_FILES, 'file')}` : output.cut;
      const note = isCut === undefined ? '' : `\n\n(Not all: ${isCut}. Narrow pattern or path.)`;
      if (files.length === 0) return { content: `No file in ${call.show(path)} matches ${pattern}${note}` };
      return { content: files.slice(0, MAX_FILES).map(call.show).join('\n') + note };
    },
  });
}
