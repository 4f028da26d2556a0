import { canMatchParts, parseCommand } from './command-pattern.ts';
import { parseHost } from './host-pattern.ts';
import { readRule, splitRule } from './permission-rule.ts';

const BUILT = new Set(['Read', 'Edit', 'Write', 'Glob', 'Grep', 'Bash', 'WebFetch', 'spawn_subagents']);
/** Part of the rule language, but no tool of theirs is built yet. */
const LATER = new Set(['Agent', 'Workflow', 'Skill']);
/** One rule speaks of all three. */
const OF_SPAWNING = new Set(['collect_subagents', 'read_result']);

type List = 'allow' | 'deny';

export interface RuleProblem {
  /** A `warning`: the rule is understood, and does nothing. */
  kind: 'fault' | 'warning';
  message: string;
  /** What to write instead. */
  hint: string;
}

const fault = (message: string, hint: string): RuleProblem => ({ kind: 'fault', message, hint });
const quoted = (rule: string): string => `the rule ${JSON.stringify(rule)}`;

/** What is wrong with a rule; undefined: nothing. */
export function checkRule(rule: string, list: List): RuleProblem | undefined {
  const { tool, inside } = splitRule(rule) ?? {};
  if (tool === undefined) return fault(`${quoted(rule)} is no rule`, exampleFor(/^\w*/.exec(rule)?.[0] ?? ''));
  if (LATER.has(tool)) {
    // A deny of what cannot happen is already kept.
    return list === 'deny' ? undefined : fault(`${quoted(rule)}: ${tool} is not supported yet`, 'remove it');
  }
  if (list === 'deny' && tool.includes('*') && inside === undefined) return undefined;
  if (tool.startsWith('mcp__')) return checkServer(rule, tool, inside, list);
  if (OF_SPAWNING.has(tool)) {
    // A deny of less than all of it means what it says.
    if (list === 'deny') return undefined;
    return fault(`${quoted(rule)}: ${tool} is not granted by itself`, 'write spawn_subagents, which covers it');
  }
  if (!BUILT.has(tool)) {
    const near = [...BUILT, ...LATER].find((name) => name.toLowerCase() === tool.toLowerCase());
    return fault(`${quoted(rule)} names the unknown tool ${tool}`, `write ${near ?? [...BUILT].join(', ')}`);
  }
  if (inside === undefined || inside === '*') return undefined;
  if (tool === 'Bash') return checkCommand(rule, inside, list);
  if (tool === 'WebFetch') return checkHost(rule, inside, list);
  if (tool === 'spawn_subagents') {
    if (list === 'deny' && /^\w+:./.test(inside)) return undefined;
    return fault(`${quoted(rule)} has a pattern that cannot be read`, `write ${tool}`);
  }
  return checkPath(rule, tool, inside, list);
}

function exampleFor(tool: string): string {
  if (tool === 'Bash') return 'write Bash for every command, or Bash(npm test:*)';
  if (tool === 'WebFetch') return 'write WebFetch for every host, or WebFetch(domain:example.com)';
  return 'write Tool or Tool(pattern), such as Edit(src/**)';
}

function checkServer(rule: string, tool: string, inside: string | undefined, list: List): RuleProblem | undefined {
  if (list === 'allow' && /^mcp__(?:(?!__)[\w-])*\*/.test(tool))
    return fault(`${quoted(rule)} globs the server`, 'name it, and glob behind it: mcp__server__*');
  if (!tool.includes('*') && !/^mcp__(?:(?!__)[\w-])+(?:__[\w-]+)?$/.test(tool))
    return fault(`${quoted(rule)} names no server`, 'write mcp__server, mcp__server__* or mcp__server__tool');
  if (inside === undefined || inside === '*') return undefined;
  if (list === 'allow') return fault(`${quoted(rule)}: parameters can only be denied`, `write ${tool}`);
  if (readRule(rule, 'deny')?.scope.kind === 'nothing' && /^\w+:./.test(inside)) return undefined;
  return fault(`${quoted(rule)} has a pattern that cannot be read`, `write ${tool}, or ${tool}(parameter:value)`);
}

function checkCommand(rule: string, inside: string, list: List): RuleProblem | undefined {
  const pattern = parseCommand(inside);
  if (pattern === undefined || readRule(rule, list) === undefined) {
    const name = inside.replace(/:\*.*$/s, '').trim();
    return fault(
      `${quoted(rule)} has a pattern that cannot be read`,
      name === '' ? exampleFor('Bash') : `write :* at the end alone, such as Bash(${name}:*)`,
    );
  }
  if (canMatchParts(pattern)) return undefined;
  return {
    kind: 'warning',
    message: `${quoted(rule)} never matches, for commands are decided part by part and redirects as edits`,
    hint: 'write one rule for each command, and Edit(path) for the file a redirect writes',
  };
}

function checkHost(rule: string, inside: string, list: List): RuleProblem | undefined {
  const host = /^domain:(.*)$/s.exec(inside)?.[1];
  const isParameter = /^(?!url:)\w+:./.test(inside) && !/^https?:/i.test(inside);
  if (host === undefined && list === 'deny' && isParameter && readRule(rule, list)) return undefined;
  if (host === '*' && list === 'allow')
    return fault(`${quoted(rule)} matches hosts of one label alone`, 'write WebFetch for every host');
  const written = (host ?? inside.replace(/^url:/, '')).trim();
  const canonical = canonicalHost(written);
  const spelled = written.toLowerCase().replace(/\.$/, '');
  if (host !== undefined && parseHost(host) && canonical === spelled) return undefined;
  const isHost = canonical !== undefined && parseHost(canonical) !== undefined;
  return fault(
    host === undefined ? `${quoted(rule)} names no domain` : `${quoted(rule)} names no host as hosts are compared`,
    isHost ? `write WebFetch(domain:${canonical})` : exampleFor('WebFetch'),
  );
}

/** The host of a URL, of a host with a port, or of a host, as WHATWG URL spells it. */
function canonicalHost(text: string): string | undefined {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : undefined;
}

function checkPath(rule: string, tool: string, inside: string, list: List): RuleProblem | undefined {
  if (isOutside(inside))
    return fault(`${quoted(rule)} leaves the workspace`, 'write a path relative to the working directory');
  // One rule the worker cannot read would deny every call.
  if (readRule(rule, list) === undefined)
    return fault(`${quoted(rule)} has a pattern that cannot be read`, patternHint(tool, inside));
  if (tool === 'Write' || tool === 'Glob') {
    const instead = tool === 'Write' ? 'Edit' : 'Read';
    return { kind: 'warning', message: `${quoted(rule)} is never consulted`, hint: `write ${instead}(${inside})` };
  }
  return undefined;
}

function patternHint(tool: string, pattern: string): string {
  if (pattern.split('/').includes('..')) return 'write the path without ..';
  if (pattern.includes('[')) return 'close the bracket before the next slash, or write \\[ for one in a name';
  if (pattern.includes('\\')) return 'write a slash between directories, and no backslash before one or at the end';
  return `write ${tool}(pattern) with a pattern such as src/**`;
}

/** `//` is the file system's root and `~` the home: both outside, as is a path that climbs out. */
function isOutside(pattern: string): boolean {
  if (pattern.startsWith('//') || pattern.startsWith('~')) return true;
  let depth = 0;
  for (const name of pattern.replaceAll('\\', '/').split('/')) {
    if (name === '..' && --depth < 0) return true;
    if (name !== '' && name !== '.' && name !== '..') depth++;
  }
  return false;
}
