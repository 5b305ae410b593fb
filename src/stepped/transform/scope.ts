// Which declaration each identifier means, and whether anything assigns to it later. The transform asks so that it
// reads a name twice only where both reads must give the same value; the subset check asks which names are global.
import { type Node, children, is_function } from './ast.js';

export interface Binding {
  name: string;
  kind: 'const' | 'let' | 'var' | 'param' | 'function' | 'class' | 'import' | 'self';
  /** The function (or the program) whose variable it is. */
  owner: Node;
  /** The node that declares it: a declarator, a function, a class, an import specifier, a parameter. */
  declaration: Node;
  /** Something other than the declaration assigns to it. */
  assigned: boolean;
  /** A function nested in the owner does. */
  assigned_inside: boolean;
  /** The loop `for (const x of …)` whose head declares it. */
  head?: Node;
}

class Scope {
  names = new Map<string, Binding>();
  constructor(
    readonly parent: Scope | null,
    /** The function or program it belongs to. */
    readonly owner: Node,
    readonly is_function: boolean,
  ) {}
  find(name: string): Binding | undefined {
    for (let s: Scope | null = this; s !== null; s = s.parent) {
      const b = s.names.get(name);
      if (b !== undefined) return b;
    }
    return undefined;
  }
  add(name: string, kind: Binding['kind'], declaration: Node, head?: Node): void {
    const old = this.names.get(name);
    // `var x` twice, or over a parameter, is one variable that is assigned to.
    if (old !== undefined) {
      old.assigned = true;
      return;
    }
    this.names.set(name, {
      name,
      kind,
      owner: this.owner,
      declaration,
      assigned: false,
      assigned_inside: false,
      ...(head ? { head } : {}),
    });
  }
}

/** The identifiers that a pattern binds. */
export function* bound_names(pattern: Node | null): Generator<Node> {
  if (pattern === null) return;
  switch (pattern.type) {
    case 'Identifier':
      yield pattern;
      return;
    case 'ObjectPattern':
      for (const p of pattern.properties as Node[]) yield* bound_names(p.type === 'Property' ? p.value : p.argument);
      return;
    case 'ArrayPattern':
      for (const e of pattern.elements as (Node | null)[]) yield* bound_names(e);
      return;
    case 'AssignmentPattern':
      yield* bound_names(pattern.left as Node);
      return;
    case 'RestElement':
      yield* bound_names(pattern.argument as Node);
      return;
  }
}

export class Scopes {
  /** The binding of each identifier that is a reference; none: it is global. */
  readonly of = new Map<Node, Binding | undefined>();
  /** References to names that nothing declares. */
  readonly globals: Node[] = [];

  constructor(program: Node) {
    const top = new Scope(null, program, true);
    this.hoist(program.body as Node[], top);
    for (const n of program.body as Node[]) this.walk(n, top, program);
  }

  /** Declares what a list of statements declares in `scope`, and the `var`s below it in its function. */
  private hoist(body: Node[], scope: Scope): void {
    for (const s of body) {
      const n: Node =
        (s.type === 'ExportNamedDeclaration' || s.type === 'ExportDefaultDeclaration') && s.declaration
          ? s.declaration
          : s;
      if (n.type === 'FunctionDeclaration' && n.id) scope.add(n.id.name as string, 'function', n);
      else if (n.type === 'ClassDeclaration' && n.id) scope.add(n.id.name as string, 'class', n);
      else if (n.type === 'VariableDeclaration' && n.kind !== 'var') this.declare(n, scope);
      else if (n.type === 'ImportDeclaration') {
        for (const i of n.specifiers as Node[]) scope.add(i.local.name as string, 'import', { ...i, parent: n });
      }
      if (scope.is_function) this.vars(n, scope);
    }
  }
  private declare(n: Node, scope: Scope, head?: Node): void {
    for (const d of n.declarations as Node[]) {
      for (const name of bound_names(d.id as Node)) scope.add(name.name as string, n.kind as Binding['kind'], d, head);
    }
  }
  private vars(n: Node, scope: Scope): void {
    if (is_function(n) || n.type === 'ClassDeclaration' || n.type === 'ClassExpression') return;
    if (n.type === 'VariableDeclaration' && n.kind === 'var') this.declare(n, scope);
    if (n.type.endsWith('Expression') && n.type !== 'ArrowFunctionExpression') return;
    for (const c of children(n)) this.vars(c, scope);
  }

