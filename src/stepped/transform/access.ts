// Reads and writes of fields, with their pauses. A pause stands directly before the access it belongs to, after
// everything that JavaScript evaluates before that access.
import { at, binary, choose, described, is_function, type Node, seq, set, undef } from './ast.js';
import { function_expression, named_function } from './attach.js';
import { dispatch, held_arguments } from './calls.js';
import { assigned_pattern } from './patterns.js';
import type { Held, Twin } from './twin.js';

const LOCAL = new Set([
  'ArrayExpression',
  'ObjectExpression',
  'TemplateLiteral',
  'Literal',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassExpression',
]);

/** Whether the fields of `node` are certainly not shared memory: no check is needed at run time. */
function never_shared(t: Twin, node: Node): boolean {
  if (LOCAL.has(node.type) || t.cx.is_global(node)) return true;
  if (node.type !== 'Identifier') return false;
  const b = t.cx.binding(node);
  if (b === undefined || b.assigned) return false;
  if (b.kind === 'function' || b.kind === 'class') return true;
  if (b.kind === 'import') return b.declaration.type === 'ImportNamespaceSpecifier';
  if (b.declaration.type !== 'VariableDeclarator' || b.declaration.id.type !== 'Identifier') return false;
  const init: Node | null = b.declaration.init;
  return b.head === undefined && init !== null && (LOCAL.has(init.type) || t.cx.is_namespace(node));
}

/** Name of the field for reports. */
export const field_name = (node: Node): string =>
  node.computed ? (node.property.type === 'Literal' ? String(node.property.value) : '[]') : String(node.property.name);

/** The field's name where the source has it. */
const field_key = (node: Node): string | null =>
  node.computed
    ? typeof node.property.value === 'string'
      ? (node.property.value as string)
      : null
    : (node.property.name as string);

/** The property of a member expression: a name, or a key that is evaluated once. */
function key(t: Twin, node: Node, across: boolean): Held {
  if (node.property.type === 'PrivateIdentifier') t.cx.refuse(node, 'private fields cannot be stepped');
  return node.computed ? t.hold(node.property as Node, across) : { setup: [], ref: () => node.property as Node };
}

interface Place {
  setup: Node[];
  /** The object whose sharing decides about the pause. */
  object: () => Node;
  target: () => Node;
}

/** The object and key of a member expression, each evaluated once, in order; within the caller's scratch. */
function place(t: Twin, node: Node, across: boolean): Place {
  const over_key = node.computed && !t.stable(node.property as Node, true);
  const o: Held =
    node.object.type === 'Super'
      ? { setup: [], ref: () => t.expr({ type: 'ThisExpression' }) }
      : t.hold(node.object as Node, across || over_key);
  const k = key(t, node, across);
  return {
    setup: [...o.setup, ...k.setup],
    object: o.ref,
    target: () => ({
      ...node,
      object: node.object.type === 'Super' ? node.object : o.ref(),
      property: k.ref(),
      optional: false,
    }),
  };
}

/** A view's own address, `view['@addr']`, is a constant of the view, not memory. */
const is_address = (node: Node): boolean =>
  node.computed && node.property.type === 'Literal' && String(node.property.value).startsWith('@');

export function member(t: Twin, node: Node): Node {
  if (node.object.type === 'Super' && t.this_name !== null)
    t.cx.refuse(node, 'super inside an arrow function cannot be stepped');
  if (!t.cx.pauses || is_address(node) || never_shared(t, node.object as Node)) {
    return {
      ...node,
      object: t.scratch(() => t.expr(node.object as Node)),
      property: node.computed ? t.scratch(() => t.expr(node.property as Node)) : node.property,
    };
  }
  return t.scratch(() => {
    const p = place(t, node, false);
    return at(
      seq(
        ...p.setup,
        t.pause(p.object(), t.cx.site(node, 'read', field_name(node)), 'read', field_name(node), field_key(node)),
        p.target(),
      ),
      node,
    );
  });
}

/** The read of a named or computed property of a held value: for patterns. */
export function read_of(t: Twin, object: () => Node, property: Node, computed: boolean, from: Node): Node {
  const target: Node = {
    type: 'MemberExpression',
    object: object(),
    property,
    computed,
    optional: false,
    loc: from.loc ?? null,
  };
  if (!t.cx.pauses) return target;
  return seq(
    t.pause(object(), t.cx.site(from, 'read', field_name(target)), 'read', field_name(target), field_key(target)),
    target,
  );
}

/** An anonymous function that is assigned to a name gets that name. */
export const named_value = (t: Twin, value: Node, name: string): Node =>
  is_function(value) && !value.id ? function_expression(t.cx, value, name) : t.expr(value);

