import type { AnyNode } from 'acorn';
import type { Bindings } from './bindings.ts';
import type { Rewrite } from './deprecated-apis.ts';
import { isData, isNonNegative, isNumber } from './proof.ts';
import { isPlain, textOf, type Syntax, type Visit } from './syntax.ts';

/** Replaces [start, end) of the file. Patches of different uses never overlap, even when one use encloses another. */
export interface TextPatch {
  start: number;
  end: number;
  text: string;
}

/** What is done, or why nothing is: only what behaves the same for every value is rewritten. */
export interface Decision {
  /** Empty: left as it is. */
  patches: readonly TextPatch[];
  note: string;
}

export const keep = (note: string): Decision => ({ patches: [], note });

type Call = Extract<AnyNode, { type: 'CallExpression' }>;

/** The call whose callee the visited node is. */
function callOf({ node, ancestors }: Visit): Call | undefined {
  const parent = ancestors.at(-1);
  return parent?.type === 'CallExpression' && parent.callee === node ? parent : undefined;
}

export function rewriteSubstr(one: Visit, syntax: Syntax, bindings: Bindings): Decision {
  const call = callOf(one);
  if (one.node.type !== 'MemberExpression' || one.node.computed || !call) return keep('not a plain call');
  if (bindings.defined.has('substr')) return keep('the file defines a substr of its own');
  const { property } = one.node;
  const rename = (name: string): TextPatch => ({ start: property.start, end: property.end, text: name });
  const [start, length, ...more] = call.arguments;
  if (!start || more.length > 0 || call.arguments.some(({ type }) => type === 'SpreadElement'))
    return keep('its arguments cannot be told');
  // One argument: both take a negative start from the end, and NaN as 0 (ECMA-262 B.2.2.1, 22.1.3.22).
  if (!length) return { patches: [rename('slice')], note: 'slice takes the same start' };
  // substring, not slice: a negative end is 0, as a negative length gives nothing.
  if (start.type === 'Literal' && start.value === 0)
    return { patches: [rename('substring')], note: 'from 0, a length is an end' };
  if (!isNonNegative(start, bindings)) return keep('the start may be negative or no number');
  if (!isNonNegative(length, bindings)) return keep('the length may be negative or no number');
  if (!isRepeatable(start)) return keep('the start would be evaluated twice');
  const end = { start: length.start, end: length.end, text: sum(start, length, syntax) };
  if (overlapsUse(length, syntax)) return keep('its length holds another use');
  return { patches: [rename('slice'), end], note: 'slice takes the end instead of the length' };
}

/** An argument that is written anew must hold nothing that is rewritten itself. */
const overlapsUse = (node: AnyNode, syntax: Syntax): boolean => /\bsubstr\b|Buffer|util/.test(textOf(syntax, node));

function isRepeatable(node: AnyNode): boolean {
  if (node.type === 'Literal') return true;
  if (node.type === 'BinaryExpression') return isRepeatable(node.left) && isRepeatable(node.right);
  return isPlain(node);
}

function sum(start: AnyNode, length: AnyNode, syntax: Syntax): string {
  const left = numberOf(start);
  const right = numberOf(length);
  if (left !== undefined && right !== undefined) return String(left + right);
  const isSum = start.type === 'BinaryExpression' && start.operator === '+';
  const last = isSum ? numberOf(start.right) : undefined;
  if (isSum && last !== undefined && right !== undefined) return `${textOf(syntax, start.left)} + ${last + right}`;
  const tail =
    length.type === 'AssignmentExpression' || isShift(length) ? `(${textOf(syntax, length)})` : textOf(syntax, length);
  return `${isShift(start) ? `(${textOf(syntax, start)})` : textOf(syntax, start)} + ${tail}`;
}

const isShift = (node: AnyNode): boolean => node.type === 'BinaryExpression' && node.operator === '>>>';

const numberOf = (node: AnyNode): number | undefined =>
  node.type === 'Literal' && typeof node.value === 'number' ? node.value : undefined;

export function rewriteBuffer({ node, ancestors }: Visit, syntax: Syntax, bindings: Bindings): Decision {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return keep('not a call');
  const [first, second] = node.arguments;
  if (isFallback(node, ancestors, syntax)) return keep('a fallback for a Node without Buffer.from');
  if (!first) return keep('without an argument it throws');
  const to = (name: string): TextPatch => ({
    start: node.start,
    end: node.callee.end,
    text: `${textOf(syntax, node.callee)}.${name}`,
  });
  const hasEncoding = second?.type === 'Literal' && typeof second.value === 'string';
  if (isData(first, bindings) || hasEncoding) return { patches: [to('from')], note: 'made from data: Buffer.from' };
  if (isNumber(first, bindings) && !second) return { patches: [to('alloc')], note: 'made from a size: Buffer.alloc' };
  return keep('data or a size? Buffer.from and Buffer.alloc differ');
}

/** It stands under a condition that asks for `Buffer.from` or `Buffer.alloc`. */
function isFallback(node: AnyNode, ancestors: readonly AnyNode[], syntax: Syntax): boolean {
  return [...ancestors, node].some((ancestor, i, all) => {
    const inner = all[i + 1];
    const test =
      ancestor.type === 'IfStatement' || ancestor.type === 'ConditionalExpression'
        ? ancestor.test
        : ancestor.type === 'LogicalExpression'
          ? ancestor.left
          : undefined;
    return test !== undefined && test !== inner && /\bBuffer\.(from|alloc)/.test(textOf(syntax, test));
  });
}

export function rewriteMember(one: Visit, rewrite: Rewrite, syntax: Syntax, bindings: Bindings): Decision {
  const { node } = one;
  if (rewrite.kind === 'none') return keep(rewrite.why);
  if (node.type !== 'MemberExpression' || node.computed || node.optional) return keep('not a plain member');
  const whole = { start: node.start, end: node.end };
  switch (rewrite.kind) {
    case 'under':
      return {
        patches: [{ start: node.object.end, end: node.object.end, text: `.${rewrite.to}` }],
        note: `moved to ${rewrite.to}`,
      };
    case 'member':
      return {
        patches: [{ start: node.property.start, end: node.property.end, text: rewrite.to }],
        note: `now ${rewrite.to}`,
      };
    case 'callee': {
      const [root = ''] = rewrite.to.split('.');
      if (!bindings.isGlobal(root)) return keep(`${root} is something else in this file`);
      return { patches: [{ ...whole, text: rewrite.to }], note: `now ${rewrite.to}` };
    }
    case 'expression':
      return rewriteTest(one, rewrite, syntax);
  }
}

/** `util.isString(x)` → `(typeof x === 'string')`: the argument's own text stays where it is. */
function rewriteTest(one: Visit, { to, isOnce }: { to: string; isOnce: boolean }, syntax: Syntax): Decision {
  const call = callOf(one);
  const [argument] = call?.arguments ?? [];
  if (!call || !argument || call.arguments.length > 1) return keep('not a plain call with one argument');
  if (one.ancestors.at(-2)?.type === 'ExpressionStatement') return keep('its value is not used');
  const isOperand = isPlain(argument) || (isOnce && argument.type === 'CallExpression');
  if (!isOperand) return keep('its argument would need a variable');
  const [before = '', ...after] = to.split('$');
  const rest = after.join(textOf(syntax, argument));
  return {
    patches: [
      { start: call.start, end: argument.start, text: `(${before}` },
      { start: argument.end, end: call.end, text: `${rest})` },
    ],
    note: 'a comparison says the same',
  };
}
