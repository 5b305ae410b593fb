// Gives functions their twins. A declaration `f` gets `function* f$g` beside it, hoisted like itself, and `f.$g = f$g`
// at the head of the list it stands in, so before any code of that scope runs. An expression is wrapped or followed by
// the attachment; a method gets a second method, so that `super` works there.
import { block, call, children, declare, dot, id, is_function, lit, type Node, set, statement } from './ast.js';
import type { Context } from './context.js';
import { parameters } from './patterns.js';
import { Twin } from './twin.js';

/** Whether the function (or an arrow in it) uses `this`. */
function uses_this(node: Node): boolean {
  if (node.type === 'ThisExpression') return true;
  for (const c of children(node)) {
    if (c.type === 'FunctionExpression' || c.type === 'FunctionDeclaration') continue;
    if (c.type === 'ClassBody') continue;
    if (uses_this(c)) return true;
  }
  return false;
}
function has_arrow_with_this(node: Node): boolean {
  for (const c of children(node)) {
    if (
      c.type === 'ArrowFunctionExpression'
        ? uses_this(c)
        : c.type !== 'FunctionExpression' &&
          c.type !== 'FunctionDeclaration' &&
          c.type !== 'ClassBody' &&
          has_arrow_with_this(c)
    )
      return true;
  }
  return false;
}
const keeps_this = (fn: Node): Node[] =>
  fn.type !== 'ArrowFunctionExpression' && has_arrow_with_this(fn)
    ? [declare('const', [[id('$this'), { type: 'ThisExpression' }]])]
    : [];

export const twin_key = (fn: Node): '$g' | '$y' => (fn.generator ? '$y' : '$g');

/** Directives stay first in a body. */
function after_directives(body: Node[], insert: Node[]): Node[] {
  if (insert.length === 0) return body;
  let n = 0;
  while (n < body.length && body[n]!.directive !== undefined) n++;
  return [...body.slice(0, n), ...insert, ...body.slice(n)];
}

/** The twin of `fn` as a function of the given type. */
export function twin_of(
  cx: Context,
  fn: Node,
  type: 'FunctionDeclaration' | 'FunctionExpression',
  name: Node | null,
): Node {
  if (fn.async) cx.refuse(fn, 'an async function cannot be stepped');
  const t = new Twin(cx, fn, fn.type === 'ArrowFunctionExpression' ? '$this' : null);
  const around = cx.within;
  cx.within = String(fn.id?.name ?? name?.name ?? around).replace(/\$[gy]$/, '');
  const p = parameters(t, fn.params as Node[]);
  const body: Node[] =
    fn.body.type === 'BlockStatement'
      ? t.list(fn.body.body as Node[])
      : [{ type: 'ReturnStatement', argument: t.result(fn.body as Node), loc: fn.body.loc }];
  cx.within = around;
  const head = [...keeps_this(fn), ...t.temps(), ...p.head];
  const handed_on = cx.pauses || fn.generator ? null : hands_on(body);
  return {
    type,
    id: name,
    generator: handed_on === null,
    async: false,
    params: p.params,
    body: { type: 'BlockStatement', body: after_directives(handed_on ?? body, head) },
    loc: fn.loc ?? null,
  };
}

const mentions = (node: Node, type: string): boolean =>
  node.type === type || [...children(node)].some((c) => mentions(c, type));
/** The call of `yield* f$g(…);`, null for any other statement. */
function delegated_call(s: Node | undefined): Node | null {
  const e: Node | undefined = s?.type === 'ExpressionStatement' ? (s.expression as Node) : undefined;
  const made: Node | null = e?.type === 'YieldExpression' && e.delegate ? (e.argument as Node) : null;
  return made?.type === 'CallExpression' && !mentions(made, 'YieldExpression') ? made : null;
}
/**
 * A kernel function that may pause only in the last thing it does, `if (…) f(…);`, needs no generator of its own: its
 * twin hands on that of `f`, and one pause in `f` goes through one generator less. Return: the body, null if it needs one.
 */