  private assign(target: Node, scope: Scope, fn: Node): void {
    for (const name of bound_names(target)) {
      const b = scope.find(name.name as string);
      if (b === undefined) continue;
      b.assigned = true;
      if (b.owner !== fn) b.assigned_inside = true;
    }
  }

  private reference(n: Node, scope: Scope): void {
    const b = scope.find(n.name as string);
    this.of.set(n, b);
    if (b === undefined) this.globals.push(n);
  }

  private function(n: Node, outer: Scope): void {
    let scope = outer;
    if (n.type === 'FunctionExpression' && n.id) {
      scope = new Scope(scope, n, false);
      scope.add(n.id.name as string, 'self', n);
    }
    scope = new Scope(scope, n, true);
    for (const p of n.params as Node[]) for (const name of bound_names(p)) scope.add(name.name as string, 'param', n);
    for (const p of n.params as Node[]) this.walk(p, scope, n);
    if (n.body.type === 'BlockStatement') {
      this.hoist(n.body.body as Node[], scope);
      for (const s of n.body.body as Node[]) this.walk(s, scope, n);
    } else this.walk(n.body as Node, scope, n);
  }

  private walk(n: Node, scope: Scope, fn: Node): void {
    switch (n.type) {
      case 'Identifier':
        this.reference(n, scope);
        return;
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        this.function(n, scope);
        return;
      case 'ClassDeclaration':
      case 'ClassExpression': {
        if (n.superClass) this.walk(n.superClass as Node, scope, fn);
        let inner = scope;
        if (n.type === 'ClassExpression' && n.id) {
          inner = new Scope(scope, scope.owner, false);
          inner.add(n.id.name as string, 'self', n);
        }
        for (const m of n.body.body as Node[]) this.walk(m, inner, fn);
        return;
      }
      case 'StaticBlock':
      case 'BlockStatement': {
        const inner = new Scope(scope, scope.owner, false);
        this.hoist(n.body as Node[], inner);
        for (const s of n.body as Node[]) this.walk(s, inner, fn);
        return;
      }
      case 'SwitchStatement': {
        this.walk(n.discriminant as Node, scope, fn);
        const inner = new Scope(scope, scope.owner, false);
        for (const c of n.cases as Node[]) this.hoist(c.consequent as Node[], inner);
        for (const c of n.cases as Node[]) this.walk(c, inner, fn);
        return;
      }
      case 'ForStatement': {
        const inner = new Scope(scope, scope.owner, false);
        if (n.init?.type === 'VariableDeclaration' && n.init.kind !== 'var') this.declare(n.init as Node, inner, n);
        for (const c of [n.init, n.test, n.update, n.body] as (Node | null)[]) if (c) this.walk(c, inner, fn);
        return;
      }
      case 'ForOfStatement':
      case 'ForInStatement': {
        const inner = new Scope(scope, scope.owner, false);
        if (n.left.type === 'VariableDeclaration') {
          if (n.left.kind !== 'var') this.declare(n.left as Node, inner, n);
          else this.assign(n.left.declarations[0].id as Node, inner, fn);
        } else this.assign(n.left as Node, inner, fn);
        this.walk(n.left as Node, inner, fn);
        this.walk(n.right as Node, inner, fn);
        this.walk(n.body as Node, inner, fn);
        return;
      }
      case 'CatchClause': {
        const inner = new Scope(scope, scope.owner, false);
        for (const name of bound_names(n.param as Node | null)) inner.add(name.name as string, 'let', n);
        if (n.param) this.walk(n.param as Node, inner, fn);
        this.walk(n.body as Node, inner, fn);
        return;
      }
      case 'AssignmentExpression':
        this.assign(n.left as Node, scope, fn);
        break;
      case 'UpdateExpression':
        this.assign(n.argument as Node, scope, fn);
        break;
      case 'MemberExpression':
        this.walk(n.object as Node, scope, fn);
        if (n.computed) this.walk(n.property as Node, scope, fn);
        return;
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (n.computed) this.walk(n.key as Node, scope, fn);
        if (n.value) this.walk(n.value as Node, scope, fn);
        return;
      case 'LabeledStatement':
        this.walk(n.body as Node, scope, fn);
        return;
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
      case 'MetaProperty':
        return;
      case 'ExportNamedDeclaration':
        if (n.declaration) this.walk(n.declaration as Node, scope, fn);
        else if (!n.source) for (const s of n.specifiers as Node[]) this.walk(s.local as Node, scope, fn);
        return;
    }
    for (const c of children(n)) this.walk(c, scope, fn);
  }
}
