import type { AnyNode } from 'acorn';
import { Bindings, plainName, requiredName } from './bindings.ts';
import { GLOBALS, MEMBERS, MODULES } from './deprecated-apis.ts';
import { keep, rewriteBuffer, rewriteMember, rewriteSubstr, type Decision } from './rewrites.ts';
import { lineOf, propertyName, visit, type Syntax, type Visit } from './syntax.ts';

/** One use of a deprecated API, and what the file allows to be done about it. */
export interface Use {
  line: number;
  api: string;
  decision: Decision;
}

type Finder = (visit: Visit, syntax: Syntax, bindings: Bindings) => Omit<Use, 'line'> | undefined;

/** In the order of the text. Comments, strings and names that only look alike are no uses. */
export function findUses(syntax: Syntax): Use[] {
  const bindings = new Bindings(syntax);
  const uses: Use[] = [];
  for (const one of visit(syntax)) {
    for (const find of FINDERS) {
      const found = find(one, syntax, bindings);
      if (found) uses.push({ line: lineOf(one.node), ...found });
    }
  }
  return uses;
}

const substr: Finder = (one, syntax, bindings) =>
  propertyName(one.node) === 'substr' && !isAssigned(one)
    ? { api: 'String.prototype.substr', decision: rewriteSubstr(one, syntax, bindings) }
    : undefined;

const buffer: Finder = (one, syntax, bindings) => {
  const { node } = one;
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return undefined;
  if (!bindings.isBuffer(node.callee)) return undefined;
  const api = node.type === 'NewExpression' ? 'new Buffer()' : 'Buffer()';
  return { api: `${api} (DEP0005)`, decision: rewriteBuffer(one, syntax, bindings) };
};

const member: Finder = (one, syntax, bindings) => {
  const meaning = one.node.type === 'MemberExpression' ? bindings.meaningOf(one.node) : undefined;
  if (meaning?.kind !== 'member' || isAssigned(one)) return undefined;
  const found = own(MEMBERS[meaning.module], meaning.name);
  if (!found) return undefined;
  const api = `${meaning.module}.${meaning.name} (${found.source})`;
  return { api, decision: rewriteMember(one, found.rewrite, syntax, bindings) };
};

/** `import { parse } from 'url'`, `const { isArray } = require('util')`: told where it is imported. */
const imported: Finder = ({ node, ancestors }, _, bindings) => {
  const parent = ancestors.at(-1);
  let place: { module: string; name: string } | undefined;
  if (node.type === 'ImportSpecifier' && parent?.type === 'ImportDeclaration' && node.imported.type === 'Identifier')
    place = { module: plainName(String(parent.source.value)), name: node.imported.name };
  if (node.type === 'Property' && parent?.type === 'ObjectPattern' && node.key.type === 'Identifier') {
    const holder = ancestors.at(-2);
    const init = holder?.type === 'VariableDeclarator' ? holder.init : undefined;
    const meaning = init ? bindings.meaningOf(init) : undefined;
    if (meaning?.kind === 'module') place = { module: meaning.name, name: node.key.name };
  }
  const found = place && own(MEMBERS[place.module], place.name);
  if (!place || !found) return undefined;
  const why =
    found.rewrite.kind === 'none' ? found.rewrite.why : 'imported by name: every use of the name has to change';
  return { api: `${place.module}.${place.name} (${found.source})`, decision: keep(why) };
};

const module: Finder = ({ node }, _, bindings) => {
  const name =
    node.type === 'ImportDeclaration'
      ? plainName(String(node.source.value))
      : bindings.isGlobal('require')
        ? requiredName(node)
        : undefined;
  const found = name === undefined ? undefined : own(MODULES, name);
  if (!found) return undefined;
  const api = `require('${name}') (${found.source})`;
  const source =
    node.type === 'ImportDeclaration' ? node.source : node.type === 'CallExpression' ? node.arguments[0] : undefined;
  if (found.to === undefined || !source)
    return { api, decision: keep(found.rewrite.kind === 'none' ? found.rewrite.why : '') };
  const patch = { start: source.start + 1, end: source.end - 1, text: found.to };
  return { api, decision: { patches: [patch], note: `${name} is another name of ${found.to}` } };
};

const global: Finder = ({ node }, _, bindings) => {
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier') return undefined;
  const { name } = node.object;
  const property = propertyName(node);
  const found = property === undefined || !bindings.isGlobal(name) ? undefined : own(own(GLOBALS, name), property);
  if (!found || found.rewrite.kind !== 'none') return undefined;
  return { api: `${name}.${property} (${found.source})`, decision: keep(found.rewrite.why) };
};

const FINDERS: readonly Finder[] = [substr, buffer, member, imported, module, global];

/** `String.prototype.substr = …` and `delete url.parse` speak of the name, not of what it does. */
function isAssigned({ node, ancestors }: Visit): boolean {
  const parent: AnyNode | undefined = ancestors.at(-1);
  if (parent?.type === 'AssignmentExpression') return parent.left === node;
  return parent?.type === 'UnaryExpression' && parent.operator === 'delete';
}

function own<Value>(table: Readonly<Record<string, Value>> | undefined, key: string): Value | undefined {
  return table && Object.hasOwn(table, key) ? table[key] : undefined;
}
