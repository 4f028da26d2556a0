import { coversPath, parsePattern, type PathPattern } from './path-pattern.ts';
import type { PermissionRequest } from './permission.ts';
import { foldPath } from './protected-path.ts';

/** One rule of a grant, `Tool` or `Tool(pattern)`, in Claude Code's language. */
export interface PermissionRule {
  text: string;
  /** `path` is one of the request's, undefined for a tool that takes none. */
  allows(request: PermissionRequest, path: string | undefined): boolean;
  denies(request: PermissionRequest): boolean;
}

const READERS = ['Read', 'Glob', 'Grep'];
const EDITORS = ['Edit', 'Write', 'NotebookEdit'];
/** Their patterns are never consulted: `Read` and `Edit` speak for them. */
const WITHOUT_PATTERN = ['Write', 'NotebookEdit', 'Glob'];
const WITH_PATTERN = ['Read', 'Edit', 'Grep'];

/** undefined: it is no rule. A rule for tools nobody knows is one, and never matches a call of another tool. */
export function readRule(text: string, list: 'allow' | 'deny'): PermissionRule | undefined {
  const [, tool, inside] = /^([A-Za-z_*][\w*-]*)(?:\((.*)\))?$/s.exec(text) ?? [];
  if (tool === undefined || inside === '') return undefined;
  if (inside === undefined || inside === '*') return wholeTool(text, tool);
  if (WITHOUT_PATTERN.includes(tool)) return { text, allows: () => false, denies: () => false };
  // A specifier that is no path is read elsewhere or by nobody: here it never allows, and denies all of its tool.
  if (!WITH_PATTERN.includes(tool)) return { ...wholeTool(text, tool), allows: () => false };
  return list === 'allow' ? allowRule(text, tool, inside) : denyRule(text, tool, inside);
}

function wholeTool(text: string, tool: string): PermissionRule {
  const isDenied = deniedTools(tool);
  return {
    text,
    allows: (request) => allowNames(tool).includes(request.tool),
    denies: (request) => isDenied(request.tool),
  };
}

function allowRule(text: string, tool: string, inside: string): PermissionRule | undefined {
  const pattern = isOutside(inside) ? undefined : parsePattern(inside);
  if (pattern === undefined) return undefined;
  return {
    text,
    allows(request, path) {
      if (path === undefined || !allowNames(tool).includes(request.tool)) return false;
      if (request.kind === 'search') return true;
      const inner = below(request.directory, path);
      return inner !== undefined && coversPath(pattern, inner);
    },
    denies: () => false,
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
  const isDenied = deniedTools(tool);
  return {
    text,
    allows: () => false,
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

function allowNames(tool: string): readonly string[] {
  if (tool === 'Read') return READERS;
  return tool === 'Edit' ? EDITORS : [tool];
}

/** Deny may glob names; what may not be read may not be edited either. */
function deniedTools(tool: string): (called: string) => boolean {
  const pattern = parsePattern(tool);
  const families = [...READERS, ...EDITORS].filter((name) => pattern && coversPath(pattern, name));
  const denied = families.flatMap((name) => (name === 'Read' ? [...READERS, ...EDITORS] : allowNames(name)));
  return (called) => denied.includes(called) || (pattern !== undefined && coversPath(pattern, called));
}

function below(directory: string, path: string): string | undefined {
  if (directory === '') return path;
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

/** `//` is the file system's root, `~/` the home; neither lies in a workspace, nor does what climbs. */
function isOutside(pattern: string): boolean {
  return pattern.startsWith('//') || pattern.startsWith('~') || pattern.split('/').includes('..');
}
