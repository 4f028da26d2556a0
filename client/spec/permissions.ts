import { posix } from 'node:path';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import { readRule } from '../../workflows/policy/permission-rule.ts';

const BUILT = new Set(['Read', 'Edit', 'Write', 'Glob', 'Grep']);
/** Part of the rule language, but no tool of theirs is built yet. */
const LATER = new Set([
  'Bash',
  'WebFetch',
  'spawn_subagents',
  'collect_subagents',
  'read_result',
  'Agent',
  'Workflow',
  'Skill',
]);

const PRESETS: Readonly<Record<string, Grant>> = {
  'read-only': { allow: ['Read'], deny: [], mode: 'dontAsk' },
  edit: { allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' },
  full: { allow: ['Read', 'Edit'], deny: [], mode: 'dontAsk' },
};

export type Permissions =
  string | { allow?: string[] | undefined; deny?: string[] | undefined; mode?: Grant['mode'] | undefined };

export interface RuleFault {
  list: 'allow' | 'deny';
  index: number;
  message: string;
  hint: string;
}

/** The grant a preset or a set of rules comes to; omitted is `edit`. Rules stand on top of `read-only`. */
export function resolveGrant(permissions: Permissions | undefined): {
  grant: Grant;
  faults: RuleFault[];
  warnings: string[];
} {
  if (permissions === undefined || typeof permissions === 'string') {
    return { grant: PRESETS[permissions ?? 'edit']!, faults: [], warnings: [] };
  }
  const faults: RuleFault[] = [];
  const warnings: string[] = [];
  for (const list of ['allow', 'deny'] as const) {
    (permissions[list] ?? []).forEach((rule, index) => {
      const problem = checkRule(rule, list);
      if (problem?.kind === 'fault') faults.push({ list, index, message: problem.message, hint: problem.hint });
      else if (problem) warnings.push(`${problem.message}; ${problem.hint}`);
    });
  }
  const allow = [...new Set(['Read', ...(permissions.allow ?? [])])];
  return { grant: { allow, deny: permissions.deny ?? [], mode: permissions.mode ?? 'dontAsk' }, faults, warnings };
}

interface Problem {
  kind: 'fault' | 'warning';
  message: string;
  hint: string;
}

function checkRule(rule: string, list: 'allow' | 'deny'): Problem | undefined {
  const quoted = `the rule ${JSON.stringify(rule)}`;
  const fault = (message: string, hint: string): Problem => ({ kind: 'fault', message, hint });
  const [, tool, inside] = /^([A-Za-z_*][\w*-]*)(?:\((.*)\))?$/s.exec(rule) ?? [];
  if (tool === undefined || inside === '')
    return fault(`${quoted} is no rule`, 'write Tool or Tool(pattern), such as Edit(src/**)');
  if (LATER.has(tool) || tool.startsWith('mcp__')) {
    // A deny of what cannot happen is already kept.
    return list === 'deny' ? undefined : fault(`${quoted}: ${tool} is not supported yet`, 'remove it');
  }
  if (tool === '*' && list === 'deny' && inside === undefined) return undefined;
  if (!BUILT.has(tool)) {
    const near = [...BUILT, ...LATER].find((name) => name.toLowerCase() === tool.toLowerCase());
    return fault(`${quoted} names the unknown tool ${tool}`, `write ${near ?? [...BUILT].join(', ')}`);
  }
  if (inside === undefined || inside === '*') return undefined;
  if (isOutside(inside))
    return fault(`${quoted} leaves the workspace`, 'write a path relative to the working directory');
  // One rule the worker cannot read would deny every call.
  if (readRule(rule, list) === undefined)
    return fault(`${quoted} has a pattern that cannot be read`, patternHint(tool, inside));
  if (tool === 'Write' || tool === 'Glob') {
    const instead = tool === 'Write' ? 'Edit' : 'Read';
    return { kind: 'warning', message: `${quoted} is never consulted`, hint: `write ${instead}(${inside})` };
  }
  return undefined;
}

function patternHint(tool: string, pattern: string): string {
  if (pattern.split('/').includes('..')) return 'write the path without ..';
  if (pattern.includes('[')) return 'close the bracket before the next slash, or write \\[ for one in a name';
  if (pattern.includes('\\')) return 'write a slash between directories, and no backslash before one or at the end';
  return `write ${tool}(pattern) with a pattern such as src/**`;
}

/** `//` is the file system's root and `~` the home: both outside, as is a path that climbs out. */
function isOutside(pattern: string): boolean {
  if (pattern.startsWith('//') || pattern.startsWith('~')) return true;
  const path = posix.normalize(pattern.replaceAll('\\', '/').replace(/^\//, ''));
  return path === '..' || path.startsWith('../');
}
