import { dirname, relative, resolve } from 'node:path';
import { parseScript, type ParsedScript } from '../../activities/script/parse.ts';
import { isInside, type Place } from './places.ts';
import { formatFault, type Fault } from './plan.ts';
import { readOwn, type SavedScript } from './saved-scripts.ts';

export interface CallingScript {
  text: string;
  /** Absolute path, or '-'. */
  source: string;
  /** Read from it: what `workflow()` is called with. */
  calls: Extract<ParsedScript, { ok: true }>['workflows'];
}

export interface CalledScripts {
  /** Texts, by name and by the path they are given as. */
  saved: Record<string, string>;
  warnings: string[];
  /** Of those that the script names. */
  faults: Fault[];
}

/**
 * The scripts that `workflow()` may run. A name may be put together while the script runs, so all saved ones go with it;
 * what is wrong with one that nobody names is a warning. `workflow()` throws for what is not there, which a script may
 * catch: so that is one too.
 */
export async function calledScripts(
  script: CallingScript,
  place: Place,
  allSaved: () => Promise<ReadonlyMap<string, SavedScript>>,
): Promise<CalledScripts> {
  const called: CalledScripts = { saved: {}, warnings: [], faults: [] };
  if (!/\bworkflow\b/.test(script.text)) return called;
  const named = new Set(script.calls.names);
  const aliases: [string, string][] = [];
  for (const { name, file, source } of (await allSaved()).values()) {
    if (file === script.source) continue;
    const shown = isInside(file, place.directory) ? relative(place.directory, file) : file;
    const meant = take(name, shown, source, { isNamed: named.has(name), called });
    if (meant !== undefined && meant !== name) aliases.push([meant, source]);
  }
  for (const [name, source] of aliases) called.saved[name] ??= source;
  for (const name of named)
    if (!Object.hasOwn(called.saved, name) && called.faults.length === 0) called.warnings.push(absent(name, called));
  for (const path of script.calls.paths) await takePath(path, script, place, called);
  return called;
}

/** Adds one that is sound; answers the name it gives itself. */
function take(
  key: string,
  file: string,
  source: string,
  { isNamed, called }: { isNamed: boolean; called: CalledScripts },
): string | undefined {
  const parsed = parseScript(source, file);
  if (parsed.ok) {
    called.saved[key] = source;
    return parsed.meta.name;
  }
  const faults = parsed.faults.map((fault) => ({ file, ...fault }));
  if (isNamed) called.faults.push(...faults);
  else called.warnings.push(`workflow(${JSON.stringify(key)}) cannot be run: ${formatFault(faults[0]!)}`);
  return undefined;
}

async function takePath(path: string, script: CallingScript, place: Place, called: CalledScripts): Promise<void> {
  const starts = [place.directory, ...(script.source === '-' ? [] : [dirname(script.source)])];
  for (const start of starts) {
    const file = resolve(start, path);
    const bound = [place.root, ...starts].find((directory) => isInside(file, directory));
    const source = bound === undefined ? undefined : await readOwn(file, bound);
    if (source === undefined) continue;
    take(path, path, source, { isNamed: true, called });
    return;
  }
  called.warnings.push(
    `workflow({ scriptPath: ${JSON.stringify(path)} }) names no script in the workspace: it will throw`,
  );
}

function absent(name: string, { saved }: CalledScripts): string {
  const known = Object.keys(saved).sort();
  const there = known.length > 0 ? `there are ${known.join(', ')}` : 'there are none in .claude/workflows';
  return `workflow(${JSON.stringify(name)}) names no saved script and will throw: ${there}`;
}
