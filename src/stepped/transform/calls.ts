// Calls. A callee is known by its properties at run time: `$g` and `$y` are twins, `$p` says that the kernel exports it
// (true: a pause goes before it). What is known earlier, from a declaration in the same file, needs no question.
import {
  at,
  bare,
  binary,
  call,
  choose,
  delegate,
  described,
  dot,
  id,
  is_a,
  is_function,
  is_set,
  is_true,
  lit,
  maybe,
  type Node,
  pause_now,
  both,
  seq,
  set,
} from './ast.js';
import { place_of_call } from './context.js';
import type { Twin } from './twin.js';

export interface Arguments {
  setup: Node[];
  refs: Node[];
  /** Those that may be functions. */
  functions: Node[];
}

/** What a primitive touches, as far as its arguments say: see `place_of_call`. */
function place(args: Node[], callee: string): Node {
  const [object, field] = args;
  if (object === undefined || object.type === 'SpreadElement' || object.type === 'Literal' || is_function(object))
    return lit(0);
  const name = callee.slice(callee.lastIndexOf('.') + 1);
  return k('a', object, lit(place_of_call(name, typeof field?.value === 'string' ? field.value : '')));
}

/** Who is called: how to name the function, and the object that is its `this`. */
export interface Callee {
  fn: () => Node;
  self: (() => Node) | null;
  name: string;
  /** Its text for "is not a function", when the printed expression is not the source's. */
  described: string | null;
  /** The twins and the primitive flag as they are known, else asked of `fn`. */
  twins?: { g: Node; y: Node; p: Node; w: Node };
  /** The plain call, if it is not `fn(…)`. */
  plain?: (args: Node[]) => Node;
}

const k = (name: string, ...args: Node[]): Node => call(dot(id('$s'), name), ...args);

function may_be_function(t: Twin, node: Node): boolean {
  switch (node.type) {
    case 'Literal':
    case 'TemplateLiteral':
    case 'UnaryExpression':
    case 'UpdateExpression':
    case 'BinaryExpression':
    case 'ArrayExpression':
    case 'ObjectExpression':
    case 'ThisExpression':
      return false;
    case 'Identifier': {
      const b = t.cx.binding(node);
      if (b === undefined) return node.name !== 'undefined';
      const init: Node | undefined = b.declaration.init;
      return (
        b.kind !== 'const' ||
        b.declaration.id?.type !== 'Identifier' ||
        init === undefined ||
        init === null ||
        b.head !== undefined ||
        may_be_function(t, init)
      );
    }
    default:
      return true;
  }
}

/** The arguments as names, evaluated in order; within the caller's scratch. */
export function held_arguments(t: Twin, nodes: Node[]): Arguments {
  const setup: Node[] = [];
  const functions: Node[] = [];
  const refs = nodes.map((n) => {
    if (n.type === 'SpreadElement') {
      const copied: Node = { type: 'ArrayExpression', elements: [t.scratch(() => t.expr(n))] };
      const list = t.temp();
      setup.push(set(list, copied));
      return { type: 'SpreadElement', argument: list };
    }
    const h = t.hold(n, true);
    setup.push(...h.setup);
    if (may_be_function(t, n)) functions.push(h.ref());
    return h.ref();
  });
  return { setup, refs, functions };
}

/** Where V8 puts a frame of a call: at the callee's last name, or at the parenthesis if it ends in none. */
function call_place(node: Node): Node {
  const callee: Node = node.callee;
  if (callee.type === 'Identifier') return callee;
  if (callee.type === 'MemberExpression' && !callee.computed) return callee.property as Node;
  const end = callee.loc?.end;
  // A callee that is no member, such as esbuild's `(0, x.f)`, stands in parentheses.
  const column = end && (callee.type === 'MemberExpression' ? end.column : end.column + 1);
  return end ? { ...node, loc: { start: { line: end.line, column: column! }, end } } : node;
}