function hands_on(body: Node[]): Node[] | null {
  const last = body.at(-1);
  if (last?.type !== 'IfStatement' || last.alternate) return null;
  const made = delegated_call(last.consequent as Node);
  const before = [...body.slice(0, -1), last.test as Node];
  if (made === null || before.some((n) => mentions(n, 'YieldExpression') || mentions(n, 'ReturnStatement')))
    return null;
  return [
    ...body.slice(0, -1),
    { ...last, consequent: { type: 'ReturnStatement', argument: made } },
    { type: 'ReturnStatement', argument: dot(id('$s'), 'nothing') },
  ];
}

/** A function as it was, but that functions inside it have their twins. */
function plain_function(cx: Context, fn: Node): Node {
  if (!cx.twins_everywhere) return fn;
  const params = (fn.params as Node[]).map((p) => plain(cx, p));
  if (fn.body.type !== 'BlockStatement') return { ...fn, params, body: plain(cx, fn.body as Node) };
  const body = list(cx, fn.body.body as Node[], (s) => plain_statement(cx, s));
  return { ...fn, params, body: { ...fn.body, body: after_directives(body, keeps_this(fn)) } };
}

/** The name of a twin's own binding says how the function was declared; the property says how it is called. */
const attached = (cx: Context, name: Node, fn: Node, twin: Node): Node =>
  statement(set(dot(name, cx.twin_key(fn)), twin));

/** `$s.f(plain, twin)`; `name` where the function would have taken its name from its place. */
export function function_expression(cx: Context, fn: Node, name: string): Node {
  if (!cx.twins_everywhere) return fn;
  const twin = twin_of(cx, fn, 'FunctionExpression', null);
  if (fn.id) {
    // Its own name, inside it, has to mean the function that has the twin: `(() => { const f = …; f.$g = …; return f; })()`
    const body = [declare('const', [[fn.id as Node, plain_function(cx, fn)]]), attached(cx, fn.id as Node, fn, twin)];
    const made = block([...body, { type: 'ReturnStatement', argument: fn.id }]);
    return call({
      type: 'ArrowFunctionExpression',
      params: [],
      body: made,
      expression: false,
      async: false,
      generator: false,
    });
  }
  const named = name === '' ? [] : [lit(name)];
  return call(dot(id('$s'), fn.generator ? 'y' : 'f'), plain_function(cx, fn), twin, ...named);
}
/** The same for a function that is assigned to `target`, which gives it its name: `f = …, f.$g = …`. */
export function named_function(cx: Context, fn: Node, target: Node): { value: Node; then: Node } {
  const twin = twin_of(cx, fn, 'FunctionExpression', null);
  return { value: plain_function(cx, fn), then: set(dot(target, cx.twin_key(fn, target.name as string)), twin) };
}

/** A class whose methods have twins; `t` is the twin whose body it stands in. */
function class_of(cx: Context, node: Node, t: Twin | null): Node {
  const body = (node.body.body as Node[]).flatMap((m) => {
    if (m.type !== 'MethodDefinition' || m.kind !== 'method' || m.computed || m.key.type === 'PrivateIdentifier') {
      if (cx.mode === 'module') cx.refuse(m, 'only plain methods of a class can be stepped');
      return [plain(cx, m)];
    }
    const name = `${m.key.name ?? m.key.value}${twin_key(m.value as Node)}`;
    return [
      { ...m, value: plain_function(cx, m.value as Node) },
      { ...m, key: id(name), value: twin_of(cx, m.value as Node, 'FunctionExpression', null) },
    ];
  });
  const superClass = node.superClass
    ? t
      ? t.expr(node.superClass as Node)
      : plain(cx, node.superClass as Node)
    : null;
  return { ...node, superClass, body: { ...node.body, body } };
}
const methods = (made: Node): Node => call(dot(id('$s'), 'methods'), made);
export const class_expression = (cx: Context, node: Node, t: Twin | null): Node =>
  cx.twins_everywhere ? methods(class_of(cx, node, t)) : node;
export const class_statements = (cx: Context, node: Node, t: Twin | null): Node[] =>
  cx.twins_everywhere ? [class_of(cx, node, t), statement(methods(node.id as Node))] : [node];

const declaration_of = (s: Node): Node =>
  (s.type === 'ExportNamedDeclaration' || s.type === 'ExportDefaultDeclaration') && s.declaration
    ? (s.declaration as Node)
    : s;

