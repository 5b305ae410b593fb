// What a module may not use, in either build: constructs that the stepped build cannot step, or that would run outside
// the machine. Everything that is not refused here, the transform (stepped/transform.ts) handles with JavaScript's own
// order of evaluation; what only a running program shows (a Map in `for … of`) it refuses at run time. Host code.
//
// Map and Set, arrays, typed arrays and object literals are allowed within a function: they are values of one call, as
// local variables are. The check of the top level keeps them from outliving it.
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { parse } from 'acorn';
import { children, is_function, type Node } from '../stepped/transform/ast.js';
import { bound_names, Scopes } from '../stepped/transform/scope.js';
import { ALLOWED, CALLED_IMPLICITLY, CALLING_BACK, GLOBAL_ADVICE, MADE, OBJECT_FUNCTIONS } from './subset-names.js';

/** One thing that is refused. Line and column count from 1, in the file that the user wrote. */
export interface Refusal {
  file: string;
  line: number;
  column: number;
  what: string;
  advice: string;
}

const SLEEP = 'a function that sleeps is a function*, called with yield*';
const LOOP = 'write a for loop: what a callback of JavaScript does cannot be interrupted';

/**
 * Checks one file. `program`: what esbuild made of it (ESM or CommonJS), as text or as acorn's tree with locations;
 * `map` leads from there to `file` (null: it is the file).
 */
export function checkSubset(program: string | object, map: TraceMap | string | object | null, file: string): Refusal[] {
  const tree =
    typeof program === 'string'
      ? (parse(program, {
          ecmaVersion: 'latest',
          sourceType: 'module',
          locations: true,
          allowReturnOutsideFunction: true,
        }) as Node)
      : (program as Node);
  const trace = map === null ? null : map instanceof TraceMap ? map : new TraceMap(map as string);
  return new Check(tree, trace, file).run();
}

/** Where a node stands, as far as a rule asks. */
interface Place {
  /** Inside a method, so `this` is the view. */
  method: boolean;
  /** In an arrow function within it, where `super` has no twin. */
  arrow: boolean;
  inside: boolean;
}

class Check {
  private readonly found: Refusal[] = [];
  private readonly scopes: Scopes;
  /** Names of methods that the module defines itself: `find` may be one. */
  private readonly methods = new Set<string>();

  constructor(
    private readonly program: Node,
    private readonly trace: TraceMap | null,
    private readonly file: string,
  ) {
    this.scopes = new Scopes(program);
  }

  run(): Refusal[] {
    this.collect(this.program);
    this.walk(this.program, { method: false, arrow: false, inside: false });
    for (const n of this.scopes.globals) this.global(n);
    return this.found.sort((a, b) => a.line - b.line || a.column - b.column);
  }
  private collect(n: Node): void {
    if (n.type === 'MethodDefinition') this.methods.add(String(n.key.name ?? n.key.value));
    for (const c of children(n)) this.collect(c);
  }

  private refuse(node: Node, what: string, advice: string): void {
    const start = node.loc!.start;
    let { line, column } = start as { line: number; column: number };
    if (this.trace !== null) {
      const p = originalPositionFor(this.trace, start);
      if (p.line === null) return; // a helper of the compiler's
      ({ line, column } = p);
    }
    this.found.push({ file: this.file, line, column: column + 1, what, advice });
  }

  private global(n: Node): void {
    const name = n.name as string;
    if (ALLOWED.has(name)) return;
    const advice = GLOBAL_ADVICE[name];
    if (name === 'arguments' || name === 'eval') this.refuse(n, `\`${name}\` cannot be stepped`, advice!);
    else if (advice === undefined && !(name in globalThis))
      this.refuse(n, `\`${name}\` is not declared`, 'import it, or declare it');
    else
      this.refuse(
        n,
        `\`${name}\` belongs to JavaScript's host, not to the machine`,
        advice ?? "use the kernel's own: 'lockstep/linux/...'",
      );
  }
  private is_global(n: Node, name?: string): boolean {
    return (
      n.type === 'Identifier' &&
      this.scopes.of.has(n) &&
      this.scopes.of.get(n) === undefined &&
      (name === undefined || n.name === name)
    );
  }