/** An argument that was kept and may be a view: of what is certainly none nothing is asked. */
const may_be_view = (ref: Node): boolean => ref.type === 'Identifier' || ref.type === 'ThisExpression';
/** `ref?.['@addr'] >= $s.objects` */
const lies_in_objects = (ref: Node): Node => {
  const address: Node = { ...dot(ref, ''), property: lit('@addr'), computed: true, optional: true };
  return binary({ type: 'ChainExpression', expression: address }, '>=', dot(id('$s'), 'objects'));
};

export function dispatch(t: Twin, node: Node, callee: Callee, args: Arguments, delegated: boolean): Node {
  const site = lit(t.cx.site(node, 'call', callee.name));
  const where = call_place(node);
  const { fn, self } = callee;
  const with_this = (twin: Node): Node =>
    self === null
      ? call(callee.twins ? twin : bare(twin), ...args.refs)
      : call(dot(twin, 'call'), self(), ...args.refs);
  const g = callee.twins?.g ?? maybe(fn(), '$g');
  const y = callee.twins?.y ?? maybe(fn(), '$y');
  const p = callee.twins?.p ?? is_true(maybe(fn(), '$p'));
  const used = (twin: Node, name: string): Node => (callee.twins ? twin : dot(fn(), name));
  const by_g = at(delegate(with_this(used(g, '$g'))), where);
  const by_y = at(delegate(with_this(used(y, '$y'))), where);
  // For traces: what a method is called on, or the first two arguments.
  const told = self === null ? args.refs.slice(0, 2) : [self(), ...args.refs.slice(0, 1)];
  const pause = both(both(p, k('s', site, place(args.refs, callee.name), ...told)), pause_now());

  const plain_call = at(callee.plain ? callee.plain(args.refs) : with_plain_this(fn, self, args.refs, where), node);
  const checks: Node[] = [];
  if (callee.described !== null)
    checks.push(
      both(
        { type: 'UnaryExpression', operator: '!', prefix: true, argument: is_a(fn(), 'function') },
        k('not_callable', lit(callee.described)),
      ),
    );
  if (t.cx.mode === 'module')
    for (const f of args.functions)
      checks.push(is_function(f) ? k('callback', site, fn()) : both(is_a(f, 'function'), k('callback', site, fn())));
  // After the pause: also what was freed meanwhile.
  const views = !callee.twins
    ? []
    : args.refs.filter(may_be_view).map((a) => both(p, both(lies_in_objects(a), k('view', fn(), a))));
  if (delegated) {
    const value = choose(is_set(g), by_g, seq(...checks, plain_call));
    const stepped = choose(is_set(y), by_y, at(delegate(k('sleeper', site, fn(), value)), where));
    return at(seq(pause, ...views, without_wait(callee, args, at(delegate(plain_call), where), stepped)), node);
  }
  const plain = t.scratch(() => {
    const r = t.temp();
    return seq(...checks, choose(is_a(set(r, plain_call), 'object'), k('result', site, fn(), r), r));
  });
  const stepped = without_wait(callee, args, plain_call, by_g);
  return at(
    seq(pause, ...views, choose(is_set(g), stepped, choose(is_set(y), at(k('undelegated', site, fn()), where), plain))),
    node,
  );
}

/** A primitive with `$w` says from its arguments that it would not wait now: then no generator is made for it. */
function without_wait(callee: Callee, args: Arguments, plain: Node, stepped: Node): Node {
  const w = callee.twins?.w;
  return w === undefined ? stepped : choose(both(is_set(w), call(w, ...args.refs)), plain, stepped);
}
const with_plain_this = (fn: () => Node, self: (() => Node) | null, args: Node[], where: Node): Node =>
  self === null ? call(fn(), ...args) : call(dot(fn(), 'call', where.loc), self(), ...args);

/** `(0, import_x.f)(…)` is how esbuild calls an import without a `this`. */
const without_this = (callee: Node): Node =>
  callee.type === 'SequenceExpression' && callee.expressions.length === 2 && callee.expressions[0].type === 'Literal'
    ? (callee.expressions[1] as Node)
    : callee;

