import { coversWildcard, matchesWildcard, readWildcard } from './wildcard.ts';

const READERS = ['Read', 'Glob', 'Grep'];
const EDITORS = ['Edit', 'Write', 'NotebookEdit'];
/** Whoever may spawn may also ask what became of it. */
const SPAWNERS = ['spawn_subagents', 'collect_subagents', 'read_result'];

/** Which tools an allow rule for `tool` speaks of: a family, one server's tools, or itself. */
export function allowedNames(tool: string): (called: string) => boolean {
  if (tool === 'Read') return (called) => READERS.includes(called);
  if (tool === 'Edit') return (called) => EDITORS.includes(called);
  if (tool === 'spawn_subagents') return (called) => SPAWNERS.includes(called);
  const glob = serverGlob(tool);
  if (glob === undefined) return (called) => called === tool;
  const wildcard = readWildcard(glob.text);
  // A server `s_` names its tools `mcp__s___x`; only a rule without a star can mean one of those.
  return (called) => called === tool || (matchesWildcard(wildcard, called) && called[glob.start] !== '_');
}

/** Deny may glob names, and names a server by `mcp__server`; what may not be read may not be edited either. */
export function deniedNames(tool: string): (called: string) => boolean {
  const wildcard = readWildcard(tool);
  const names = (name: string): boolean => matchesWildcard(wildcard, name);
  const denied = new Set<string>();
  for (const name of READERS) if (names(name)) denied.add(name);
  for (const name of EDITORS) if (names(name) || names('Edit') || names('Read')) denied.add(name);
  if (names('Read')) for (const name of READERS) denied.add(name);
  if (names('spawn_subagents')) for (const name of SPAWNERS) denied.add(name);
  const ofServer = tool.startsWith('mcp__') ? readWildcard(`${tool}__*`) : undefined;
  return (called) =>
    denied.has(called) || names(called) || (ofServer !== undefined && matchesWildcard(ofServer, called));
}

/** Whether an allow rule for all of `wide` allows what one for all of `narrow` does. */
export function coversNames(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  if (wide === 'Read') return READERS.includes(narrow);
  if (wide === 'Edit') return EDITORS.includes(narrow);
  if (wide === 'spawn_subagents') return SPAWNERS.includes(narrow);
  const glob = serverGlob(wide);
  if (glob === undefined) return false;
  const inner = serverGlob(narrow);
  if (inner === undefined) return allowedNames(wide)(narrow);
  return glob.start === inner.start && coversWildcard(readWildcard(glob.text), readWildcard(inner.text));
}

/** A rule for several tools of one server; `start` is where their own names begin. The server itself is never globbed. */
function serverGlob(tool: string): { text: string; start: number } | undefined {
  const [, server, name] = /^(mcp__(?:(?!__)[\w-])+)(?:__(.*))?$/s.exec(tool) ?? [];
  if (server === undefined || (name !== undefined && !name.includes('*'))) return undefined;
  return { text: `${server}__${name ?? '*'}`, start: server.length + 2 };
}
