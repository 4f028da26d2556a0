import { readCommand, type CommandPart, type Redirect } from './command.ts';
import { allowsPart, deniesPart, seenByAllow, seenByDeny } from './command-pattern.ts';
import { isReadOnly } from './command-read-only.ts';
import type { Decision, PermissionRequest } from './permission.ts';
import type { PermissionRule } from './permission-rule.ts';

/** What a `Decision` names where no rule was needed. */
export const READ_ONLY_RULE = 'Bash: commands that only read';

interface CommandRules {
  allow: readonly PermissionRule[];
  deny: readonly PermissionRule[];
  isPlan: boolean;
  /** What the grant says about writing a file of the workspace. */
  mayWrite(path: string): Decision;
}

type Refused = Extract<Decision, { allow: false }>;

/**
 * What the rules say to a shell text that no rule for the whole tool denies. Every command in it needs an allow rule of
 * its own, or to be one that only reads; one that is denied denies all. A whole-tool allow needs no reading of the text,
 * unless there is something to be denied: the boundary is the sandbox.
 */
export function decideCommand(request: PermissionRequest, { allow, deny, isPlan, mayWrite }: CommandRules): Decision {
  const patterns = deny.filter(({ scope }) => scope.kind === 'command');
  const whole = allow.find((rule) => rule.allows(request, undefined));
  if (whole && patterns.length === 0 && !isPlan) return { allow: true, rule: whole.text };
  const text = request.command ?? '';
  const reading = readCommand(text);
  if (patterns.length > 0) {
    const denied = deniedIn(text, 'parts' in reading ? reading.parts : [], patterns);
    if (denied) return denied;
  }
  if (!whole && !allow.some(({ scope }) => scope.kind === 'command')) return { allow: false, reason: 'NOT_GRANTED' };
  if ('fault' in reading) return { allow: false, reason: 'BAD_COMMAND', detail: reading.fault };
  if (isPlan) return plan(reading.parts);
  if (whole) return { allow: true, rule: whole.text };
  return allowed(reading.parts, allow, (redirect) => decideRedirect(redirect, request, mayWrite));
}

function deniedIn(
  text: string,
  parts: readonly CommandPart[],
  patterns: readonly PermissionRule[],
): Refused | undefined {
  const match = (seen: readonly string[]): PermissionRule | undefined =>
    patterns.find(({ scope }) => scope.kind === 'command' && deniesPart(scope.pattern, seen));
  for (const part of parts) {
    const seen = seenByDeny(part);
    const rule = match(seen ?? [seenByAllow(part).text]);
    if (rule) return { allow: false, reason: 'DENIED_BY_RULE', rule: rule.text, detail: seenByAllow(part).text };
    if (seen === undefined)
      return { allow: false, reason: 'BAD_COMMAND', detail: `what ${seenByAllow(part).text} runs is not clear` };
  }
  const rule = match([text.trim()]);
  return rule && { allow: false, reason: 'DENIED_BY_RULE', rule: rule.text, detail: text.trim() };
}

/** Reading and exploring: nothing that needs a rule, nothing that writes. */
function plan(parts: readonly CommandPart[]): Decision {
  const writing = parts.find((part) => !isReadOnly(part) || part.redirects.some(isWrite));
  if (writing === undefined) return { allow: true, rule: READ_ONLY_RULE };
  return { allow: false, reason: 'PLAN_MODE', detail: spelled(writing) };
}

function allowed(
  parts: readonly CommandPart[],
  allow: readonly PermissionRule[],
  redirected: (redirect: Redirect) => Decision,
): Decision {
  let rule = READ_ONLY_RULE;
  for (const part of parts) {
    if (!isReadOnly(part)) {
      const seen = seenByAllow(part);
      const found = allow.find(({ scope }) => scope.kind === 'command' && allowsPart(scope.pattern, seen));
      if (found === undefined) return { allow: false, reason: 'NOT_GRANTED', detail: seen.text };
      rule = found.text;
    }
    const refused = part.redirects
      .filter(isWrite)
      .map(redirected)
      .find((decision) => !decision.allow);
    if (refused) return refused;
  }
  return { allow: true, rule };
}

const isWrite = ({ writes, target }: Redirect): boolean => writes && !isDevice(target.value);

const isDevice = (path: string | undefined): boolean =>
  path !== undefined && /^\/dev\/(null|stdout|stderr|tty|fd\/\d+)$/.test(path);

/** Writing the target by a redirect is an edit of it. Where a `cd` has led is not known here; the sandbox is. */
function decideRedirect(
  { target }: Redirect,
  { directory, root }: PermissionRequest,
  mayWrite: (path: string) => Decision,
): Decision {
  const detail = `> ${target.raw}`;
  if (target.value === undefined)
    return { allow: false, reason: 'BAD_COMMAND', detail: `the file of ${detail} is not spelled out` };
  const path = insidePath(target.value, directory, root);
  if (path === undefined) return { allow: false, reason: 'NOT_GRANTED', detail };
  const decision = mayWrite(path);
  return decision.allow ? decision : { ...decision, detail };
}

/** Relative to the workspace; undefined: outside of it, or not for sure inside. */
function insidePath(path: string, directory: string, root: string | undefined): string | undefined {
  const isAbsolute = path.startsWith('/');
  if (isAbsolute && (root === undefined || !path.startsWith(`${root}/`))) return undefined;
  const inner = isAbsolute ? path.slice(root!.length) : `${directory}/${path}`;
  const names = inner.split('/').filter((name) => name !== '' && name !== '.');
  return names.includes('..') ? undefined : names.join('/');
}

function spelled(part: CommandPart): string {
  const writes = part.redirects.filter(isWrite).map(({ target }) => `> ${target.raw}`);
  return [seenByAllow(part).text, ...writes].filter((text) => text !== '').join(' ');
}
