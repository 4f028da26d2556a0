import { readdir } from 'node:fs/promises';
import { distance } from 'fastest-levenshtein';
import type { AllowedCall } from './tool.ts';
import { ConfinedDirectory } from './confined-directory.ts';
import { ToolError } from './refusal.ts';

const MAX_NAMES = 10_000;

/** Says that the target is missing, with the names most like it which the subagent may read. */
export async function missingFile(call: AllowedCall): Promise<ToolError> {
  const names = call.target.path.split('/');
  const parent = names.slice(0, call.target.existing).join('/');
  const wanted = names[call.target.existing] ?? '';
  await using directory = await ConfinedDirectory.open(call.workspace.root, parent);
  const entries = (await readdir(directory.place)).slice(0, MAX_NAMES);
  const near = entries
    .map((name) => ({ path: parent === '' ? name : `${parent}/${name}`, far: distance(fold(name), fold(wanted)) }))
    .filter(({ far, path }) => far <= Math.max(2, wanted.length / 2) && call.mayRead(path))
    .sort((a, b) => a.far - b.far || (a.path < b.path ? -1 : 1))
    .slice(0, 3)
    .map(({ path }) => call.show(path));
  const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `List ${call.show(parent)} with Glob first.`;
  return new ToolError(`There is no ${call.show(call.target.path)}. ${hint}`);
}

const fold = (name: string): string => name.toLowerCase();
