import type * as acorn from 'acorn';
import { nearest } from '../../workflows/policy/key-names.ts';
import { LINE_END, ScriptFaults, type ScriptFault } from './fault.ts';
import { childrenOf, freeNames } from './free-names.ts';
import { ABSENT_NAMES, ENGINE_GLOBALS, SCRIPT_GLOBALS } from './known-names.ts';
import { metaDeclaration, readMeta, type ScriptMeta } from './meta.ts';
import { parseSyntax } from './syntax.ts';

export type { ScriptFault, ScriptMeta };

export type ParsedScript =
  | {
      ok: true;
      meta: ScriptMeta;
      /** A module whose default export runs the script, each character of the script at its own line and column. */
      body: string;
      /** What `workflow()` is called with, as far as it can be read without running: names, and paths given as `scriptPath`. */
      workflows: { names: string[]; paths: string[] };
    }
  | { ok: false; faults: ScriptFault[] };

/** Longest text of a script in characters: reading it must not take a second. */
export const MAX_SCRIPT_CHARS = 524_288;

/** Takes the place of `export const meta = …`, which is never shorter. A block: a script may declare these names itself. */
const OPENING = 'export default async(meta,args,workflow)=>{{';
const FIRST = "export const meta = { name: '…', description: '…' }";

/**
 * Reads a workflow script without running any of it: JavaScript, `meta` a literal in the first statement, no modules, no
 * name that nothing stands behind. All faults at once, but of several syntax errors the first. `file` names it in the
 * fault of one that is no text of a script at all. Pure.
 */
export function parseScript(source: string, file: string): ParsedScript {
  const faults = new ScriptFaults(source);
  if (source.length > MAX_SCRIPT_CHARS) {
    const most = MAX_SCRIPT_CHARS.toLocaleString('en-US');
    faults.add(0, `${file} is longer than ${most} characters`, 'give data as args, or as files that agents read');
    return { ok: false, faults: faults.all };
  }
  const program = parseSyntax(source, faults);
  if (!program) return { ok: false, faults: faults.all };
  try {
    return judged(source, program, faults);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    faults.add(0, 'it is nested too deeply to be read', 'write it flatter');
    return { ok: false, faults: faults.all };
  }
}

function judged(source: string, program: acorn.Program, faults: ScriptFaults): ParsedScript {
  const [first, ...rest] = program.body;
  const declaration = metaDeclaration(first);
  if (!declaration)
    faults.add(first?.start ?? 0, 'the first statement is not `export const meta = {…}`', `begin with ${FIRST}`);
  const meta = declaration && readMeta(declaration.init, declaration.statement.start, faults);
  for (const statement of declaration ? rest : program.body) refuseModules(statement, faults);
  const workflows = { names: new Set<string>(), paths: new Set<string>() };
  look(program, faults, workflows);
  nameFreeNames(program, faults);
  if (!declaration || !meta || !faults.isEmpty) return { ok: false, faults: faults.all };
  const body = asModule(source, declaration.statement);
  return { ok: true, meta, body, workflows: { names: [...workflows.names], paths: [...workflows.paths] } };
}

function refuseModules(statement: acorn.Statement | acorn.ModuleDeclaration, faults: ScriptFaults): void {
  const { type, start } = statement;
  if (type === 'ImportDeclaration')
    faults.add(start, 'a script imports nothing', 'let an agent() do what the module is for');
  else if (type.startsWith('Export'))
    faults.add(start, 'a script exports nothing but meta, in its first statement', 'return the value instead');
}

/** What is refused wherever it stands, and which other scripts are named. */
function look(node: acorn.AnyNode, faults: ScriptFaults, workflows: { names: Set<string>; paths: Set<string> }): void {
  if (node.type === 'ImportExpression')
    faults.add(node.start, 'a script imports nothing', 'let an agent() do what the module is for');
  else if (node.type === 'MetaProperty' && node.meta.name === 'import')
    faults.add(node.start, 'a script is no module and has no import.meta', 'take what you need from args');
  else if (node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'workflow') {
    const [of] = node.arguments;
    if (of?.type === 'Literal' && typeof of.value === 'string') workflows.names.add(of.value);
    const path = of?.type === 'ObjectExpression' ? of.properties.find(isScriptPath)?.value : undefined;
    if (path?.type === 'Literal' && typeof path.value === 'string') workflows.paths.add(path.value);
  }
  for (const child of childrenOf(node)) look(child, faults, workflows);
}

const isScriptPath = (property: acorn.Property | acorn.SpreadElement): property is acorn.Property =>
  property.type === 'Property' && property.key.type === 'Identifier' && property.key.name === 'scriptPath';

function nameFreeNames(program: acorn.Program, faults: ScriptFaults): void {
  const known = new Set<string>([...SCRIPT_GLOBALS, ...ENGINE_GLOBALS]);
  for (const { name, at, isCalled } of freeNames(program)) {
    if (known.has(name)) continue;
    const near = nearest(name, [...SCRIPT_GLOBALS, ...ENGINE_GLOBALS]);
    const otherwise =
      near === undefined ? `declare ${name}, or use ${SCRIPT_GLOBALS.join(', ')}` : `did you mean ${near}?`;
    const hint = Object.hasOwn(ABSENT_NAMES, name) ? ABSENT_NAMES[name]! : otherwise;
    faults.add(at, `there is no ${name}${isCalled ? ' to call' : ''}`, hint);
  }
}

/**
 * The script as the body of a function, at its own place in the text. Nothing in it can end that function early: it has
 * been read as a whole, and as the module it will be run as.
 */
function asModule(source: string, { start, end }: acorn.Node): string {
  const statement = source.slice(start, end);
  const ends = [...statement.matchAll(LINE_END)];
  const last = ends.at(-1);
  const indent =
    last === undefined ? statement.length - OPENING.length : statement.length - last.index - last[0].length;
  const blank = ends.map(([lineEnd]) => lineEnd).join('') + ' '.repeat(Math.max(0, indent));
  return `${source.slice(0, start)}${OPENING}${blank}${source.slice(end)}\n}}`;
}
