import type { Grant } from '../../workflows/contract/task.schema.ts';
import type { Decision, DenialReason } from '../../workflows/policy/permission.ts';
import { cutText } from './text.ts';

type Refused = Extract<Decision, { allow: false }>;

/**
 * What a refused model reads: what was refused, why, and what to do instead. `subject`: the path, host or part of a
 * command, or the tool where it takes none; `detail`, where there is one, is a clause without its full stop.
 */
export function denialText({ reason, rule, detail = '' }: Refused, subject = '.', grant: Grant): string {
  const granted = `Granted: ${grant.allow.join(', ') || 'nothing'}.`;
  const because: Partial<Record<DenialReason, string>> = {
    NOT_GRANTED: detail === '' ? `your permissions do not include it. ${granted}` : `${detail}.`,
    HOST_DENIED: detail === '' ? `your permissions do not include this host. ${granted}` : `${detail}.`,
    DENIED_BY_RULE: `the rule ${rule ?? ''} denies it.`,
    PLAN_MODE: 'in plan mode nothing is changed: read, and describe what you would do.',
    PROTECTED_PATH: 'it is configuration that no permission covers.',
    GRANT_INVALID: `the rule ${rule ?? ''} of your permissions cannot be read, so nothing is allowed.`,
    BAD_PATH: detail === '' ? 'it is not the path of a file.' : `${detail}.`,
    BAD_COMMAND: `rules decide each command in it, and it cannot be taken apart for sure: ${detail}.`,
  };
  return `Denied (${reason}): ${cutText(subject, 200)}: ${because[reason] ?? `${detail}.`} ${advice(reason)}`;
}

function advice(reason: DenialReason): string {
  if (reason === 'BAD_COMMAND') return 'Write it in a simpler way, as several calls if need be.';
  return 'Do not try to reach it another way; go on without it, or say in your answer what you would need it for.';
}