  private walk(n: Node, at: Place): void {
    this.judge(n, at);
    for (const c of children(n)) this.walk(c, this.place_in(n, c, at));
  }
  private place_in(parent: Node, n: Node, at: Place): Place {
    if (n.type === 'ArrowFunctionExpression') return { ...at, arrow: true, inside: true };
    if (n.type === 'FunctionExpression')
      return { method: parent.type === 'MethodDefinition', arrow: false, inside: true };
    if (n.type === 'FunctionDeclaration') return { method: false, arrow: false, inside: true };
    return at;
  }

  private judge(n: Node, at: Place): void {
    switch (n.type) {
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return this.function(n);
      case 'AwaitExpression':
        return this.refuse(n, '`await` waits for the host', SLEEP);
      case 'YieldExpression':
        return this.yield(n);
      case 'TryStatement':
        return this.refuse(
          n,
          '`try` would swallow an oops',
          'check what is returned: a negative errno, IS_ERR(), NULL',
        );
      case 'WithStatement':
        return this.refuse(n, '`with` cannot be stepped', 'name the object');
      case 'ForInStatement':
        return this.refuse(n, '`for … in` cannot be stepped', 'walk Object.keys(...) of a local object with for … of');
      case 'ForOfStatement':
        return this.for_of(n);
      case 'TaggedTemplateExpression':
        return this.refuse(n, 'a tagged template cannot be stepped', 'call the function with the parts as arguments');
      case 'ImportExpression':
        return this.refuse(n, '`import()` loads from the host', 'import it at the top of the file');
      case 'MetaProperty':
        return this.refuse(
          n,
          n.meta.name === 'new' ? '`new.target` cannot be stepped' : '`import.meta` belongs to the host',
          'a module has neither',
        );
      case 'ThisExpression':
        if (!at.method) this.refuse(n, '`this` outside a method of a class', 'take the object as a parameter');
        return;
      case 'Super':
        if (at.arrow)
          this.refuse(n, '`super` in an arrow function cannot be stepped', 'call it outside, or write a method');
        return;
      case 'NewExpression':
        if (!this.is_global(n.callee as Node) || !MADE.has(n.callee.name as string)) {
          if (this.is_global(n.callee as Node) && !ALLOWED.has(n.callee.name as string)) return; // refused as a global
          this.refuse(
            n,
            '`new` cannot be stepped',
            "objects live in the machine's memory: kmalloc() and T.at(address), or an object literal within a function",
          );
        }
        return;
      case 'ClassBody':
        for (const m of n.body as Node[]) this.member(m);
        return;
      case 'ObjectExpression':
        for (const p of n.properties as Node[]) if (p.type === 'Property') this.property(p);
        return;
      case 'ObjectPattern':
        for (const p of n.properties as Node[]) {
          if (p.type === 'RestElement') this.refuse(p, 'the rest of an object cannot be stepped', 'name the fields');
        }
        return;
      case 'AssignmentExpression':
        if (n.left.type === 'ObjectPattern' || n.left.type === 'ArrayPattern') this.targets(n.left as Node);
        return;
      case 'MemberExpression':
        return this.access(n);
      case 'CallExpression':
        return this.call(n);
      case 'SwitchCase':
        for (const s of n.consequent as Node[]) {
          if (s.type === 'FunctionDeclaration')
            this.refuse(s, 'a function declared in a case', 'put the case in braces');
        }
        return;
      case 'LabeledStatement':
        if (n.body.type === 'FunctionDeclaration') this.refuse(n, 'a label before a function', 'remove the label');
        return;
      case 'UnaryExpression':
        if (n.operator === 'delete' && n.argument.type === 'ChainExpression')
          this.refuse(n, '`delete` of an optional chain', 'test the object first');
        return;
      case 'PrivateIdentifier':
        return this.refuse(
          n,
          `\`#${n.name}\`: private members cannot be stepped`,
          'a field of the struct, or a function beside the class',
        );
    }
  }

