import type { Grant } from '../contract/task.schema.ts';
import { literalPrefix, type PathPattern } from './path-pattern.ts';
import { decide, readGrant } from './permission.ts';
import { allowedNames, deniedNames } from './permission-names.ts';
import type { PermissionRule } from './permission-rule.ts';

/** What a shell may do with the workspace. Paths are relative to its root, posix; '' is the root itself. */
export interface ShellScope {
  /** Directories the shell may write in, whether or not they exist. None lies in another. */
  writable: string[];
  /** Paths that stay read-only where they exist, for a deny rule names them. */
  readOnly: string[];
  /** Paths the shell must not see where they exist, files or directories, for a deny rule names them. */
  hidden: string[];
  /** Deny rules hide files that only a look at the workspace can name: ask `isHiddenFromShell` of each of its files. */
  hidesByPattern: boolean;
}

/**
 * Where a shell may write is coarser than the rules: a directory an Edit rule grants wholly, or the one its pattern hangs
 * in. What is changed there beyond the rules is taken out at the end, by `mayKeep`. Nothing is writable in plan mode.
 */
export function shellScope(grant: Grant, directory: string): ShellScope {
  const { allow, deny, unreadable } = readGrant(grant);
  const denied = (tool: string): PermissionRule[] => deny.filter((rule) => deniedNames(rule.tool)(tool));
  const reads = denied('Read');
  const edits = denied('Write').filter((rule) => !reads.includes(rule));
  const isReading = grant.mode !== 'dontAsk' || unreadable !== undefined;
  const isDenied = [...reads, ...edits].some(({ scope }) => scope.kind === 'all');
  const editing = allow.filter((rule) => allowedNames(rule.tool)('Write'));
  return {
    writable: isReading || isDenied ? [] : outermost(editing.flatMap((rule) => anchor(rule, directory))),
    readOnly: edits.flatMap((rule) => named(rule, directory)),
    hidden: reads.flatMap((rule) => named(rule, directory)),
    hidesByPattern: reads.some(({ scope }) => scope.kind === 'path' && !isOnePath(scope.pattern)),
  };
}

/** Whether a change of this path (relative to the workspace) may stay in the patch. */
export function mayKeep(grant: Grant, directory: string, path: string): boolean {
  return ['Edit', 'Write'].some((tool) => decide({ tool, kind: 'edit', directory, paths: [path] }, grant).allow);
}

/** Whether a deny rule keeps a file of the workspace (relative to it) from being read, by whatever means. */
export function isHiddenFromShell(grant: Grant, directory: string, path: string): boolean {
  const decision = decide({ tool: 'Read', kind: 'read', directory, paths: [path] }, grant);
  return !decision.allow && (decision.reason === 'DENIED_BY_RULE' || decision.reason === 'GRANT_INVALID');
}

/** `host`: canonical, see `PermissionRequest`. Its address is for others to judge. */
export function mayReach(grant: Grant, host: string): boolean {
  return decide({ tool: 'WebFetch', kind: 'fetch', directory: '', paths: [], host }, grant).allow;
}

/** Whether any call of the tool could ever be allowed. */
export function hasTool(grant: Grant, tool: string): boolean {
  const { allow, deny, unreadable } = readGrant(grant);
  if (unreadable !== undefined) return false;
  if (grant.mode !== 'dontAsk' && allowedNames('Edit')(tool)) return false;
  if (deny.some((rule) => rule.scope.kind === 'all' && deniedNames(rule.tool)(tool))) return false;
  return allow.some((rule) => rule.scope.kind !== 'nothing' && allowedNames(rule.tool)(tool));
}

/** The directory a rule lets the shell write in. */
function anchor({ scope }: PermissionRule, directory: string): string[] {
  if (scope.kind === 'all') return [''];
  if (scope.kind !== 'path') return [];
  const { names, isWhole } = literalPrefix(scope.pattern);
  // A name at the end may be a file's: then its directory is where it hangs.
  return [joined(directory, isWhole && !scope.pattern.directoryOnly ? names.slice(0, -1) : names)];
}

/** The paths a deny rule names without looking at the workspace. One for any depth names the topmost of them. */
function named({ scope }: PermissionRule, directory: string): string[] {
  if (scope.kind === 'all') return [''];
  if (scope.kind !== 'path') return [];
  const { anyDepth, segments, directoryOnly } = scope.pattern;
  const pattern = anyDepth ? { segments: segments.slice(1), directoryOnly, anyDepth: false } : scope.pattern;
  const { names, isWhole, isSubtree } = literalPrefix(pattern);
  if (!isWhole && !isSubtree) return [];
  const path = joined(directory, names);
  return anyDepth && directory !== '' ? [names.join('/'), path].filter((name) => name !== '') : [path];
}

function isOnePath(pattern: PathPattern): boolean {
  const { isWhole, isSubtree } = literalPrefix(pattern);
  return isWhole || isSubtree;
}

function joined(directory: string, names: readonly string[]): string {
  return [directory, ...names].filter((name) => name !== '').join('/');
}

function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  const isInside = (inner: string, outer: string): boolean => outer === '' || inner.startsWith(`${outer}/`);
  return unique.filter((path) => !unique.some((other) => other !== path && isInside(path, other))).sort();
}
