import { matchesPath, parsePattern } from '../../workflows/policy/path-pattern.ts';
import { Refusal, ToolError } from './refusal.ts';

/** `{a,b}` multiplies; a pattern of more alternatives is a mistake or an attack. */
const MAX_ALTERNATIVES = 256;

/**
 * A glob of the model's as a test of paths (relative, posix). Without a slash it matches names at any depth. Throws
 * `Refusal` when it leads out of where it starts and `ToolError` when it can match nothing.
 */
export function readGlob(text: string): (path: string) => boolean {
  const alternatives = expandBraces(text);
  if (alternatives.some((pattern) => pattern.startsWith('/') || pattern.split('/').includes('..')))
    throw new Refusal('PATH_OUTSIDE', 'a glob starts at the directory searched: no ".." and no "/" in front. Use path');
  const patterns = alternatives.map((pattern) => parsePattern(pattern));
  if (patterns.includes(undefined)) throw new ToolError(`The glob ${JSON.stringify(text)} is malformed.`);
  return (path) => patterns.some((pattern) => pattern !== undefined && matchesPath(pattern, path));
}

/** The alternatives of all `{a,b}`, nested ones too; braces without a comma, or behind a backslash, mean themselves. */
export function expandBraces(text: string): string[] {
  const done: string[] = [];
  const pending = [text];
  for (let pattern = pending.pop(); pattern !== undefined; pattern = pending.pop()) {
    const group = firstGroup(pattern);
    if (group === undefined) done.push(pattern);
    else pending.push(...group.options.map((option) => group.before + option + group.after).reverse());
    if (done.length + pending.length > MAX_ALTERNATIVES)
      throw new ToolError(`The glob has more than ${MAX_ALTERNATIVES} alternatives in braces; make it simpler.`);
  }
  return done;
}

interface Group {
  before: string;
  options: string[];
  after: string;
}

/** The leftmost `{…}` with a comma of its own. */
function firstGroup(text: string): Group | undefined {
  const open: { start: number; commas: number[] }[] = [];
  let found: { start: number; commas: number[]; end: number } | undefined;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '{') open.push({ start: i, commas: [] });
    else if (text[i] === ',') open.at(-1)?.commas.push(i);
    else if (text[i] === '}') {
      const group = open.pop();
      if (group && group.commas.length > 0 && (!found || group.start < found.start)) found = { ...group, end: i };
    }
  }
  if (!found) return undefined;
  const cuts = [found.start, ...found.commas, found.end];
  const options = cuts.slice(1).map((end, index) => text.slice(cuts[index]! + 1, end));
  return { before: text.slice(0, found.start), options, after: text.slice(found.end + 1) };
}