  private function(n: Node): void {
    if (n.async) this.refuse((n.id as Node | null) ?? n, 'an async function waits for the host', SLEEP);
    const parameters = n.params as Node[];
    const later = parameters.map((p) => [...bound_names(p)].map((i) => i.name as string));
    parameters.forEach((p, i) => {
      const after = new Set(later.slice(i + 1).flat());
      if (p.type === 'AssignmentPattern') this.uses_later(p.right as Node, after);
    });
    if (parameters.every((p) => p.type === 'Identifier') || n.body.type !== 'BlockStatement') return;
    // The twin evaluates defaults in the body: a variable of the body that has a parameter's name would be seen there.
    const own = new Set(later.flat());
    for (const d of this.vars(n.body as Node)) {
      if (own.has(d.name as string))
        this.refuse(
          d,
          `\`${d.name}\` is declared again beside a parameter with a default or a pattern`,
          'choose another name',
        );
    }
  }
  private *vars(n: Node): Generator<Node> {
    if (is_function(n)) {
      if (n.type === 'FunctionDeclaration') yield n.id as Node;
      return;
    }
    if (n.type === 'VariableDeclaration' && n.kind === 'var')
      for (const d of n.declarations as Node[]) yield* bound_names(d.id as Node);
    for (const c of children(n)) yield* this.vars(c);
  }
  private uses_later(n: Node, after: ReadonlySet<string>): void {
    if (n.type === 'Identifier' && this.scopes.of.get(n)?.kind === 'param' && after.has(n.name as string))
      this.refuse(n, `the default uses \`${n.name}\`, which has no value yet`, 'change the order of the parameters');
    for (const c of children(n)) if (!is_function(c)) this.uses_later(c, after);
  }

  private yield(n: Node): void {
    if (!n.delegate)
      return this.refuse(
        n,
        '`yield` without `*`: only the kernel gives up the CPU',
        'write yield* schedule(), or yield* cond_resched()',
      );
    const look = (e: Node): void => {
      if (e.type === 'ConditionalExpression') {
        look(e.consequent as Node);
        look(e.alternate as Node);
      } else if (e.type !== 'CallExpression' || e.callee.type === 'Super')
        this.refuse(n, '`yield*` takes a call', 'write yield* f(...), f being a function*');
    };
    look(n.argument as Node);
  }

  private for_of(n: Node): void {
    if (n.await) return this.refuse(n, '`for await` waits for the host', SLEEP);
    if (n.left.type !== 'VariableDeclaration') {
      if (n.left.type !== 'Identifier')
        this.refuse(
          n.left as Node,
          '`for … of` into a field or a pattern',
          'declare a variable: for (const x of list)',
        );
      return;
    }
    const own = new Set([...bound_names(n.left.declarations[0].id as Node)].map((i) => i.name as string));
    const look = (e: Node): void => {
      if (e.type === 'Identifier' && own.has(e.name as string) && this.scopes.of.get(e)?.head === n)
        this.refuse(e, `\`${e.name}\` is the loop's own variable, which has no value yet`, 'choose another name');
      for (const c of children(e)) look(c);
    };
    look(n.right as Node);
  }

