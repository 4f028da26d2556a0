import type * as acorn from 'acorn';

/** A name that no declaration of the script stands behind. */
export interface FreeName {
  name: string;
  at: number;
  isCalled: boolean;
}

/**
 * All free names of a program, by a walk through its scopes. Left out are names that the script itself looks for first, as
 * `typeof name`, and those it may have made, as `globalThis.name`.
 */
export function freeNames(program: acorn.Program): FreeName[] {
  const walk = new ScopeWalk();
  walk.program(program);
  return walk.free.filter(({ name }) => !walk.guarded.has(name));
}

type Node = acorn.AnyNode;

class Scope {
  readonly names = new Set<string>();
  private readonly outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.outer = outer;
  }

  has(name: string): boolean {
    return this.names.has(name) || this.outer?.has(name) === true;
  }
}

class ScopeWalk {
  readonly free: FreeName[] = [];
  readonly guarded = new Set<string>();

  program(program: acorn.Program): void {
    const scope = new Scope();
    declareVars(program, scope.names);
    declareLexical(program.body, scope.names);
    this.all(program.body, scope);
  }

  private all(nodes: readonly (Node | null | undefined)[], scope: Scope): void {
    for (const node of nodes) if (node) this.node(node, scope);
  }

  private node(node: Node, scope: Scope): void {
    switch (node.type) {
      case 'Identifier':
        return this.reference(node, scope, false);
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return this.function(node, scope);
      case 'ClassDeclaration':
      case 'ClassExpression':
        return this.class(node, scope);
      case 'BlockStatement':
        return this.block(node.body, node.body, scope);
      case 'StaticBlock':
        return this.staticBlock(node, scope);
      case 'SwitchStatement':
        this.node(node.discriminant, scope);
        return this.block(
          node.cases.flatMap(({ consequent }) => consequent),
          node.cases,
          scope,
        );
      case 'ForStatement':
        return this.block([node.init], [node.init, node.test, node.update, node.body], scope);
      case 'ForInStatement':
      case 'ForOfStatement':
        return this.block([node.left], [node.left, node.right, node.body], scope);
      case 'CatchClause':
        return this.catch(node, scope);
      case 'CallExpression':
      case 'NewExpression':
        this.callee(node.callee, scope);
        return this.all(node.arguments, scope);
      case 'TaggedTemplateExpression':
        this.callee(node.tag, scope);
        return this.node(node.quasi, scope);
      case 'UnaryExpression':
        if (node.operator === 'typeof' && node.argument.type === 'Identifier') this.guarded.add(node.argument.name);
        return this.node(node.argument, scope);
      default:
        return this.other(node, scope);
    }
  }

  /** Those without scopes of their own: of their names only the keys that are looked up are references. */
  private other(node: Node, scope: Scope): void {
    switch (node.type) {
      case 'MemberExpression':
        if (
          node.object.type === 'Identifier' &&
          node.object.name === 'globalThis' &&
          node.property.type === 'Identifier'
        )
          this.guarded.add(node.property.name);
        return this.all([node.object, node.computed ? node.property : null], scope);
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        return this.all([node.computed ? node.key : null, node.value], scope);
      case 'LabeledStatement':
        return this.node(node.body, scope);
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
        return;
      default:
        for (const child of childrenOf(node)) this.node(child, scope);
    }
  }

  private reference({ name, start }: acorn.Identifier, scope: Scope, isCalled: boolean): void {
    if (!scope.has(name)) this.free.push({ name, at: start, isCalled });
  }

  /** `f()` and `f.g()` both call for an `f`. */
  private callee(node: Node, scope: Scope): void {
    if (node.type === 'Identifier') return this.reference(node, scope, true);
    if (node.type === 'MemberExpression' && node.object.type === 'Identifier' && !scope.has(node.object.name)) {
      this.reference(node.object, scope, true);
      if (node.object.name === 'globalThis') this.node(node, scope);
      else if (node.computed) this.node(node.property, scope);
      return;
    }
    this.node(node, scope);
  }

  private function(node: acorn.Function & { type: string }, outer: Scope): void {
    const scope = new Scope(outer);
    if (node.type === 'FunctionExpression' && node.id) scope.names.add(node.id.name);
    if (node.type !== 'ArrowFunctionExpression') scope.names.add('arguments');
    for (const parameter of node.params) declarePattern(parameter, scope.names);
    const { body } = node;
    if (body.type === 'BlockStatement') {
      declareVars(body, scope.names);
      declareLexical(body.body, scope.names);
    }
    this.all(node.params, scope);
    this.all(body.type === 'BlockStatement' ? body.body : [body], scope);
  }

  private class(node: acorn.Class, outer: Scope): void {
    const scope = new Scope(outer);
    if (node.id) scope.names.add(node.id.name);
    this.all([node.superClass, ...node.body.body], scope);
  }

  private staticBlock(node: acorn.StaticBlock, outer: Scope): void {
    const scope = new Scope(outer);
    declareVars(node, scope.names);
    this.block(node.body, node.body, scope);
  }

  private catch({ param, body }: acorn.CatchClause, outer: Scope): void {
    const scope = new Scope(outer);
    if (param) declarePattern(param, scope.names);
    this.all([param, body], scope);
  }

  private block(
    declaring: readonly (Node | null | undefined)[],
    nodes: readonly (Node | null | undefined)[],
    outer: Scope,
  ): void {
    const scope = new Scope(outer);
    declareLexical(declaring, scope.names);
    this.all(nodes, scope);
  }
}

/** `let`, `const`, `using`, classes and functions of one block. */
function declareLexical(nodes: readonly (Node | null | undefined)[], names: Set<string>): void {
  for (const given of nodes) {
    const node = given?.type === 'ExportNamedDeclaration' ? given.declaration : given;
    if (node?.type === 'VariableDeclaration') for (const { id } of node.declarations) declarePattern(id, names);
    else if (node?.type === 'FunctionDeclaration' || node?.type === 'ClassDeclaration') {
      if (node.id) names.add(node.id.name);
    }
  }
}

/** `var`, from wherever it stands in this function. */
function declareVars(node: Node, names: Set<string>): void {
  for (const child of childrenOf(node)) {
    if (/Function|^Class/.test(child.type)) continue;
    if (child.type === 'VariableDeclaration' && child.kind === 'var')
      for (const { id } of child.declarations) declarePattern(id, names);
    declareVars(child, names);
  }
}

function declarePattern(node: Node | null, names: Set<string>): void {
  switch (node?.type) {
    case 'Identifier':
      names.add(node.name);
      break;
    case 'ObjectPattern':
      for (const property of node.properties)
        declarePattern(property.type === 'Property' ? property.value : property.argument, names);
      break;
    case 'ArrayPattern':
      for (const element of node.elements) declarePattern(element, names);
      break;
    case 'AssignmentPattern':
      declarePattern(node.left, names);
      break;
    case 'RestElement':
      declarePattern(node.argument, names);
  }
}

/** In the order of the text. */
export function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value: unknown) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
  );
}
