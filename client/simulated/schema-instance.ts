import { PathInstances } from './path-instance.ts';
import { patternInstance } from './pattern-instance.ts';
import type { Random } from './random.ts';

type Schema = Record<string, unknown>;

interface Maker {
  root: Schema;
  random: Random;
  paths: PathInstances;
}

/** Past this depth optional properties are left out and alternatives chosen for shortness: recursive schemas end. */
const OPTIONAL_DEPTH = 3;
const MAX_DEPTH = 24;
/** Items of a list of paths, or of things that have one. */
const MOST_PATHS = 3;

/**
 * An instance of a JSON Schema (2020-12 or draft-07), best effort: const, enum, types, properties, items, lengths, bounds,
 * formats, patterns, anyOf, oneOf, allOf and local `$ref`. Not looked at: not, if, dependentSchemas, unevaluated*. A text
 * whose property is called so is one of `files`, or a directory of one.
 */
export function schemaInstance(schema: unknown, random: Random, files: readonly string[] = []): unknown {
  const root = isSchema(schema) ? schema : {};
  return make(root, { root, random, paths: new PathInstances(files) }, 0);
}

/** `name`: of the property it is for, or whose items it is one of. */
function make(given: unknown, maker: Maker, depth: number, name = ''): unknown {
  if (!isSchema(given) || depth > MAX_DEPTH) return null;
  const schema = flatten(given, maker, depth);
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum']) && schema['enum'].length > 0) return maker.random.pick<unknown>(schema['enum']);
  if ('default' in schema) return schema['default'];
  switch (typeOf(schema)) {
    case 'object':
      return makeObject(schema, maker, depth);
    case 'array':
      return makeArray(schema, maker, depth, name);
    case 'string':
      return makeString(schema, maker, name);
    case 'integer':
      return makeNumber(schema, true, maker.random);
    case 'number':
      return makeNumber(schema, false, maker.random);
    case 'boolean':
      return maker.random.next() < 0.5;
    default:
      return null;
  }
}

/** One schema without `$ref`, `allOf` or alternatives: of those the first, or the shortest when deep down. */
function flatten(given: Schema, maker: Maker, depth: number): Schema {
  let schema = given;
  for (let steps = 0; steps < MAX_DEPTH; steps += 1) {
    const { $ref: ref, allOf, anyOf, oneOf, ...own } = schema;
    if (typeof ref === 'string') {
      schema = merge({ ...own, allOf, anyOf, oneOf }, resolve(maker.root, ref));
    } else if (Array.isArray(allOf)) {
      schema = allOf.filter(isSchema).reduce(merge, { ...own, anyOf, oneOf });
    } else if (Array.isArray(anyOf) || Array.isArray(oneOf)) {
      const branches = [anyOf, oneOf].filter(Array.isArray).map((list: unknown[]) => choose(list, maker, depth));
      schema = branches.filter(isSchema).reduce(merge, own);
    } else {
      return own;
    }
  }
  return {};
}

function choose(branches: readonly unknown[], maker: Maker, depth: number): unknown {
  if (depth < OPTIONAL_DEPTH) return branches[0];
  const isShort = (branch: unknown) =>
    isSchema(branch) && !['$ref', 'properties', 'items', 'allOf'].some((key) => key in branch);
  return branches.find(isShort) ?? maker.random.pick(branches);
}

/** Both must hold: properties and required add up, for the rest the later one speaks. */
function merge(one: Schema, other: Schema): Schema {
  const merged: Schema = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const mine = merged[key];
    if (value === undefined) continue;
    if ((key === 'properties' || key === '$defs') && isSchema(mine) && isSchema(value))
      merged[key] = { ...mine, ...value };
    else if ((key === 'required' || key === 'allOf') && Array.isArray(mine) && Array.isArray(value)) {
      merged[key] = [...(mine as unknown[]), ...(value as unknown[])];
    } else merged[key] = value;
  }
  return merged;
}

/** `#`, `#/a/b` with JSON pointer escapes, or an `$anchor`; anything else is an empty schema. */
function resolve(root: Schema, ref: string): Schema {
  let at: unknown = root;
  for (const part of ref.replace(/^#\/?/, '').split('/')) {
    if (part === '') continue;
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    at = isSchema(at) ? at[key] : Array.isArray(at) ? (at as unknown[])[Number(key)] : undefined;
  }
  return isSchema(at) ? at : {};
}

function typeOf(schema: Schema): string {
  const { type } = schema;
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return String((type as unknown[]).find((one) => one !== 'null') ?? 'null');
  if ('properties' in schema || 'required' in schema || 'additionalProperties' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  if ('minimum' in schema || 'maximum' in schema || 'multipleOf' in schema) return 'number';
  return 'string';
}

function makeObject(schema: Schema, maker: Maker, depth: number): Record<string, unknown> {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as unknown[]).map(String) : []);
  const keys = Object.keys(properties).filter(
    (key) => properties[key] !== false && (required.has(key) || depth < OPTIONAL_DEPTH),
  );
  const object: Record<string, unknown> = {};
  for (const key of new Set([...keys, ...required])) {
    object[key] = make(properties[key] ?? additional(schema), maker, depth + 1, key);
  }
  const wanted = count(schema['minProperties'], 0);
  for (let n = 1; Object.keys(object).length < wanted && n <= wanted; n += 1) {
    object[`key${n}`] = make(additional(schema), maker, depth + 1);
  }
  return object;
}

