import { secretKind } from '../../activities/observe/redaction.ts';
import { MAX_VARIABLES, nameProblem, valueProblem, type VariableProblem } from '../../workflows/policy/environment.ts';
import type { FaultList } from './fault-list.ts';
import { nearest } from './keys.ts';
import type { Path } from './source-document.ts';

/** As a task gives it: names to take from the command line's own environment, or pairs. */
export type GivenEnvironment = readonly string[] | Readonly<Record<string, string | number | boolean>>;

/**
 * The variables a task's shell gets, by name, sorted. Secrets do not enter a sandbox: a name that holds one, a value that
 * looks like one, and a name by which a program runs another are faults. No message quotes a value.
 */
export function readEnvironment(
  given: GivenEnvironment,
  path: Path,
  environment: Readonly<Record<string, string | undefined>>,
  faults: FaultList,
): Record<string, string> {
  const pairs = new Map<string, string>();
  const isList = Array.isArray(given);
  const entries = Object.entries(given) as [string, string | number | boolean][];
  if (entries.length > MAX_VARIABLES)
    faults.add(path, `\`env\` has ${entries.length} names, more than ${MAX_VARIABLES}`, 'put the rest into a file');
  for (const [key, entry] of entries.slice(0, MAX_VARIABLES)) {
    const name = isList ? String(entry) : key;
    const value = isList ? environment[name] : String(entry);
    const problem =
      nameProblem(name) ??
      (value === undefined ? unset(name, environment) : valueProblem(name, value, secretKind(value)));
    const at = [...path, isList ? Number(key) : key];
    if (problem) faults[isList || problem.isOfValue ? 'add' : 'addKey'](at, problem.message, problem.hint);
    else pairs.set(name, value!);
  }
  return Object.fromEntries([...pairs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function unset(name: string, environment: Readonly<Record<string, string | undefined>>): VariableProblem {
  const near = nearest(name, Object.keys(environment));
  const hint = near === undefined || nameProblem(near) ? `set it, or write ${name}: VALUE` : `set it, or write ${near}`;
  return { message: `the variable ${name} is not set here`, hint };
}
