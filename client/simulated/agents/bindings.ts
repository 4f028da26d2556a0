import type { AnyNode } from 'acorn';
import { propertyName, visit, type Syntax } from './syntax.ts';

/** What an expression stands for, as far as the file says. */
export type Meaning = { kind: 'module'; name: string } | { kind: 'member'; module: string; name: string };

const WRAPPERS = /^_*(import|interop)/;

/**
 * Names of a file and what they are bound to, all scopes together: a name that is bound twice to different things stands
 * for nothing, so that no rewrite rests on a guess.
 */
export class Bindings {
  /** undefined: bound to something else, or to several. */
  readonly #meanings = new Map<string, Meaning | undefined>();
  /** What is ever assigned to a name; undefined stands for what cannot be told (parameters, loops, patterns). */
  readonly assigned = new Map<string, (AnyNode | undefined)[]>();
  /** Names of methods and properties that the file itself defines. */
  readonly defined = new Set<string>();

  constructor(syntax: Syntax) {
    for (const { node } of visit(syntax)) this.#learn(node);
  }

  /** Nothing in the file is called so: it is the global. */
  isGlobal(name: string): boolean {
    return !this.#meanings.has(name);
  }

  /** Module or member an expression reads; undefined when it is anything else. */
  meaningOf(node: AnyNode): Meaning | undefined {
    if (node.type === 'Identifier') {
      if (this.#meanings.has(node.name)) return this.#meanings.get(node.name);
      return node.name === 'process' ? { kind: 'module', name: 'process' } : undefined;
    }
    if (node.type === 'CallExpression') return this.#called(node);
    if (node.type !== 'MemberExpression') return undefined;
    const name = propertyName(node);
    const object = this.meaningOf(node.object);
    if (name === undefined || object?.kind !== 'module') return undefined;
    return name === 'default' ? object : { kind: 'member', module: object.name, name };
  }

  /** `Buffer` is Node's, or a stand-in for it with the same functions. */
  isBuffer(node: AnyNode): boolean {
    if (node.type === 'Identifier' && node.name === 'Buffer' && this.isGlobal('Buffer')) return true;
    const meaning = this.meaningOf(node);
    return meaning?.kind === 'member' && meaning.name === 'Buffer' && /^(buffer|safer?-buffer)$/.test(meaning.module);
  }

  #called(node: AnyNode): Meaning | undefined {
    const name = requiredName(node);
    if (name !== undefined) return { kind: 'module', name };
    if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier') return undefined;
    const [argument] = node.arguments;
    return argument && WRAPPERS.test(node.callee.name) ? this.meaningOf(argument) : undefined;
  }

  #learn(node: AnyNode): void {
    switch (node.type) {
      case 'VariableDeclarator':
        return this.#bindPattern(node.id, node.init ?? undefined);
      case 'ImportDeclaration':
        for (const specifier of node.specifiers) this.#import(specifier, String(node.source.value));
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        if (node.type !== 'ArrowFunctionExpression' && node.id) this.#bind(node.id.name, undefined, undefined);
        for (const parameter of node.params) this.#bindPattern(parameter, undefined);
        return;
      case 'ClassDeclaration':
      case 'ClassExpression':
        if (node.id) this.#bind(node.id.name, undefined, undefined);
        return;
      case 'CatchClause':
        if (node.param) this.#bindPattern(node.param, undefined);
        return;
      case 'AssignmentExpression':
        return this.#assign(node);
      case 'UpdateExpression':
        if (node.argument.type === 'Identifier' && node.operator === '--') this.#note(node.argument.name, undefined);
        return;
      case 'ForInStatement':
      case 'ForOfStatement':
        if (node.left.type !== 'VariableDeclaration') this.#bindPattern(node.left, undefined);
        return;
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (!node.computed && node.key.type === 'Identifier') this.defined.add(node.key.name);
    }
  }

  #assign(node: Extract<AnyNode, { type: 'AssignmentExpression' }>): void {
    const { left, right, operator } = node;
    if (left.type === 'MemberExpression') this.defined.add(propertyName(left) ?? '');
    else if (operator === '=') this.#bindPattern(left, right);
    else if (left.type === 'Identifier') this.#note(left.name, operator === '+=' ? right : undefined);
  }

  #bindPattern(pattern: AnyNode, init: AnyNode | undefined): void {
    if (pattern.type === 'Identifier') return this.#bind(pattern.name, init && this.meaningOf(init), init);
    if (pattern.type === 'AssignmentPattern') return this.#bindPattern(pattern.left, undefined);
    if (pattern.type === 'RestElement') return this.#bindPattern(pattern.argument, undefined);
    if (pattern.type === 'ArrayPattern')
      for (const element of pattern.elements) if (element) this.#bindPattern(element, undefined);
    if (pattern.type !== 'ObjectPattern') return;
    const module = init && this.meaningOf(init);
    for (const property of pattern.properties) {
      if (property.type === 'RestElement') this.#bindPattern(property, undefined);
      else if (property.value.type !== 'Identifier') this.#bindPattern(property.value, undefined);
      else if (module?.kind === 'module' && property.key.type === 'Identifier')
        this.#bind(property.value.name, { kind: 'member', module: module.name, name: property.key.name }, undefined);
      else this.#bind(property.value.name, undefined, undefined);
    }
  }

  #import(specifier: AnyNode, source: string): void {
    const module = plainName(source);
    if (specifier.type === 'ImportSpecifier') {
      const { imported } = specifier;
      const name = imported.type === 'Identifier' ? imported.name : String(imported.value);
      this.#bind(
        specifier.local.name,
        name === 'default' ? asModule(module) : { kind: 'member', module, name },
        undefined,
      );
    } else if (specifier.type === 'ImportDefaultSpecifier' || specifier.type === 'ImportNamespaceSpecifier')
      this.#bind(specifier.local.name, asModule(module), undefined);
  }

  #bind(name: string, meaning: Meaning | undefined, value: AnyNode | undefined): void {
    const known = this.#meanings.get(name);
    const isSame = !this.#meanings.has(name) || JSON.stringify(known) === JSON.stringify(meaning);
    this.#meanings.set(name, isSame ? meaning : undefined);
    this.#note(name, value);
  }

  #note(name: string, value: AnyNode | undefined): void {
    const values = this.assigned.get(name);
    if (values) values.push(value);
    else this.assigned.set(name, [value]);
  }
}

/** Name in `require('name')`, without `node:`. */
export function requiredName(node: AnyNode): string | undefined {
  if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier' || node.callee.name !== 'require')
    return undefined;
  const [argument] = node.arguments;
  return argument?.type === 'Literal' && typeof argument.value === 'string' ? plainName(argument.value) : undefined;
}

export const plainName = (source: string): string => source.replace(/^node:/, '');

const asModule = (name: string): Meaning => ({ kind: 'module', name });
