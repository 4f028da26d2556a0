import type { AnyNode } from 'acorn';
import type { Bindings } from './bindings.ts';
import { propertyName } from './syntax.ts';

/** What can be told of an expression without running it. "No" means "cannot be told". */

/** A number, zero or more, whenever it is evaluated. */
export function isNonNegative(node: AnyNode, bindings: Bindings, asked: ReadonlySet<string> = new Set()): boolean {
  const again = (inner: AnyNode): boolean => isNonNegative(inner, bindings, asked);
  switch (node.type) {
    case 'Literal':
      return typeof node.value === 'number' && Number.isInteger(node.value) && node.value >= 0;
    case 'MemberExpression':
      return propertyName(node) === 'length';
    case 'BinaryExpression':
      if (node.operator === '>>>') return true;
      return ['+', '*'].includes(node.operator) && again(node.left) && again(node.right);
    case 'AssignmentExpression':
      return ['=', '+=', '*='].includes(node.operator) && again(node.right);
    case 'Identifier': {
      if (asked.has(node.name)) return true; // as good as what else is assigned to it
      const values = bindings.assigned.get(node.name);
      const deeper = new Set([...asked, node.name]);
      return values?.every((value) => value !== undefined && isNonNegative(value, bindings, deeper)) ?? false;
    }
    default:
      return false;
  }
}

/** A number, never a string or an object. */
export function isNumber(node: AnyNode, bindings: Bindings): boolean {
  if (isNonNegative(node, bindings)) return true;
  if (node.type === 'UnaryExpression') return ['-', '+', '~'].includes(node.operator);
  if (node.type === 'UpdateExpression') return true;
  if (node.type !== 'BinaryExpression') return false;
  if (node.operator === '+') return isNumber(node.left, bindings) && isNumber(node.right, bindings);
  return ['-', '*', '/', '%', '**', '|', '&', '^', '<<', '>>'].includes(node.operator);
}

/** A string or an array, which `Buffer.from` takes as `new Buffer` did. */
export function isData(node: AnyNode, bindings: Bindings): boolean {
  if (node.type === 'ArrayExpression' || node.type === 'TemplateLiteral') return true;
  if (node.type === 'Literal') return typeof node.value === 'string';
  if (node.type === 'BinaryExpression' && node.operator === '+')
    return isText(node.left, bindings) || isText(node.right, bindings);
  if (node.type !== 'CallExpression') return false;
  const method = propertyName(node.callee);
  return method !== undefined && ['toString', 'join', 'trim', 'toLowerCase', 'toUpperCase'].includes(method);
}

const isText = (node: AnyNode, bindings: Bindings): boolean =>
  node.type !== 'ArrayExpression' && isData(node, bindings);
