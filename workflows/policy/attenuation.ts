import type { Grant } from '../contract/task.schema.ts';
import { coversCommand } from './command-pattern.ts';
import { coversHost } from './host-pattern.ts';
import { coversPattern } from './path-pattern.ts';
import { coversNames } from './permission-names.ts';
import { type PermissionRule, readRule, splitRule } from './permission-rule.ts';

/** Working directories of the two, relative to one workspace: path rules are relative to them. */
export interface Directories {
  parent: string;
  child: string;
}

const ALIKE: Directories = { parent: '', child: '' };

/**
 * What a child may do that asks for `child`: nothing its parent may not. `beyond` lists the allow rules no single rule of
 * the parent is known to cover, which are not in the grant (`GRANT_INVALID`). Both deny, and plan mode is inherited.
 */
export function attenuate(parent: Grant, child: Grant, directories = ALIKE): { grant: Grant; beyond: string[] } {
  const isCovered = coveredBy(parent.allow, { wide: directories.parent, narrow: directories.child });
  return {
    grant: { ...joint(parent, child, directories), allow: child.allow.filter(isCovered) },
    beyond: child.allow.filter((text) => !isCovered(text)),
  };
}

/**
 * What both grants allow, as far as rules of either can say it: those of one that are covered by one of the other. Two
 * that overlap, such as `Edit(*.ts)` and `Edit(src/**)`, leave nothing.
 */
export function meet(parent: Grant, child: Grant, directories = ALIKE): Grant {
  const isCovered = coveredBy(parent.allow, { wide: directories.parent, narrow: directories.child });
  const isWithin = coveredBy(child.allow, { wide: directories.child, narrow: directories.parent });
  const narrower = parent.allow.filter(isWithin).flatMap((text) => lowered(text, directories) ?? []);
  return {
    ...joint(parent, child, directories),
    allow: [...new Set([...child.allow.filter(isCovered), ...narrower])],
  };
}

function joint(parent: Grant, child: Grant, directories: Directories): Pick<Grant, 'deny' | 'mode'> {
  const inherited = parent.deny.map((text) => widened(text, directories));
  return {
    deny: [...new Set([...child.deny, ...inherited])],
    mode: parent.mode === 'dontAsk' ? child.mode : 'plan',
  };
}

function coveredBy(allow: readonly string[], from: { wide: string; narrow: string }): (text: string) => boolean {
  const rules = allow.map((text) => readRule(text, 'allow')).filter((rule) => rule !== undefined);
  const names = { wide: namesOf(from.wide), narrow: namesOf(from.narrow) };
  return (text) => {
    const narrow = readRule(text, 'allow');
    return narrow !== undefined && rules.some((wide) => coversRule(wide, narrow, names));
  };
}

function coversRule(
  { tool, scope }: PermissionRule,
  narrow: PermissionRule,
  from: { wide: readonly string[]; narrow: readonly string[] },
): boolean {
  if (!coversNames(tool, narrow.tool)) return false;
  if (scope.kind === 'all') return true;
  if (scope.kind === 'path' && narrow.scope.kind === 'path')
    return coversPattern(scope.pattern, narrow.scope.pattern, from);
  if (scope.kind === 'command' && narrow.scope.kind === 'command')
    return coversCommand(scope.pattern, narrow.scope.pattern);
  return scope.kind === 'host' && narrow.scope.kind === 'host' && coversHost(scope.pattern, narrow.scope.pattern);
}

/** A deny rule of the parent's directory in the child's words: at any depth, which denies at least as much. */
function widened(text: string, { parent, child }: Directories): string {
  const rule = parent === child ? undefined : readRule(text, 'deny');
  if (rule?.scope.kind !== 'path' || rule.scope.pattern.anyDepth) return text;
  return spelled(text, `**/${parent === '' ? '' : `${escaped(parent)}/`}`);
}

/** An allow rule of the parent's directory in the child's words; undefined: the child's directory does not lie above. */
function lowered(text: string, { parent, child }: Directories): string | undefined {
  const rule = readRule(text, 'allow');
  if (rule?.scope.kind !== 'path' || parent === child) return text;
  if (child !== '' && !parent.startsWith(`${child}/`)) return undefined;
  const between = parent.slice(child === '' ? 0 : child.length + 1);
  return spelled(text, `/${escaped(between)}/${rule.scope.pattern.anyDepth ? '**/' : ''}`);
}

function spelled(text: string, before: string): string {
  const { tool, inside } = splitRule(text)!;
  return `${tool}(${before}${inside!.replace(/^(\.?\/)+/, '')})`;
}

const escaped = (path: string): string => path.replace(/[*?[\]\\ ]/g, '\\$&');
const namesOf = (path: string): string[] => (path === '' ? [] : path.split('/'));
