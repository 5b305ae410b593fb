// The body of one twin: every statement and expression of a function, rewritten so that it can pause. Evaluation order
// is JavaScript's own: `yield` stands inside the expression, and a value that is needed twice goes through a temporary.
// Reads and writes are in access.ts, calls in calls.ts, patterns in patterns.ts; functions and classes in attach.ts.
import { place_of } from './context.js';
import { chain, member, update, assignment } from './access.js';
import { class_expression, class_statements, function_expression, list, plain_statement } from './attach.js';
import {
  at,
  binary,
  block,
  both,
  call,
  choose,
  declare,
  delegate,
  described,
  dot,
  id,
  is_function,
  is_set,
  is_true,
  lit,
  maybe,
  type Node,
  pause_now,
  seq,
  set,
  statement,
} from './ast.js';
import { call_expression } from './calls.js';
import type { Context } from './context.js';
import { declared } from './patterns.js';

/** A value that later code names more than once: what computes it first, and how to name it. */
export interface Held {
  setup: Node[];
  ref: () => Node;
}

/** What V8 says is not iterable. */
const walked = (n: Node): string =>
  n.type === 'CallExpression' ? `${described(n.callee as Node)} is not a function or its return value` : described(n);

const FIXED = new Set(['undefined', 'NaN', 'Infinity']);

export class Twin {
  private live = 0;
  private most = 0;
  private names = 0;

  constructor(
    readonly cx: Context,
    /** The function of the source. */
    readonly fn: Node,
    /** In the twin of an arrow function `this` is a variable of the function around it. */
    readonly this_name: string | null,
  ) {}

  temp(): Node {
    const n = this.live++;
    if (this.live > this.most) this.most = this.live;
    return id(`$${n}`);
  }
  /** Runs `make` and gives back the temporaries it took. */
  scratch<T>(make: () => T): T {
    const mark = this.live;
    const made = make();
    this.live = mark;
    return made;
  }
  /** A name for a constant that a pattern needs. */
  fresh(): Node {
    return id(`$t${this.names++}`);
  }
  temps(): Node[] {
    if (this.most === 0) return [];
    return [
      declare(
        'let',
        Array.from({ length: this.most }, (_, i) => [id(`$${i}`), null] as [Node, null]),
      ),
    ];
  }

  /**
   * `ref?.$shared === true && $s.s(site, place, ref) && (yield 0)`, before an access of field `name`. A read of `field` that
   * only finds the place of a struct or an array inside the struct touches no memory; views say so by `$in_field`.
   */
  pause(ref: Node, site: number, kind: 'read' | 'write', name: string, field: string | null = null): Node {
    let test = is_true(maybe(ref, '$shared'));
    if (field !== null && /^[A-Za-z_]\w*$/.test(field))
      test = both(test, binary(dot(ref, `$in_${field}`), '!==', lit(true)));
    const address: Node = { ...dot(ref, ''), property: lit('@addr'), computed: true };
    const place = binary(binary(lit(2), '*', address), '+', lit(place_of(name, kind)));
    return both(both(test, call(dot(id('$s'), 's'), lit(site), place, ref)), pause_now());
  }

  /**
   * Whether `node` may be read twice with the same result: across a pause, and, if `across` is set, across other
   * expressions of the same statement.
   */
  stable(node: Node, across: boolean): boolean {
    switch (node.type) {
      case 'Literal':
        return node.regex === undefined;
      case 'ThisExpression':
        return true;
      case 'UnaryExpression':
        return node.operator === '-' && node.argument.type === 'Literal';
      case 'Identifier': {
        const b = this.cx.binding(node);
        if (b === undefined) return FIXED.has(node.name as string);
        return !b.assigned || (!across && b.owner === this.fn && !b.assigned_inside);
      }
      default:
        return false;
    }
  }
  /** Keeps the value of `node`; within the scratch it was called in. */
  hold(node: Node, across: boolean): Held {
    if (this.stable(node, across)) return { setup: [], ref: () => this.expr(node) };
    const value = this.scratch(() => this.expr(node));
    const t = this.temp();
    return { setup: [set(t, value)], ref: () => t };
  }

