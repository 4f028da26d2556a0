import { z } from 'zod';
import { defineTool } from './define-tool.ts';
import { readGlob } from './glob-pattern.ts';
import { showCounts, showFiles, showLines, type Shown } from './grep-output.ts';
import { inside } from './confirmed-files.ts';
import { mayBeRaced, searchConfined } from './confined-search.ts';
import { missingFile } from './nearest-name.ts';
import { Refusal, ToolError } from './refusal.ts';
import { type Ripgrep, search } from './ripgrep.ts';
import type { AllowedCall, Tool } from './tool.ts';
import { workingDirectory } from './resolved-path.ts';

const input = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .max(10_000)
    .describe('Regular expression of ripgrep (Rust); "(?i)" in front ignores case.'),
  path: z.string().optional().describe('Directory or file to search; default: the working directory.'),
  glob: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe('Only files that match, such as "*.ts"; "!*.test.ts": only others.'),
  output_mode: z
    .enum(['files_with_matches', 'content', 'count'])
    .optional()
    .describe('Names of files (default), matching lines as path:line:text, or path:count.'),
});

/** `--encoding=none`: offsets are those of the file. `--max-columns`: the text comes from the file itself, not from here. */
const FLAGS = {
  files_with_matches: ['--files-with-matches'],
  count: ['--count', '--with-filename'],
  content: ['--line-number', '--byte-offset', '--with-filename', '--no-heading', '--encoding=none', '--max-columns=1'],
};
const SHOW: Record<keyof typeof FLAGS, (call: AllowedCall, text: string, isWanted: Wanted) => Promise<Shown>> = {
  files_with_matches: showFiles,
  count: showCounts,
  content: showLines,
};
type Wanted = (path: string) => boolean;

export function createGrepTool(ripgrep: Ripgrep): Tool {
  return defineTool({
    name: 'Grep',
    description: [
      'Searches the contents of files, line by line, with ripgrep. Escape braces and brackets that you mean literally, as in "interface\\{\\}".',
      'Results come sorted by path, relative to the working directory. Files that .gitignore names, binary files and symbolic links are left out.',
    ].join(' '),
    kind: 'search',
    input,
    path: ({ path }) => path,
    async run({ pattern, glob, output_mode: mode = 'files_with_matches' }, call) {
      const isWanted = glob === undefined ? () => true : wanted(glob, call);
      if (pattern.includes('\0')) throw new ToolError('The pattern holds a NUL, which no text does.');
      if (call.target.type === 'missing') throw await missingFile(call);
      if (call.target.type === 'other') throw new Refusal('NOT_REGULAR', 'only files and directories are searched');
      const output = mayBeRaced(call)
        ? await searchConfined(ripgrep, call, { flags: FLAGS[mode], names: nameFilter(glob), pattern, isWanted })
        : await search(ripgrep, call, [...FLAGS[mode], ...nameFilter(glob)], pattern);
      const { lines, cut = output.cut } = await SHOW[mode](call, output.text, isWanted);
      const note = cut === undefined ? '' : `\n\n(Not all: ${cut}. Narrow pattern, path or glob.)`;
      if (lines.length > 0) return { content: lines.join('\n') + note };
      return { content: `Nothing in ${call.show(call.target.path)} matches${note}` };
    },
  });
}

/** Relative to the directory searched, as rg takes it, or to the working directory, as a model may mean it. */
function wanted(glob: string, call: AllowedCall): Wanted {
  const isNegated = glob.startsWith('!');
  const matches = readGlob(isNegated ? glob.slice(1) : glob);
  const places = [call.target.path, workingDirectory(call.workspace)];
  return (path) => places.some((place) => matches(inside(place, path))) !== isNegated;
}

/**
 * Saves ripgrep the files that a plain name pattern leaves out. As a type, for its own `--glob` would bring back what
 * ignore files name. Characters that it might read in another way are not left to it.
 */
function nameFilter(glob: string | undefined): string[] {
  return glob === undefined || /[^\w.*?{},@+-]/.test(glob) ? [] : [`--type-add=wanted:${glob}`, '--type=wanted'];
}
