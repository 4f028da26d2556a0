import { type CommandPattern, parseCommand } from './command-pattern.ts';
import { type HostPattern, matchesHost, parseHost } from './host-pattern.ts';
import { allowedNames, deniedNames } from './permission-names.ts';
import { coversPath, parsePattern, type PathPattern } from './path-pattern.ts';
import type { PermissionRequest } from './permission.ts';
import { foldPath } from './protected-path.ts';
import { matchesWildcard, readWildcard } from './wildcard.ts';

/** What of its tool a rule speaks of. `nothing`: it is never consulted. */
export type RuleScope =
  | { kind: 'all' }
  | { kind: 'nothing' }
  | { kind: 'path'; pattern: PathPattern }
  | { kind: 'command'; pattern: CommandPattern }
  | { kind: 'host'; pattern: HostPattern };

/** One rule of a grant, `Tool` or `Tool(specifier)`, in Claude Code's language. */
export interface PermissionRule {
  text: string;
  tool: string;
  scope: RuleScope;
  /** `path` is one of the request's, undefined for a tool that takes none. Commands: see `decideCommand`. */
  allows(request: PermissionRequest, path: string | undefined): boolean;
  denies(request: PermissionRequest): boolean;
}

type List = 'allow' | 'deny';

/** Their patterns are never consulted: `Read` and `Edit` speak for them. */
const WITHOUT_PATTERN = ['Write', 'NotebookEdit', 'Glob'];
const WITH_PATTERN = ['Read', 'Edit', 'Grep'];
/** A parameter rule says nothing of these: patterns of the tool itself do. */
const PRIMARY = ['command', 'file_path', 'path', 'notebook_path', 'url'];

/** The tool a rule names, and what stands in its brackets; undefined: it is no rule. */
export function splitRule(text: string): { tool: string; inside: string | undefined } | undefined {
  const [, tool, inside] = /^([A-Za-z_*][\w*-]*)(?:\((.*)\))?$/s.exec(text) ?? [];
  return tool === undefined || inside === '' || text.includes('\0') ? undefined : { tool, inside };
}

/** undefined: it is no rule. A rule for tools nobody knows is one, and never matches a call of another tool. */
export function readRule(text: string, list: List): PermissionRule | undefined {
  const { tool, inside } = splitRule(text) ?? {};
  if (tool === undefined) return undefined;
  if (inside === undefined || inside === '*') return wholeTool(text, tool);
  if (WITHOUT_PATTERN.includes(tool)) return withParameter(never(text, tool), inside, list);
  if (WITH_PATTERN.includes(tool)) {
    const rule = list === 'allow' ? allowRule(text, tool, inside) : denyRule(text, tool, inside);
    return rule && withParameter(rule, inside, list);
  }
  if (tool === 'Bash') return commandRule(text, inside, list);
  if (tool === 'WebFetch') return hostRule(text, inside, list);
  if (list === 'deny' && readParameter(inside)) return withParameter(never(text, tool), inside, list);
  // A specifier nobody knows: it never allows, and denies all of its tool.
  return { ...wholeTool(text, tool), scope: { kind: 'nothing' }, allows: () => false };
}

function wholeTool(text: string, tool: string): PermissionRule {
  const isAllowed = allowedNames(tool);
  const isDenied = deniedNames(tool);
  return {
    text,
    tool,
    scope: { kind: 'all' },
    allows: (request) => isAllowed(request.tool),
    denies: (request) => isDenied(request.tool),
  };
}

function never(text: string, tool: string): PermissionRule {
  return { text, tool, scope: { kind: 'nothing' }, allows: () => false, denies: () => false };
}

function allowRule(text: string, tool: string, inside: string): PermissionRule | undefined {
  const pattern = isOutside(inside) ? undefined : parsePattern(inside);
  if (pattern === undefined) return undefined;
  const isAllowed = allowedNames(tool);
  return {
    ...never(text, tool),
    scope: { kind: 'path', pattern },
    allows(request, path) {
      if (path === undefined || !isAllowed(request.tool)) return false;
      if (request.kind === 'search') return true;
      const inner = below(request.directory, path);
      return inner !== undefined && coversPath(pattern, inner);
    },
  };
}