  expr(node: Node, unused = false): Node {
    switch (node.type) {
      case 'ThisExpression':
        return this.this_name === null ? node : id(this.this_name, node.loc);
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return function_expression(this.cx, node, '');
      case 'ClassExpression':
        return class_expression(this.cx, node, this);
      case 'MemberExpression':
        return member(this, node);
      case 'AssignmentExpression':
        return assignment(this, node);
      case 'UpdateExpression':
        return update(this, node, unused);
      case 'ChainExpression':
        return chain(this, node);
      case 'CallExpression':
        return call_expression(this, node, false);
      case 'YieldExpression':
        return this.yield(node);
      case 'SpreadElement':
        return this.cx.pauses
          ? { ...node, argument: call(dot(id('$s'), 'list'), lit(0), this.expr(node.argument as Node)) }
          : this.copy(node);
      case 'Property':
        return {
          ...node,
          shorthand: false,
          key: node.computed ? this.expr(node.key as Node) : node.key,
          value: is_function(node.value as Node)
            ? function_expression(
                this.cx,
                node.value as Node,
                node.computed ? '' : String(node.key.name ?? node.key.value),
              )
            : this.expr(node.value as Node),
        };
      case 'ObjectExpression':
        return {
          ...node,
          properties: (node.properties as Node[]).map((p) => {
            if (this.cx.pauses && p.type === 'Property' && (p.method || p.kind !== 'init'))
              this.cx.refuse(p, 'a method, getter or setter of an object literal cannot be stepped');
            return p.type === 'SpreadElement' && this.cx.pauses
              ? { ...p, argument: call(dot(id('$s'), 'own'), lit(0), this.expr(p.argument as Node)) }
              : this.scratch(() => this.expr(p));
          }),
        };
      case 'AwaitExpression':
      case 'ImportExpression':
      case 'TaggedTemplateExpression':
      case 'MetaProperty':
        return this.cx.refuse(node, `${node.type} cannot be stepped`);
      default:
        return this.copy(node);
    }
  }
  /** The value of a `return`. */
  result(node: Node): Node {
    return this.cx.kernel_return(this, node) ?? this.expr(node);
  }
  /** The same node over rewritten expressions. */
  copy(node: Node): Node {
    const out: Node = { ...node };
    for (const key in node) {
      if (key === 'loc') continue;
      const v: unknown = node[key];
      if (Array.isArray(v))
        out[key] = v.map((c: Node | null) => (c?.type === undefined ? c : this.scratch(() => this.expr(c))));
      else if (v !== null && typeof v === 'object' && typeof (v as Node).type === 'string')
        out[key] = this.scratch(() => this.expr(v as Node));
    }
    return out;
  }

  private yield(node: Node): Node {
    const argument: Node | null = node.argument;
    if (node.delegate && argument?.type === 'CallExpression') return call_expression(this, argument, true);
    if (node.delegate && this.cx.pauses && argument?.type === 'ConditionalExpression') {
      const of = (e: Node): Node => this.scratch(() => this.yield({ ...node, argument: e }));
      return {
        ...argument,
        test: this.scratch(() => this.expr(argument.test as Node)),
        consequent: of(argument.consequent as Node),
        alternate: of(argument.alternate as Node),
      };
    }
    if (this.cx.pauses) this.cx.refuse(node, 'only yield* of a call can be stepped');
    return this.copy(node);
  }

