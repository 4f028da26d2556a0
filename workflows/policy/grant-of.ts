import type { Grant } from '../contract/task.schema.ts';
import { checkRule } from './rule-problem.ts';

const PRESETS: Readonly<Record<string, Grant>> = {
  'read-only': { allow: ['Read'], deny: [], mode: 'dontAsk' },
  edit: { allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' },
  full: { allow: ['Read', 'Edit', 'Bash'], deny: [], mode: 'dontAsk' },
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
