import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { nearest } from './keys.ts';
import { InvalidFleet } from './plan.ts';
import type { SavedScript } from './saved-scripts.ts';
import { readText } from './source-text.ts';

/** By these names scripts go; other scripts are named by `.claude/workflows/`. */
export const SCRIPT_FILE = /\.[cm]?[jt]s$/;

export interface ScriptSource {
  text: string;
  /** As errors name it. */
  file: string;
  /** Absolute path, or '-' for a text that lies in no file. */
  source: string;
}

/** Whether a text given in place of a path is a script itself: behind comments it begins with `export`. */
export function isScriptText(text: string): boolean {
  let at = 0;
  const ends: readonly [start: string, end: string][] = [
    ['#!', '\n'],
    ['//', '\n'],
    ['/*', '*/'],
  ];
  for (;;) {
    at += /^\s*/.exec(text.slice(at))![0].length;
    const comment = ends.find(([start]) => text.startsWith(start, at));
    if (!comment) return /^export\s/.test(text.slice(at, at + 7));
    const end = text.indexOf(comment[1], at + 2);
    if (end < 0) return false;
    at = end + comment[1].length;
  }
}

/** Whether a file's name says that it is a script, or it is no file but the name of a saved one, or near to one. */
export async function namesScript(
  file: string,
  cwd: string,
  saved: () => Promise<ReadonlyMap<string, unknown>>,
): Promise<boolean> {
  if (SCRIPT_FILE.test(file)) return true;
  if (!isName(file) || (await isFile(resolve(cwd, file)))) return false;
  const names = [...(await saved()).keys()];
  return names.includes(file) || nearest(file, names) !== undefined;
}

/**
 * The script a path, the name of a saved one, or a text stands for; a file goes before a name. Throws `InvalidFleet`
 * that names what there is.
 */
export async function readScript(
  given: string,
  cwd: string,
  saved: () => Promise<ReadonlyMap<string, SavedScript>>,
): Promise<ScriptSource> {
  if (isScriptText(given)) return { text: given, file: 'script', source: '-' };
  if (/\.(ya?ml|json)$/.test(given))
    throw invalid(given, 'this is no workflow script, and takes no arguments', 'give -p KEY=VALUE to a fleet file');
  const path = resolve(cwd, given);
  if (!isName(given) || (await isFile(path)))
    return { text: await readText(path, given, 'a workflow script'), file: given, source: path };
  const scripts = await saved();
  const found = scripts.get(given);
  if (found) return { text: found.source, file: found.file, source: found.file };
  const names = [...scripts.keys()].sort();
  const near = nearest(given, names);
  const known = names.length > 0 ? `there are ${names.join(', ')}` : 'there are none in .claude/workflows';
  const hint = near === undefined ? `write the path of one, or the name of a saved one: ${known}` : `write ${near}`;
  throw invalid(given, 'neither a file nor the name of a saved workflow script', hint);
}

const invalid = (file: string, message: string, hint: string): InvalidFleet =>
  new InvalidFleet([{ file, line: 1, column: 1, message, hint }]);

/** A saved script's name has no directory before it. */
const isName = (given: string): boolean => !/[/\\]/.test(given) && !SCRIPT_FILE.test(given) && given.trim() !== '';

async function isFile(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && !info.isDirectory();
}
