import type { Grant } from '../contract/task.schema.ts';
import { isCanonicalHost } from './host-pattern.ts';
import { decideCommand } from './permission-command.ts';
import { type PermissionRule, readRule } from './permission-rule.ts';
import { isGitPath, isProtectedPath } from './protected-path.ts';

/** Why a call was refused: stable, in every decision logged and in `permission_denials`. */
export type DenialReason =
  | 'PATH_OUTSIDE'
  | 'BAD_PATH'
  | 'SYMLINK_ESCAPE'
  | 'HARDLINK'
  | 'NOT_REGULAR'
  | 'FLAG_DENIED'
  | 'GRANT_INVALID'
  | 'NOT_GRANTED'
  | 'DENIED_BY_RULE'
  | 'PLAN_MODE'
  | 'PROTECTED_PATH'
  /** A command nobody can take apart for sure: too long, unbalanced, or of a form the rules do not know. */
  | 'BAD_COMMAND'
  | 'HOST_DENIED'
  | 'SSRF_DENIED'
  /** The sandbox does not start on this host. */
  | 'SANDBOX_UNAVAILABLE'
  /** The server's tools are not those this fleet began with. */
  | 'MCP_CHANGED';

export interface PermissionRequest {
  /** As the model calls it: `Read`, `Edit`. */
  tool: string;
  /**
   * `search`: a directory whose files are then decided one by one, as `read`. `command`: see `command`; `fetch`: see
   * `host`. `other`: the tool has no subject but its name (MCP). The last three take no paths.
   */
  kind: 'read' | 'search' | 'edit' | 'command' | 'fetch' | 'other';
  /** The working directory, relative to the workspace; '' is the workspace. Rules are relative to it. */
  directory: string;
  /** Relative to the workspace, posix, resolved; where a symbolic link stands between, both the link and its target. */
  paths: readonly string[];
  /** Of kind `command`: the shell text as the model wrote it. */
  command?: string;
  /** Of kind `fetch`: the canonical host, lower case, without port and trailing dot; as WHATWG URL spells it. */
  host?: string;
  /** Absolute path of the workspace as commands spell it: their redirects may be absolute too. */
  root?: string;
  /** The whole input of the call, for deny rules on a parameter. */
  input?: Readonly<Record<string, unknown>>;
}

/** `detail`: the part of a command that was refused, or why it could not be read. */
export type Decision =
  { allow: true; rule: string } | { allow: false; reason: DenialReason; rule?: string; detail?: string };

export interface ReadGrant {
  allow: readonly PermissionRule[];
  deny: readonly PermissionRule[];
  /** A deny rule nobody can read: then nothing is allowed. */
  unreadable: string | undefined;
}

const read = new WeakMap<Grant, ReadGrant>();

/**
 * What a grant says to one call. Pure; anything it does not understand is a denial. Deny comes before the mode, the mode
 * before protected paths, those before allow; every path, and every part of a command, needs its own allow rule, one
 * denied denies the call. Time is linear in the request.
 */
export function decide(request: PermissionRequest, grant: Grant): Decision {
  const rules = readGrant(grant);
  if (rules.unreadable !== undefined) return { allow: false, reason: 'GRANT_INVALID', rule: rules.unreadable };
  if (!request.paths.every((path) => isResolved(path, request))) return { allow: false, reason: 'BAD_PATH' };
  if (request.kind === 'fetch' && !isCanonicalHost(request.host ?? '')) return { allow: false, reason: 'HOST_DENIED' };
  if (request.paths.some(isGitPath)) return { allow: false, reason: 'PROTECTED_PATH' };
  const denied = rules.deny.find((rule) => rule.denies(request));
  if (denied) return { allow: false, reason: 'DENIED_BY_RULE', rule: denied.text };
  const isPlan = grant.mode !== 'dontAsk';
  if (request.kind === 'command') {
    const mayWrite = (path: string): Decision =>
      decide({ ...writing, directory: request.directory, paths: [path] }, grant);
    return decideCommand(request, { ...rules, isPlan, mayWrite });
  }
  if (request.kind === 'edit') {
    if (isPlan) return { allow: false, reason: 'PLAN_MODE' };
    if (request.paths.some(isProtectedPath)) return { allow: false, reason: 'PROTECTED_PATH' };
  }
  return allowedBy(rules.allow, request);
}

const writing = { tool: 'Write', kind: 'edit' } as const;

function allowedBy(allow: readonly PermissionRule[], request: PermissionRequest): Decision {
  const hasPaths = request.kind !== 'other' && request.kind !== 'fetch';
  const subjects = hasPaths ? request.paths : [undefined];
  const allowing = subjects.map((path) => allow.find((rule) => rule.allows(request, path)));
  const last = allowing.at(-1);
  if (last !== undefined && !allowing.includes(undefined)) return { allow: true, rule: last.text };
  // Some hosts are granted, and this is none of them.
  const isHost = request.kind === 'fetch' && allow.some(({ scope }) => scope.kind === 'host');
  return { allow: false, reason: isHost ? 'HOST_DENIED' : 'NOT_GRANTED' };
}

/** The grant's rules, read once for each grant object. */
export function readGrant(grant: Grant): ReadGrant {
  const known = read.get(grant);
  if (known) return known;
  const deny = grant.deny.map((text) => readRule(text, 'deny'));
  const rules: ReadGrant = {
    allow: grant.allow.map((text) => readRule(text, 'allow')).filter((rule) => rule !== undefined),
    deny: deny.filter((rule) => rule !== undefined),
    unreadable: grant.deny[deny.indexOf(undefined)],
  };
  read.set(grant, rules);
  return rules;
}

/** The empty path is the workspace itself, which can be searched, but is no file. */
function isResolved(path: string, { kind }: PermissionRequest): boolean {
  if (path === '') return kind === 'search';
  return !path.includes('\0') && path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}