export function assignment(t: Twin, node: Node): Node {
  const left: Node = node.left;
  const right: Node = node.right;
  const operator = node.operator as string;
  if (left.type === 'ObjectPattern' || left.type === 'ArrayPattern') return assigned_pattern(t, node);
  if (left.type === 'Identifier') {
    if (!is_function(right) || right.id || operator !== '=' || !t.cx.twins_everywhere)
      return { ...node, right: t.scratch(() => t.expr(right)) };
    const f = named_function(t.cx, right, left);
    return seq({ ...node, right: f.value }, f.then, left);
  }
  if (left.object.type === 'Super' && t.this_name !== null)
    t.cx.refuse(left, 'super inside an arrow function cannot be stepped');
  if (!t.cx.pauses || (left.object.type !== 'Super' && never_shared(t, left.object as Node))) {
    return { ...node, left: t.scratch(() => member(t, left)), right: t.scratch(() => t.expr(right)) };
  }
  return t.scratch(() => {
    const p = place(t, left, true);
    const name = field_name(left);
    const write = (value: Node): Node => at(set(p.target(), value), node);
    const before_write = (): Node => t.pause(p.object(), t.cx.site(left, 'write', name), 'write', name);
    if (operator === '=') {
      const v = t.hold(right, true);
      return seq(...p.setup, ...v.setup, before_write(), write(v.ref()));
    }
    const before_read = t.pause(p.object(), t.cx.site(left, 'read', name), 'read', name);
    const value = t.scratch(() => t.expr(right));
    const v = t.temp();
    if (operator === '&&=' || operator === '||=' || operator === '??=') {
      const then = seq(set(v, value), before_write(), write(v));
      const logical: Node = {
        type: 'LogicalExpression',
        operator: operator.slice(0, -1),
        left: at(set(v, p.target()), left),
        right: then,
      };
      return seq(...p.setup, before_read, logical);
    }
    const sum = at(binary(p.target(), operator.slice(0, -1), value), node);
    return seq(...p.setup, before_read, set(v, sum), before_write(), write(v));
  });
}

export function update(t: Twin, node: Node, unused: boolean): Node {
  const left: Node = node.argument;
  if (left.type === 'Identifier') return node;
  if (!t.cx.pauses || (left.object.type !== 'Super' && never_shared(t, left.object as Node)))
    return { ...node, argument: member(t, left) };
  if (left.object.type === 'Super' && t.this_name !== null)
    t.cx.refuse(left, 'super inside an arrow function cannot be stepped');
  return t.scratch(() => {
    const p = place(t, left, true);
    const name = field_name(left);
    const v = t.temp();
    // On the temporary, so that numbers and bigints are counted as JavaScript counts them.
    const counted = (prefix: boolean): Node => ({
      type: 'UpdateExpression',
      operator: node.operator,
      prefix,
      argument: v,
    });
    const parts = [
      ...p.setup,
      t.pause(p.object(), t.cx.site(left, 'read', name), 'read', name),
      set(v, at(p.target(), left)),
    ];
    const before_write = t.pause(p.object(), t.cx.site(left, 'write', name), 'write', name);
    const write = at(set(p.target(), v), node);
    if (node.prefix || unused) return seq(...parts, counted(true), before_write, write);
    const old = t.temp();
    return seq(...parts, set(old, counted(false)), before_write, write, old);
  });
}

/**
 * `a?.b.c(d)`: the links are walked from the inside; where an optional one meets null, the rest of the chain is skipped
 * and the whole is undefined.
 */
export function chain(t: Twin, node: Node): Node {
  const links: Node[] = [];
  for (let n: Node = node.expression; ;) {
    links.unshift(n);
    const below: Node = n.type === 'CallExpression' ? n.callee : n.object;
    if ((below.type !== 'CallExpression' && below.type !== 'MemberExpression') || !has_optional(below)) {
      // The innermost optional call of a method needs its object: `o.m?.()`
      if (n.type === 'CallExpression' && below.type === 'MemberExpression') {
        links.unshift(below);
        return t.scratch(() => begin(t, links, below.object as Node));
      }
      return t.scratch(() => begin(t, links, below));
    }
    n = below;
  }
}
const has_optional = (n: Node): boolean => {
  if (n.type !== 'CallExpression' && n.type !== 'MemberExpression') return false;
  return n.optional === true || has_optional((n.type === 'CallExpression' ? n.callee : n.object) as Node);
};
function begin(t: Twin, links: Node[], base: Node): Node {
  if (base.type === 'Super') t.cx.refuse(base, 'super in an optional chain cannot be stepped');
  const b = t.hold(base, true);
  return seq(...b.setup, link(t, links, 0, b.ref, null));
}
function link(t: Twin, links: Node[], i: number, value: () => Node, self: (() => Node) | null): Node {
  const n = links[i]!;
  const last = i === links.length - 1;
  const rest = (made: Node, next_self: (() => Node) | null): Node => {
    if (last) return made;
    const v = t.temp();
    return seq(
      set(v, made),
      link(t, links, i + 1, () => v, next_self),
    );
  };
  let made: Node;
  if (n.type === 'MemberExpression') {
    const k = key(t, n, true);
    const target = at(
      { type: 'MemberExpression', object: value(), property: k.ref(), computed: n.computed, optional: false },
      n,
    );
    const is_method = !last && links[i + 1]!.type === 'CallExpression';
    const pause =
      t.cx.pauses && !is_method
        ? [t.pause(value(), t.cx.site(n, 'read', field_name(n)), 'read', field_name(n), field_key(n))]
        : [];
    made = rest(seq(...k.setup, ...pause, target), is_method ? value : null);
  } else {
    const args = held_arguments(t, n.arguments as Node[]);
    const made_call = dispatch(
      t,
      n,
      { fn: value, self, name: described(n.callee as Node).slice(0, 60), described: null },
      args,
      false,
    );
    made = rest(seq(...args.setup, made_call), null);
  }
  return n.optional
    ? choose(binary(value(), '==', { type: 'Literal', value: null, raw: 'null' }), undef(), made)
    : made;
}
