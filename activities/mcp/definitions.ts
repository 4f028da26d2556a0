import { createHash } from 'node:crypto';
import type { Tool } from '@modelcontextprotocol/client';
import type { ToolDefinition } from '../claude/claude.ts';

const MAX_NAME_CHARS = 64;
const MAX_DESCRIPTION_CHARS = 2_000;
const MAX_SCHEMA_BYTES = 65_536;
const MAX_DEPTH = 32;
/** What the API takes as the name of a tool's argument. */
const ARGUMENT = /^[A-Za-z0-9_.-]{1,64}$/;
/**
 * Control characters but line feed and tab; and what people do not see and models read: format characters (Unicode tags,
 * zero widths, directions), private use, variation selectors.
 */
const INVISIBLE = /[^\P{Cc}\n\t]|[\p{Cf}\p{Co}\p{Cs}\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]/gu;

/** A server's tools as the model is shown them, and as they are called. */
export interface ServerTools {
  /** `sha256:` and the hash of all it declared, uncut. */
  hash: string;
  /** By the name the model calls them, in no order. */
  tools: ReadonlyMap<string, { definition: ToolDefinition; name: string }>;
}

/** Throws an `Error` that names the tool nobody can be shown. */
export function readTools(server: string, tools: readonly Tool[]): ServerTools {
  const named = new Map<string, { definition: ToolDefinition; name: string }>();
  for (const tool of tools) {
    const definition = definitionOf(server, tool);
    const other = named.get(definition.name);
    if (other) throw new Error(`its tools ${quoted(other.name)} and ${quoted(tool.name)} are both ${definition.name}`);
    named.set(definition.name, { definition, name: tool.name });
  }
  const declared = tools.map(({ name, description, inputSchema, outputSchema }) => ({
    name,
    description,
    inputSchema,
    outputSchema,
  }));
  declared.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { hash: `sha256:${createHash('sha256').update(canonical(declared)).digest('hex')}`, tools: named };
}

/** What all names of a server's tools begin with; they end in its own names of them. */
export const prefixOf = (server: string): string => `mcp__${server}__`;

function definitionOf(server: string, { name, description = '', inputSchema }: Tool): ToolDefinition {
  const prefix = prefixOf(server);
  const own = name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_NAME_CHARS - prefix.length);
  if (own === '') throw new Error(`its tool ${quoted(name)} has no name that fits behind ${prefix}`);
  const schema = shown(inputSchema, 0) as Record<string, unknown>;
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES)
    throw new Error(`the input schema of its tool ${quoted(name)} has more than ${MAX_SCHEMA_BYTES} bytes`);
  const wrong = Object.keys(Object(schema['properties']) as object).find((key) => !ARGUMENT.test(key));
  if (wrong !== undefined)
    throw new Error(`its tool ${quoted(name)} has an argument ${quoted(wrong)}, which is no name`);
  return Object.freeze({
    name: prefix + own,
    description: cut(visible(description)),
    input_schema: { ...schema, type: 'object' as const },
  });
}

function cut(text: string): string {
  return text.length <= MAX_DESCRIPTION_CHARS ? text : `${text.slice(0, MAX_DESCRIPTION_CHARS - 1).toWellFormed()}…`;
}

/** The text without what only a model would see. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, '');
}

/** A schema with all its texts, keys included, made visible. */
function shown(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Error(`an input schema is nested more than ${MAX_DEPTH} deep`);
  if (typeof value === 'string') return cut(visible(value));
  if (Array.isArray(value)) return value.map((each) => shown(each, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [visible(key), shown(each, depth + 1)]));
}

/** JSON with sorted keys: the same for equal values, whatever order a server writes them in. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function quoted(name: string): string {
  return JSON.stringify(visible(name).slice(0, 80));
}
