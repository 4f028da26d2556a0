import type * as acorn from 'acorn';
import type { ScriptFaults } from './fault.ts';

/** What a script says of itself. */
export interface ScriptMeta {
  name: string;
  description: string;
  whenToUse?: string;
  phases?: { title: string; detail?: string; model?: string }[];
}

const SHAPE = "export const meta = { name: 'my-workflow', description: 'What it does' }";

/** The declaration `export const meta = {…}` if that is what the statement is. */
export function metaDeclaration(statement: acorn.Statement | acorn.ModuleDeclaration | undefined) {
  if (statement?.type !== 'ExportNamedDeclaration' || statement.declaration?.type !== 'VariableDeclaration')
    return undefined;
  const { kind, declarations } = statement.declaration;
  const [only, ...others] = declarations;
  const isMeta = kind === 'const' && only?.id.type === 'Identifier' && only.id.name === 'meta' && others.length === 0;
  return isMeta ? { statement, init: only.init ?? undefined } : undefined;
}

/** Reads `meta`, which is never run; undefined where a fault was added. */
export function readMeta(init: acorn.Expression | undefined, at: number, faults: ScriptFaults): ScriptMeta | undefined {
  if (init?.type !== 'ObjectExpression') {
    faults.add(init?.start ?? at, 'meta is not an object literal', `write ${SHAPE}`);
    return undefined;
  }
  const entries = new Map<string, { value: unknown; at: number }>();
  try {
    for (const property of init.properties) entries.set(...entryOf(property));
  } catch (error) {
    if (!(error instanceof NotLiteral)) throw error;
    const hint = 'meta is read without running the script: write plain strings, numbers, lists and objects in it';
    faults.add(error.at, `meta is not a pure literal: ${error.what}`, hint);
    return undefined;
  }
  return shaped(entries, init.start, faults);
}

class NotLiteral extends Error {
  readonly at: number;
  readonly what: string;

  constructor({ start }: acorn.Node, what: string) {
    super(what);
    this.at = start;
    this.what = what;
  }
}

function entryOf(property: acorn.Property | acorn.SpreadElement): [string, { value: unknown; at: number }] {
  if (property.type !== 'Property') throw new NotLiteral(property, 'it spreads another object');
  const { key, value, computed, kind, method, shorthand } = property;
  if (computed || kind !== 'init' || method || shorthand) throw new NotLiteral(property, 'it has more than plain keys');
  const name = key.type === 'Identifier' ? key.name : key.type === 'Literal' ? String(key.value) : undefined;
  if (name === undefined) throw new NotLiteral(property, 'it has more than plain keys');
  return [name, { value: literal(value), at: value.start }];
}

function literal(node: acorn.Expression | acorn.SpreadElement | null): unknown {
  switch (node?.type) {
    case 'Literal':
      if (node.regex || node.bigint) break;
      return node.value;
    case 'TemplateLiteral':
      if (node.expressions.length > 0) throw new NotLiteral(node, 'a text has ${…} in it');
      return node.quasis[0]?.value.cooked;
    case 'UnaryExpression':
      if (node.operator === '-' && node.argument.type === 'Literal' && typeof node.argument.value === 'number')
        return -node.argument.value;
      break;
    case 'ArrayExpression':
      return node.elements.map((element) => {
        if (element === null) throw new NotLiteral(node, 'a list has a hole');
        return literal(element);
      });
    case 'ObjectExpression':
      return Object.fromEntries(node.properties.map(entryOf).map(([name, { value }]) => [name, value]));
  }
  throw new NotLiteral(node!, what(node!));
}

function what(node: acorn.AnyNode): string {
  if (node.type === 'Identifier') return `it names ${node.name}`;
  if (node.type === 'CallExpression') return 'it calls a function';
  return `it holds ${/^[AEIOU]/.test(node.type) ? 'an' : 'a'} ${node.type}`;
}

function shaped(
  entries: ReadonlyMap<string, { value: unknown; at: number }>,
  at: number,
  faults: ScriptFaults,
): ScriptMeta | undefined {
  const text = (name: string, isNeeded: boolean): string | undefined => {
    const found = entries.get(name);
    if (found === undefined && !isNeeded) return undefined;
    if (typeof found?.value === 'string' && found.value.trim() !== '') return found.value;
    const fault = found === undefined ? `meta has no ${name}` : `meta.${name} is not a text`;
    faults.add(found?.at ?? at, fault, `write ${SHAPE}`);
    return undefined;
  };
  const [name, description, whenToUse] = [text('name', true), text('description', true), text('whenToUse', false)];
  const found = entries.get('phases');
  const phases = found === undefined ? undefined : phasesOf(found.value);
  if (typeof phases === 'string')
    faults.add(found!.at, phases, "write phases: [{ title: 'Survey' }, { title: 'Patch' }]");
  if (name === undefined || description === undefined || typeof phases === 'string') return undefined;
  return { name, description, ...(whenToUse !== undefined && { whenToUse }), ...(phases && { phases }) };
}

/** Or what is wrong with them. */
function phasesOf(value: unknown): NonNullable<ScriptMeta['phases']> | string {
  if (!Array.isArray(value)) return 'meta.phases is not a list';
  const phases = value.map((phase: unknown) => (typeof phase === 'object' && phase !== null ? { ...phase } : {}));
  for (const [i, phase] of phases.entries()) {
    const { title, detail, model } = phase as Record<string, unknown>;
    if (typeof title !== 'string' || title === '') return `meta.phases[${i.toString()}] has no title`;
    const isWrong = [detail, model].some((given) => given !== undefined && typeof given !== 'string');
    if (isWrong) return `detail or model of meta.phases[${i.toString()}] is not a text`;
  }
  return phases as NonNullable<ScriptMeta['phases']>;
}
