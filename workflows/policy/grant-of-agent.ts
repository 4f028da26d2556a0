import type { Grant } from '../contract/task.schema.ts';
import { meet } from './attenuation.ts';

/** Tools muster has, by the name they are granted under. `Write` and `Edit` are one ability, as in the rules. */
const GRANTED_AS: Readonly<Record<string, string>> = {
  ...{ Read: 'Read', Glob: 'Glob', Grep: 'Grep', Edit: 'Edit', MultiEdit: 'Edit', Write: 'Edit' },
  ...{ Bash: 'Bash', WebFetch: 'WebFetch', Agent: 'spawn_subagents', Task: 'spawn_subagents' },
  ...{ spawn_subagents: 'spawn_subagents', collect_subagents: 'collect_subagents', read_result: 'read_result' },
};

export interface NarrowedGrant {
  grant: Grant;
  /** Tools named that muster does not have. */
  unknown: string[];
}

/**
 * The part of a grant that a list of tools (or rules) leaves: what is not named is not allowed any more, what is named and
 * was not granted stays denied.
 */
export function narrowGrant(grant: Grant, tools: readonly string[]): NarrowedGrant {
  if (tools.includes('*')) return { grant, unknown: [] };
  const named = tools.map((text) => ({ text, tool: /^[^(]*/.exec(text)![0] }));
  const isMcp = (tool: string): boolean => tool.startsWith('mcp__');
  const isKnown = (tool: string): boolean => Object.hasOwn(GRANTED_AS, tool) || isMcp(tool);
  // A rule for Read covers the searches too: where it is named they need none, or a denial.
  const isNamed = (tool: string): boolean => named.some((one) => one.tool === tool);
  const searches = isNamed('Read') ? ['Glob', 'Grep'] : [];
  const rules = named
    .filter(({ tool }) => isKnown(tool) && !searches.includes(tool))
    .map(({ text, tool }) => (isMcp(tool) ? text : GRANTED_AS[tool]! + text.slice(tool.length)));
  const deny = searches.filter((tool) => !isNamed(tool));
  return {
    grant: meet(grant, { allow: rules, deny, mode: grant.mode }),
    unknown: named.filter(({ tool }) => !isKnown(tool)).map(({ text }) => text),
  };
}
