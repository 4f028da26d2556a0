import { parse, type AnyNode, type Options, type Program } from 'acorn';

/** A file that could be read as JavaScript. Offsets of nodes count UTF-16 units of `text`. */
export interface Syntax {
  text: string;
  program: Program;
}

export interface Visit {
  node: AnyNode;
  /** What encloses the node, the program first. */
  ancestors: readonly AnyNode[];
}

const OPTIONS = {
  ecmaVersion: 'latest',
  locations: true,
  allowHashBang: true,
  allowReturnOutsideFunction: true,
  allowAwaitOutsideFunction: false,
} satisfies Options;

/** As a module or a script, whichever the text is; undefined when it is neither. */
export function readSyntax(text: string, path: string): Syntax | undefined {
  const order = path.endsWith('.mjs') ? (['module'] as const) : (['script', 'module'] as const);
  for (const sourceType of order) {
    try {
      return { text, program: parse(text, { ...OPTIONS, sourceType }) };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

/** All nodes, parents before children, in the order of the text. */
export function* visit({ program }: Syntax): Generator<Visit> {
  const pending: { node: AnyNode; ancestors: AnyNode[] }[] = [{ node: program, ancestors: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next;
    const ancestors = [...next.ancestors, next.node];
    for (const node of children(next.node).reverse()) pending.push({ node, ancestors });
  }
}

function children(node: AnyNode): AnyNode[] {
  const found = Object.values(node)
    .flat()
    .filter((value: unknown): value is AnyNode => isNode(value));
  return [...new Set(found)].sort((a, b) => a.start - b.start); // `{ x }` has one node as key and as value
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value && 'end' in value;
}

/** Text of a node, as it stands in the file. */
export const textOf = ({ text }: Syntax, node: AnyNode): string => text.slice(node.start, node.end);

export const lineOf = (node: AnyNode): number => node.loc?.start.line ?? 0;

/** `a.b` or `a['b']`: the name; undefined for `a[b]`. */
export function propertyName(node: AnyNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined;
  if (!node.computed) return node.property.type === 'Identifier' ? node.property.name : undefined;
  return node.property.type === 'Literal' && typeof node.property.value === 'string' ? node.property.value : undefined;
}

/** Reading it has no effect and gives the same twice: `a`, `this.b.c`. */
export function isPlain(node: AnyNode): boolean {
  if (node.type === 'Identifier' || node.type === 'ThisExpression') return true;
  return node.type === 'MemberExpression' && !node.computed && !node.optional && isPlain(node.object);
}