  private member(m: Node): void {
    if (m.type === 'StaticBlock') return this.refuse(m, 'a static block runs once on each CPU', 'do it in module_init');
    if (m.type !== 'MethodDefinition') {
      return this.refuse(
        m,
        "a field of a class would lie outside the machine's memory",
        'make it a field of the struct, or a constant beside the class',
      );
    }
    if (m.kind === 'constructor')
      return this.refuse(m, 'a constructor cannot be stepped', 'write a function that fills in the fields');
    if (m.kind !== 'method')
      return this.refuse(m, 'a getter or setter hides an access of shared memory', 'write a method');
    if (m.computed) return this.refuse(m, 'a computed method name cannot be stepped', 'write the name');
    this.key(m);
  }
  private property(p: Node): void {
    if (p.kind !== 'init')
      return this.refuse(p, 'a getter or setter hides an access of shared memory', 'write a function');
    if (p.method)
      return this.refuse(
        p,
        'a method of an object literal cannot be stepped',
        `write ${p.computed ? '[key]' : String(p.key.name ?? p.key.value)}: (...) => ...`,
      );
    if (!p.computed) this.key(p);
  }
  private key(m: Node): void {
    const name = String(m.key.name ?? m.key.value);
    if (name.startsWith('$'))
      this.refuse(
        m.key as Node,
        `\`${name}\`: names that begin with $ belong to the stepped build`,
        'choose another name',
      );
    else if (CALLED_IMPLICITLY.has(name) && (m.type === 'MethodDefinition' || is_function(m.value as Node)))
      this.refuse(
        m.key as Node,
        `JavaScript calls \`${name}\` by itself, where no step can be`,
        'choose another name and call it',
      );
  }

  private targets(pattern: Node): void {
    const look = (p: Node | null): void => {
      if (p === null) return;
      if (p.type === 'MemberExpression')
        this.refuse(p, 'a pattern that assigns to a field', 'assign the fields one by one');
      else if (p.type === 'ObjectPattern')
        for (const q of p.properties as Node[]) look(q.type === 'Property' ? q.value : q.argument);
      else if (p.type === 'ArrayPattern') for (const q of p.elements as (Node | null)[]) look(q);
      else if (p.type === 'AssignmentPattern') look(p.left as Node);
      else if (p.type === 'RestElement') look(p.argument as Node);
    };
    look(pattern);
  }

  private access(n: Node): void {
    const name = n.computed ? (n.property.value as unknown) : n.property.name;
    if (typeof name !== 'string') return;
    if (name.startsWith('$'))
      this.refuse(
        n.property as Node,
        `\`${name}\`: names that begin with $ belong to the stepped build`,
        'choose another name',
      );
    if (name === '__proto__' || (name === 'constructor' && !n.computed))
      this.refuse(n.property as Node, `\`${name}\` reaches behind the machine's memory`, 'name the struct');
    if (this.is_global(n.object as Node, 'Math') && name === 'random')
      this.refuse(n, '`Math.random` is not reproducible', "use get_random_u32() from 'lockstep/linux/random'");
    if (this.is_global(n.object as Node, 'Object') && !OBJECT_FUNCTIONS.has(name))
      this.refuse(
        n,
        `\`Object.${name}\` reaches into objects without a step`,
        name === 'assign' ? 'assign the fields one by one' : 'read and write the fields',
      );
  }

  private is_function_value(n: Node): boolean {
    if (n.type === 'FunctionExpression' || n.type === 'ArrowFunctionExpression') return true;
    if (n.type !== 'Identifier') return false;
    const b = this.scopes.of.get(n);
    if (b === undefined || b.assigned) return false;
    return (
      b.kind === 'function' ||
      (b.kind === 'const' && is_function(b.declaration.init as Node | null) && b.declaration.id.type === 'Identifier')
    );
  }
  private call(n: Node): void {
    if (n.callee.type === 'Super')
      return this.refuse(n, 'a constructor cannot be stepped', 'write a function that fills in the fields');
    if (n.callee.type === 'ChainExpression')
      return this.refuse(n, 'a call of an optional chain in parentheses', 'leave out the parentheses');
    if (n.callee.type !== 'MemberExpression' || n.callee.computed) return;
    const name = n.callee.property.name as string;
    const of_global = this.is_global(n.callee.object as Node);
    const calls_back = of_global || (CALLING_BACK.has(name) && !this.methods.has(name));
    if (calls_back && (n.arguments as Node[]).some((a) => this.is_function_value(a)))
      this.refuse(n.callee.property as Node, `a function is handed to \`${name}\`, which is JavaScript's own`, LOOP);
  }
}