function additional(schema: Schema): unknown {
  return isSchema(schema['additionalProperties']) ? schema['additionalProperties'] : { type: 'string' };
}

function makeArray(schema: Schema, maker: Maker, depth: number, name: string): unknown[] {
  const first = Array.isArray(schema['prefixItems']) ? (schema['prefixItems'] as unknown[]) : [];
  const least = count(schema['minItems'], 0);
  const most = count(schema['maxItems'], Infinity);
  const length = Math.min(
    most,
    Math.max(least, first.length, depth < OPTIONAL_DEPTH ? usualLength(schema['items'], maker, name) : 0),
  );
  const items: unknown[] = [];
  // Equal items where they must differ: draw again, a bounded number of times.
  for (let tries = 0; items.length < length && tries < length + 50; tries += 1) {
    const rest = schema['contains'] ?? schema['items'] ?? { type: 'string' };
    const item = make(first[items.length] ?? rest, maker, depth + 1, name);
    const isRepeated = items.some((one) => JSON.stringify(one) === JSON.stringify(item));
    if (schema['uniqueItems'] !== true || !isRepeated) items.push(item);
  }
  return items;
}

/** One, or a few where each is to name a path. */
function usualLength(items: unknown, { paths }: Maker, name: string): number {
  if (items === false) return 0;
  const properties = isSchema(items) && isSchema(items['properties']) ? Object.keys(items['properties']) : [name];
  const counts = properties.map((key) => paths.count(key)).filter((known) => known > 0);
  return counts.length === 0 ? 1 : Math.min(MOST_PATHS, ...counts);
}

const FORMATS: Readonly<Record<string, (random: Random) => string>> = {
  'date-time': () => '2026-11-24T12:00:00Z',
  date: () => '2026-11-24',
  time: () => '12:00:00Z',
  duration: () => 'PT1H',
  email: (random) => `simulated${random.int(1, 999)}@example.com`,
  hostname: () => 'simulated.example.com',
  ipv4: (random) => `192.0.2.${random.int(1, 254)}`,
  ipv6: () => '2001:db8::1',
  uri: (random) => `https://example.com/simulated/${random.int(1, 999)}`,
  'uri-reference': () => '/simulated',
  uuid: (random) => `00000000-0000-4000-8000-${String(random.int(1, 999_999)).padStart(12, '0')}`,
  regex: () => '^simulated$',
  'json-pointer': () => '/simulated',
};

function makeString(schema: Schema, { random, paths }: Maker, name: string): string {
  const least = count(schema['minLength'], 0);
  const most = count(schema['maxLength'], Infinity);
  const format = FORMATS[String(schema['format'])];
  if (format !== undefined) return format(random);
  const { pattern } = schema;
  if (typeof pattern === 'string') {
    const text = patternInstance(pattern, random, least, most);
    if (text !== undefined) return text;
  }
  const path = paths.pick(name, random);
  if (path !== undefined && path.length >= least && path.length <= most) return path;
  const text = `simulated ${random.int(1, 999)}`.padEnd(least, '.');
  return text.length > most ? text.slice(0, most) : text;
}

function makeNumber(schema: Schema, isWhole: boolean, random: Random): number {
  const step = typeof schema['multipleOf'] === 'number' ? schema['multipleOf'] : isWhole ? 1 : 0.5;
  const nudge = isWhole ? 1 : Math.min(step, 1e-3);
  const above = bound(schema['exclusiveMinimum']);
  const below = bound(schema['exclusiveMaximum']);
  const least = Math.max(bound(schema['minimum']) ?? -Infinity, above === undefined ? -Infinity : above + nudge);
  const most = Math.min(bound(schema['maximum']) ?? Infinity, below === undefined ? Infinity : below - nudge);
  const start = Number.isFinite(least) ? least : Number.isFinite(most) ? most - 10 * step : 0;
  const first = Math.ceil(start / step - 1e-9) * step;
  const room = Math.max(0, Math.floor((Math.min(most, first + 10 * step) - first) / step + 1e-9));
  const drawn = first + random.int(0, room) * step;
  // A range narrower than a step, where no multiple is asked for: its lower end.
  const fits = drawn >= least && drawn <= most;
  return Number((fits || 'multipleOf' in schema ? drawn : least).toPrecision(12));
}

function bound(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function count(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
