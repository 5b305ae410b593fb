// The names of a module's top level and what each stands for, and which calls are calls of the kernel's headers. For
// the check of the top level. Host code; no state.
import { DEFINES, isHeader, isInitialiser, isPure } from './allowed.js';
import { isFunction, rootOf, targets, type Node } from './scope.js';

/** What a name of the top level stands for. */
export type Kind = 'import' | 'function' | 'class' | 'enum' | 'constant' | 'static' | 'refused';
export interface Binding {
  kind: Kind;
  /** For imports: where from, and the name there. */
  from?: string;
  imported?: string;
}

/** The expression inside casts and brackets. */
export const unwrap = (n: Node | null | undefined): Node | null | undefined =>
  n && /^TS(As|Satisfies|NonNull)Expression$|^TSTypeAssertion$|^ParenthesizedExpression$/.test(n.type)
    ? unwrap(n['expression'])
    : n;

export class Names {
  private readonly bindings = new Map<string, Binding>();
  readonly exported = new Set<string>();

  constructor(program: Node) {
    for (const statement of program['body']) this.declare(statement);
  }

  get(name: string | undefined): Binding | undefined {
    return name === undefined ? undefined : this.bindings.get(name);
  }

  /** Learns the names first: functions are hoisted, so a name may be used above its declaration. */
  private declare(statement: Node): void {
    if (statement.type === 'ImportDeclaration') {
      for (const s of statement['specifiers'])
        this.bindings.set(s.local.name, {
          kind: 'import',
          from: statement['source'].value,
          imported: s.imported?.name ?? '*',
        });
      return;
    }
    if (statement.type === 'ExportNamedDeclaration' && !statement['source'])
      for (const s of statement['specifiers'] ?? []) this.exported.add(s.local.name);
    const exported = /^Export(Named|Default)Declaration$/.test(statement.type) && statement['declaration'];
    const d: Node = exported ? statement['declaration'] : statement;
    const add = (name: string | undefined, kind: Kind): void => {
      if (name === undefined) return;
      this.bindings.set(name, { kind });
      if (exported) this.exported.add(name);
    };
    if (/FunctionDeclaration$|^TSDeclareFunction$/.test(d.type)) add(d['id']?.name, 'function');
    else if (d.type === 'ClassDeclaration') add(d['id']?.name, 'class');
    else if (d.type === 'TSEnumDeclaration') add(d['id'].name, 'enum');
    else if (d.type === 'VariableDeclaration')
      for (const v of d['declarations']) for (const t of targets(v.id)) add(t['name'], this.kindOf(d, v));
  }

  private kindOf(declaration: Node, declarator: Node): Kind {
    const init = unwrap(declarator['init']);
    if (isEnum(init)) return 'enum';
    if (declaration['kind'] !== 'const') return 'refused';
    if (init && isFunction(init)) return 'function';
    if (init?.type === 'ClassExpression') return 'class';
    const callee = init?.type === 'CallExpression' ? this.headerCall(init) : null;
    return callee && DEFINES.test(callee) ? 'static' : 'constant';
  }

  /** The name, in its header, of the function that is called; null if it isn't one of the kernel's. */
  headerCall(call: Node): string | null {
    const callee: Node = call['callee'];
    const direct = callee.type === 'Identifier' ? this.get(callee['name']) : undefined;
    if (direct?.kind === 'import' && isHeader(direct.from!)) return direct.imported!;
    if (callee.type !== 'MemberExpression' || callee['computed'] || callee['object'].type !== 'Identifier') return null;
    const whole = this.get(callee['object'].name); // import * as types
    return whole?.imported === '*' && isHeader(whole.from!) ? callee['property'].name : null;
  }

  isPureCall(call: Node): boolean {
    const name = this.headerCall(call);
    return name !== null && isPure(name, this.headerOf(call));
  }
  isInitialiserCall(call: Node): boolean {
    const name = this.headerCall(call);
    return name !== null && isInitialiser(name, this.headerOf(call));
  }
  private headerOf(call: Node): string {
    return this.get(rootOf(call['callee'])!['name'])!.from!;
  }
}

/** `((E2) => { ... })(E || ...)`: what esbuild makes of an enum or a namespace. */
export function isWrapper(n: Node | null | undefined): n is Node {
  return (
    n?.type === 'CallExpression' &&
    n['callee'].type === 'ArrowFunctionExpression' &&
    n['callee'].params.length === 1 &&
    n['callee'].body.type === 'BlockStatement' &&
    n['arguments'].length === 1 &&
    n['arguments'][0].type === 'LogicalExpression'
  );
}

/** A wrapper that only assigns members and returns the object: an enum. */
export function isEnum(n: Node | null | undefined): boolean {
  return (
    isWrapper(n) &&
    n['arguments'][0].right.type === 'ObjectExpression' &&
    n['callee'].body.body.every(
      (s: Node) =>
        s.type === 'ReturnStatement' ||
        (s.type === 'ExpressionStatement' && s['expression'].type === 'AssignmentExpression'),
    )
  );
}