export function call_expression(t: Twin, node: Node, delegated: boolean): Node {
  const callee = without_this(node.callee as Node);
  const cx = t.cx;
  const nodes = node.arguments as Node[];
  if (callee.type === 'Super') cx.refuse(node, 'a constructor cannot be stepped');
  if (callee.type === 'ChainExpression')
    cx.refuse(node, 'a call of an optional chain in parentheses cannot be stepped');
  if (!cx.pauses) return cx.kernel_call(t, node, callee, delegated);
  const name = callee === node.callee ? described(callee).slice(0, 60) : String(callee.property.name);
  const natural = (): Node[] => nodes.map((a) => t.scratch(() => t.expr(a)));

  if (cx.is_raw_access(callee)) return raw_access(t, node, name);

  const b = callee.type === 'Identifier' ? cx.binding(callee) : undefined;
  if (b?.kind === 'function' && !b.assigned) {
    const site = lit(cx.site(node, 'call', name));
    const twin = id(`${name}$${b.declaration.generator ? 'y' : 'g'}`, callee.loc);
    const made = at(delegate(call(twin, ...natural())), node);
    if (b.declaration.generator === delegated) return made;
    if (delegated) return at(delegate(k('sleeper', site, callee, made)), node);
    return at(seq(...natural(), at(k('undelegated', site, callee), call_place(node))), node);
  }
  if (cx.is_harmless(callee) && !delegated) return { ...node, arguments: natural() };

  return t.scratch(() => {
    const imported = cx.imported(callee);
    if (imported !== null) {
      const n = `$i${cx.import_index(imported.namespace, imported.name)}`;
      const args = held_arguments(t, nodes);
      const twins = { g: id(`${n}g`), y: id(`${n}y`), p: id(`${n}p`), w: id(`${n}w`) };
      const plain = (refs: Node[]): Node => ({ ...node, arguments: refs });
      return seq(
        ...args.setup,
        dispatch(t, node, { fn: () => id(n), self: null, name, described: null, twins, plain }, args, delegated),
      );
    }
    if (callee.type === 'MemberExpression') return method_call(t, node, callee, name, delegated);
    const f = t.hold(callee, true);
    const args = held_arguments(t, nodes);
    const text = callee.type === 'Identifier' ? null : described(callee);
    return seq(
      ...f.setup,
      ...args.setup,
      dispatch(t, node, { fn: f.ref, self: null, name, described: text }, args, delegated),
    );
  });
}

/** A raw access in what Linux inlines over the caller's data: a step of its own. */
function raw_access(t: Twin, node: Node, name: string): Node {
  return t.scratch(() => {
    const args = held_arguments(t, node.arguments as Node[]);
    const site = lit(t.cx.site(node, /^(a_)?ld/.test(name) ? 'read' : 'write', name));
    return seq(...args.setup, both(k('s', site, place(args.refs, name), ...args.refs.slice(0, 1)), pause_now()), {
      ...node,
      arguments: args.refs,
    });
  });
}

/** `o.m(…)`: finding the method is no access of shared memory; what `o` itself reads is. */
function method_call(t: Twin, node: Node, callee: Node, name: string, delegated: boolean): Node {
  const is_super = callee.object.type === 'Super';
  if (is_super && t.this_name !== null) t.cx.refuse(node, 'super inside an arrow function cannot be stepped');
  if (callee.property.type === 'PrivateIdentifier') t.cx.refuse(node, 'private methods cannot be stepped');
  const o = is_super
    ? { setup: [], ref: () => t.expr({ type: 'ThisExpression' }) }
    : t.hold(callee.object as Node, true);
  const key = callee.computed
    ? t.hold(callee.property as Node, true)
    : { setup: [], ref: () => callee.property as Node };
  const target = (): Node => ({
    ...callee,
    object: is_super ? callee.object : o.ref(),
    property: key.ref(),
    optional: false,
  });
  const f = t.temp();
  const args = held_arguments(t, node.arguments as Node[]);
  const same_text = o.setup.length === 0 && key.setup.length === 0;
  const text = same_text ? null : described(callee);
  const plain = (refs: Node[]): Node => call(target(), ...refs);
  const made = dispatch(t, node, { fn: () => f, self: o.ref, name, described: text, plain }, args, delegated);
  return seq(...o.setup, ...key.setup, set(f, target()), ...args.setup, made);
}