  /** One statement where only one may stand. */
  one(node: Node): Node {
    const made = this.statement(node);
    return made.length === 1 ? made[0]! : block(made);
  }
  statement(node: Node): Node[] {
    return this.scratch(() => this.made(node));
  }
  private made(node: Node): Node[] {
    switch (node.type) {
      case 'EmptyStatement':
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'DebuggerStatement':
        return [node];
      case 'ExpressionStatement':
        return [{ ...node, expression: this.expr(node.expression as Node, true) }];
      case 'BlockStatement':
        return [{ ...node, body: this.list(node.body as Node[]) }];
      case 'IfStatement':
        return [
          {
            ...node,
            test: this.expr(node.test as Node),
            consequent: this.one(node.consequent as Node),
            alternate: node.alternate ? this.one(node.alternate as Node) : null,
          },
        ];
      case 'LabeledStatement':
        return [{ ...node, body: this.one(node.body as Node) }];
      case 'SwitchStatement':
        return [
          {
            ...node,
            discriminant: this.expr(node.discriminant as Node),
            cases: (node.cases as Node[]).map((c) => ({
              ...c,
              test: c.test ? this.expr(c.test as Node) : null,
              consequent: (c.consequent as Node[]).flatMap((s) => {
                if (s.type === 'FunctionDeclaration')
                  this.cx.refuse(s, 'a function declared in a case needs a block of its own');
                return this.statement(s);
              }),
            })),
          },
        ];
      case 'ReturnStatement':
        return [{ ...node, argument: node.argument ? this.result(node.argument as Node) : null }];
      case 'ThrowStatement':
        return [{ ...node, argument: this.expr(node.argument as Node) }];
      case 'VariableDeclaration':
        return declared(this, node, true);
      case 'FunctionDeclaration':
        // Its twin stands at the head of the list, see attach.ts.
        return plain_statement(this.cx, node);
      case 'ClassDeclaration':
        return class_statements(this.cx, node, this);
      case 'WhileStatement':
        return [
          this.loop(node, 'while', (back) => ({
            type: 'ForStatement',
            init: null,
            test: this.expr(node.test as Node),
            update: back,
          })),
        ];
      case 'DoWhileStatement':
        return [
          {
            ...node,
            body: this.one(node.body as Node),
            test: this.cx.pauses
              ? seq(this.back_edge(node, 'do'), this.expr(node.test as Node))
              : this.expr(node.test as Node),
          },
        ];
      case 'ForStatement':
        return [
          this.loop(node, 'for', (back) => {
            const init: Node | null = node.init;
            return {
              type: 'ForStatement',
              init:
                init === null
                  ? null
                  : init.type === 'VariableDeclaration'
                    ? declared(this, init)[0]!
                    : this.expr(init, true),
              test: node.test ? this.expr(node.test as Node) : null,
              update: node.update
                ? back
                  ? seq(back, this.expr(node.update as Node, true))
                  : this.expr(node.update as Node, true)
                : back,
            };
          }),
        ];
      case 'ForOfStatement':
        if (node.await) this.cx.refuse(node, 'for await cannot be stepped');
        return this.cx.pauses
          ? [this.for_of(node)]
          : [{ ...node, right: this.expr(node.right as Node), body: this.one(node.body as Node) }];
      case 'TryStatement':
        // Kernel code alone: a module's try would swallow an oops.
        if (this.cx.mode !== 'kernel') return this.cx.refuse(node, 'try cannot be stepped');
        return [
          {
            ...node,
            block: block(this.list(node.block.body as Node[])),
            handler: node.handler && { ...node.handler, body: block(this.list(node.handler.body.body as Node[])) },
            finalizer: node.finalizer && block(this.list(node.finalizer.body as Node[])),
          },
        ];
      case 'WithStatement':
      case 'ForInStatement':
        return this.cx.refuse(node, `${node.type} cannot be stepped`);
      default:
        return this.cx.refuse(node, `${node.type} is unknown to the transform`);
    }
  }
  list(body: Node[]): Node[] {
    return list(this.cx, body, (s) => this.statement(s));
  }

  private back_edge(node: Node, name: string): Node {
    return both(call(dot(id('$s'), 'l'), lit(this.cx.site(node, 'loop', name))), pause_now());
  }
  private loop(node: Node, name: string, head: (back: Node | null) => Node): Node {
    const made = this.scratch(() => head(this.cx.pauses ? this.back_edge(node, name) : null));
    return { ...made, body: this.one(node.body as Node), loc: node.loc ?? null };
  }

  /**
   * One loop for arrays and for kernel cursors, so that the body stands once and break, continue and labels need no care:
   * `for ($0 = $s.iter(list), $1 = 0; $0.$cursor === true ? advance : $1 < $0.length; $1++) { const x = …; body }`
   */
  private for_of(node: Node): Node {
    const of = this.scratch(() => this.expr(node.right as Node));
    const list = this.temp();
    const i = this.temp();
    const site = this.cx.site(node, 'loop', 'for of');
    const cursor = (): Node => is_true(dot(list, '$cursor'));
    const twin = dot(dot(list, 'advance'), '$g');
    const advance = choose(is_set(twin), delegate(call(dot(twin, 'call'), list), node.loc), call(dot(list, 'advance')));
    const element: Node = { type: 'MemberExpression', object: list, property: i, computed: true, optional: false };
    const value = choose(cursor(), dot(list, 'value'), element);
    const left: Node = node.left;
    const head =
      left.type === 'VariableDeclaration'
        ? declared(this, { ...left, declarations: [{ ...left.declarations[0], init: value, made: true }] })
        : [statement(at(set(left, value), left))];
    if (left.type !== 'VariableDeclaration' && left.type !== 'Identifier')
      this.cx.refuse(left, 'for … of may only assign to a variable');
    return {
      type: 'ForStatement',
      loc: node.loc ?? null,
      init: seq(set(list, call(dot(id('$s'), 'iter'), lit(site), of, lit(walked(node.right as Node)))), set(i, lit(0))),
      test: choose(cursor(), advance, binary(i, '<', dot(list, 'length'))),
      update: seq(
        { type: 'UpdateExpression', operator: '++', prefix: true, argument: i },
        this.back_edge(node, 'for of'),
      ),
      body: block([...head, this.one(node.body as Node)]),
    };
  }
}
