import type { Grant } from '../../workflows/contract/task.schema.ts';
import type { DenialReason } from '../../workflows/policy/permission.ts';
import { cutText } from './text.ts';

/**
 * What a refused model reads: what was refused, why, and what to do instead. `subject`: the path, or the tool where it
 * takes none; `detail`: the rule, or what the file system said.
 */
export function denialText(reason: DenialReason, subject = '.', grant: Grant, detail = ''): string {
  const what = cutText(subject, 200);
  const granted = `Granted: ${grant.allow.join(', ') || 'nothing'}.`;
  const because: Partial<Record<DenialReason, string>> = {
    NOT_GRANTED: detail === '' ? `your permissions do not include it. ${granted}` : `${detail}.`,
    DENIED_BY_RULE: `the rule ${detail} denies it.`,
    PLAN_MODE: 'in plan mode nothing is changed: read, and describe what you would do.',
    PROTECTED_PATH: 'it is configuration that no permission covers.',
    GRANT_INVALID: `the rule ${detail} of your permissions cannot be read, so nothing is allowed.`,
    BAD_PATH: detail === '' ? 'it is not the path of a file.' : `${detail}.`,
  };
  const advice =
    'Do not try to reach it another way; go on without it, or say in your answer what you would need it for.';
  return `Denied (${reason}): ${what}: ${because[reason] ?? `${detail}.`} ${advice}`;
}