/** A list of statements: `each` rewrites one; the twins of its function declarations go to its head. */
export function list(cx: Context, body: Node[], each: (s: Node) => Node[]): Node[] {
  const twins: Node[] = [];
  const attachments: Node[] = [];
  const rest: Node[] = [];
  for (const s of body) {
    const n = declaration_of(s);
    if (n.type === 'FunctionDeclaration' && cx.wants_twin(n)) {
      if (!n.id) cx.refuse(n, 'a function that is exported as default needs a name');
      const name = id(`${n.id.name}${twin_key(n)}`);
      twins.push(twin_of(cx, n, 'FunctionDeclaration', name));
      attachments.push(attached(cx, n.id as Node, n, name));
    }
    rest.push(...each(s));
  }
  return after_directives(rest, [...twins, ...attachments]);
}

/** The statement as it was, its functions with twins. */
export function plain_statement(cx: Context, s: Node): Node[] {
  const n = declaration_of(s);
  const exported = (made: Node): Node => (n === s ? made : { ...s, declaration: made });
  if (n.type === 'ClassDeclaration') {
    const [first, ...more] = class_statements(cx, n, null);
    return [exported(first!), ...more];
  }
  if (n.type === 'FunctionDeclaration') return [exported(plain_function(cx, n))];
  if (n.type === 'VariableDeclaration') {
    const out: Node[] = [];
    for (const d of n.declarations as Node[]) {
      const anonymous = d.id.type === 'Identifier' && is_function(d.init as Node | null) && !d.init.id;
      if (anonymous && cx.wants_twin(d.init as Node, d.id.name as string)) {
        const f = named_function(cx, d.init as Node, d.id as Node);
        out.push(exported({ ...n, declarations: [{ ...d, init: f.value }] }), statement(f.then));
      } else out.push(exported({ ...n, declarations: [plain(cx, d)] }));
    }
    return out;
  }
  return [plain(cx, s)];
}

/** A copy in which every function has its twin; nothing else changes. */
export function plain(cx: Context, node: Node): Node {
  switch (node.type) {
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return cx.twins_everywhere ? function_expression(cx, node, '') : node;
    case 'CallExpression':
      // `(() => …)()`, esbuild's enum: run here and now, never by a twin.
      if (is_function(node.callee as Node)) {
        return {
          ...node,
          callee: plain_function(cx, node.callee as Node),
          arguments: (node.arguments as Node[]).map((a) => plain(cx, a)),
        };
      }
      break;
    case 'ClassExpression':
      return class_expression(cx, node, null);
    case 'BlockStatement':
      return { ...node, body: list(cx, node.body as Node[], (s) => plain_statement(cx, s)) };
    case 'SwitchCase':
      return {
        ...node,
        test: node.test && plain(cx, node.test as Node),
        consequent: (node.consequent as Node[]).flatMap((s) => plain_statement(cx, s)),
      };
    case 'Property':
      if (is_function(node.value as Node) && node.kind === 'init' && !node.method && !node.computed)
        return {
          ...node,
          value: cx.twins_everywhere
            ? function_expression(cx, node.value as Node, String(node.key.name ?? node.key.value))
            : node.value,
        };
      break;
    case 'AssignmentExpression':
    case 'AssignmentPattern':
      if (
        node.left.type === 'Identifier' &&
        is_function(node.right as Node) &&
        cx.twins_everywhere &&
        (node.operator ?? '=') === '='
      )
        return { ...node, right: function_expression(cx, node.right as Node, node.left.name as string) };
      break;
    case 'MethodDefinition':
      return { ...node, value: plain_function(cx, node.value as Node) };
    case 'VariableDeclaration': {
      // In the head of a loop, where it stays one statement.
      const declarations = (node.declarations as Node[]).map((d) =>
        d.id.type === 'Identifier' && is_function(d.init as Node | null) && cx.twins_everywhere
          ? { ...d, init: function_expression(cx, d.init as Node, d.id.name as string) }
          : plain(cx, d),
      );
      return { ...node, declarations };
    }
  }
  const out: Node = { ...node };
  for (const key in node) {
    if (key === 'loc') continue;
    const v: unknown = node[key];
    if (Array.isArray(v)) out[key] = v.map((c: Node | null) => (c?.type === undefined ? c : plain(cx, c)));
    else if (v !== null && typeof v === 'object' && typeof (v as Node).type === 'string')
      out[key] = plain(cx, v as Node);
  }
  return out;
}