/**
 * Matches the path as it is written and as a forgetful file system reads it. A pattern for any depth holds in the whole
 * workspace, above the working directory too: no rule could name what lies there.
 */
function denyRule(text: string, tool: string, inside: string): PermissionRule | undefined {
  const spelled = isOutside(inside) ? undefined : parsePattern(inside, { looseSubtree: true });
  const folded = isOutside(inside) ? undefined : parsePattern(foldPath(inside), { looseSubtree: true });
  if (spelled === undefined || folded === undefined) return undefined;
  const covers = (pattern: PathPattern, path: string, directory: string, isDirectory: boolean): boolean => {
    const inner = pattern.anyDepth ? path : below(directory, path);
    return inner !== undefined && coversPath(pattern, inner, isDirectory);
  };
  const isDenied = deniedNames(tool);
  return {
    ...never(text, tool),
    scope: { kind: 'path', pattern: spelled },
    denies({ tool: called, kind, directory, paths }) {
      if (!isDenied(called)) return false;
      const isDirectory = kind === 'search';
      return paths.some(
        (path) =>
          covers(spelled, path, directory, isDirectory) ||
          covers(folded, foldPath(path), foldPath(directory), isDirectory),
      );
    },
  };
}

function commandRule(text: string, inside: string, list: List): PermissionRule | undefined {
  const pattern = parseCommand(inside);
  if (pattern === undefined) return undefined;
  const rule: PermissionRule = {
    ...never(text, 'Bash'),
    scope: { kind: 'command', pattern },
    denies: (request) => request.tool === 'Bash' && request.command === undefined,
  };
  return inside.endsWith(':*') ? rule : withParameter(rule, inside, list);
}

function hostRule(text: string, inside: string, list: List): PermissionRule | undefined {
  const host = /^domain:(.*)$/s.exec(inside)?.[1];
  if (host === undefined && list === 'deny' && readParameter(inside))
    return withParameter(never(text, 'WebFetch'), inside, list);
  const pattern = host === undefined ? undefined : parseHost(host);
  if (pattern === undefined) return undefined;
  const matches = ({ tool, host: asked }: PermissionRequest, addressesToo: boolean): boolean =>
    tool === 'WebFetch' && (asked === undefined ? addressesToo : matchesHost(pattern, asked, addressesToo));
  return {
    ...never(text, 'WebFetch'),
    scope: { kind: 'host', pattern },
    allows: (request) => request.kind === 'fetch' && matches(request, false),
    denies: (request) => (host === '*' ? request.tool === 'WebFetch' : matches(request, true)),
  };
}

function readParameter(inside: string): { name: string; value: string } | undefined {
  const [, name, value] = /^(\w+):(.+)$/s.exec(inside) ?? [];
  return name === undefined || value === undefined || PRIMARY.includes(name) ? undefined : { name, value };
}

/** Deny rules may also be read as `Tool(parameter:value)`: one scalar at the top of the input; an omitted one is none. */
function withParameter(rule: PermissionRule, inside: string, list: List): PermissionRule {
  const parameter = list === 'deny' ? readParameter(inside) : undefined;
  if (parameter === undefined) return rule;
  const isDenied = deniedNames(rule.tool);
  const value = readWildcard(parameter.value);
  return {
    ...rule,
    denies(request) {
      if (rule.denies(request)) return true;
      if (!isDenied(request.tool) || !Object.hasOwn(request.input ?? {}, parameter.name)) return false;
      const given = request.input?.[parameter.name];
      return ['string', 'number', 'boolean'].includes(typeof given) && matchesWildcard(value, String(given));
    },
  };
}

function below(directory: string, path: string): string | undefined {
  if (directory === '') return path;
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

/** `//` is the file system's root, `~/` the home; neither lies in a workspace, nor does what climbs. */
function isOutside(pattern: string): boolean {
  return pattern.startsWith('//') || pattern.startsWith('~') || pattern.split('/').includes('..');
}
