import type { Grant } from '../../workflows/contract/task.schema.ts';
import type { FaultList } from './fault-list.ts';
import { resolveGrant } from './permissions.ts';

/** Rules given beside a fleet, by flag or by a program. */
export interface GivenRules {
  allow: readonly string[];
  deny: readonly string[];
}

/** `edit` with the rules to allow added and those to deny; faults name the flag, as there is no file. */
export function grantOfFlags(
  { allow, deny }: GivenRules,
  { faults, warnings }: { faults: FaultList; warnings: Set<string> },
): Grant {
  const edit = resolveGrant('edit').grant;
  const own = resolveGrant({ allow: [...allow], deny: [...deny] });
  for (const { list, message, hint } of own.faults) faults.addElsewhere(`--${list}`, message, hint);
  for (const warning of own.warnings) warnings.add(warning);
  return { ...edit, allow: [...new Set([...edit.allow, ...own.grant.allow])], deny: own.grant.deny };
}
