// Destructuring, taken apart into the reads it stands for, in JavaScript's order; each read of a shared field pauses.
import {
  binary,
  call,
  choose,
  described,
  dot,
  id,
  is_function,
  lit,
  type Node,
  seq,
  set,
  statement,
  undef,
} from './ast.js';
import { named_function } from './attach.js';
import { named_value, read_of } from './access.js';
import { PARAMETER } from './runtime.js';
import type { Twin } from './twin.js';

/** Receives one target of a pattern and its value. */
type Bind = (target: Node, value: Node) => void;
/** Keeps a value under a name: declares a constant, or assigns a temporary. */
type Keep = (value: Node) => Node;

const k = (name: string, ...args: Node[]): Node => call(dot(id('$s'), name), ...args);

/** What V8 names in "Cannot destructure property 'a' of 'x'". */
const first_property = (pattern: Node): string => {
  const p = pattern.properties[0] as Node | undefined;
  return p?.type === 'Property' && !p.computed ? String(p.key.name ?? p.key.value) : '';
};

function take(t: Twin, pattern: Node, value: Node, text: string, bind: Bind, keep: Keep): void {
  switch (pattern.type) {
    case 'AssignmentPattern': {
      const left: Node = pattern.left;
      const v = keep(value);
      const fallback = t.scratch(() =>
        named_value(t, pattern.right as Node, left.type === 'Identifier' ? (left.name as string) : ''),
      );
      take(t, left, choose(binary(v, '===', undef()), fallback, v), text, bind, keep);
      return;
    }
    case 'ObjectPattern': {
      const o = keep(k('object', value, lit(text), lit(first_property(pattern))));
      for (const p of pattern.properties as Node[]) {
        if (p.type === 'RestElement') t.cx.refuse(p, 'a rest of fields cannot be stepped: name the fields');
        const key = p.computed ? keep(t.scratch(() => t.expr(p.key as Node))) : (p.key as Node);
        const computed = Boolean(p.computed) || p.key.type === 'Literal';
        take(
          t,
          p.value as Node,
          read_of(t, () => o, key, computed, p),
          '',
          bind,
          keep,
        );
      }
      return;
    }
    case 'ArrayPattern': {
      const list = keep(k('list', lit(0), value));
      (pattern.elements as (Node | null)[]).forEach((e, i) => {
        if (e === null) return;
        if (e.type === 'RestElement') take(t, e.argument as Node, call(dot(list, 'slice'), lit(i)), '', bind, keep);
        else
          take(
            t,
            e,
            { type: 'MemberExpression', object: list, property: lit(i), computed: true, optional: false },
            '',
            bind,
            keep,
          );
      });
      return;
    }
    default:
      bind(pattern, value);
  }
}

/** A declaration with its patterns taken apart: one statement, unless `split` lets functions get their twins after it. */
export function declared(t: Twin, node: Node, split = false): Node[] {
  const statements: Node[] = [];
  let out: Node[] = [];
  const flush = (): void => {
    if (out.length > 0)
      statements.push({ type: 'VariableDeclaration', kind: node.kind, declarations: out, loc: node.loc });
    out = [];
  };
  for (const d of node.declarations as Node[]) {
    const given: Node | null = d.init;
    if (d.id.type === 'Identifier') {
      if (split && is_function(given) && !given!.id && t.cx.twins_everywhere) {
        const f = named_function(t.cx, given!, d.id as Node);
        out.push({ type: 'VariableDeclarator', id: d.id, init: f.value, loc: d.loc });
        flush();
        statements.push(statement(f.then));
        continue;
      }
      // `made`: the value in a `for … of` is the transform's own.
      const init = given === null || d.made ? given : t.scratch(() => named_value(t, given, d.id.name as string));
      out.push({ type: 'VariableDeclarator', id: d.id, init, loc: d.loc });
    } else {
      const init = d.made ? given! : t.scratch(() => t.expr(given!));
      take(t, d.id as Node, init, d.made ? '.for' : described(given!), ...declaring(t, out));
    }
  }
  flush();
  return statements;
}
function declaring(t: Twin, out: Node[]): [Bind, Keep] {
  return [
    (target, value) => out.push({ type: 'VariableDeclarator', id: target, init: value, loc: target.loc }),
    (value) => {
      if (value.type === 'Identifier' && (value.name as string).startsWith('$')) return value;
      const name = t.fresh();
      out.push({ type: 'VariableDeclarator', id: name, init: value });
      return name;
    },
  ];
}

/** The parameter list of a twin, and the statements that stand for its patterns and defaults: a generator may not yield there. */
export function parameters(t: Twin, params: Node[]): { params: Node[]; head: Node[] } {
  const head: Node[] = [];
  const out = params.map((p) => {
    if (p.type === 'Identifier') return p;
    if (p.type === 'RestElement') {
      if (p.argument.type === 'Identifier') return p;
      const rest = t.fresh();
      head.push(...pattern_statements(t, p.argument as Node, rest));
      return { ...p, argument: rest };
    }
    if (p.type === 'AssignmentPattern' && p.left.type === 'Identifier') {
      const name: Node = p.left;
      const value = t.scratch(() => named_value(t, p.right as Node, name.name as string));
      head.push({
        type: 'IfStatement',
        test: binary(name, '===', undef()),
        consequent: { type: 'ExpressionStatement', expression: set(name, value) },
        alternate: null,
      });
      return name;
    }
    const given = t.fresh();
    head.push(...pattern_statements(t, p, given));
    return given;
  });
  return { params: out, head };
}
function pattern_statements(t: Twin, pattern: Node, value: Node): Node[] {
  const out: Node[] = [];
  take(t, pattern, value, PARAMETER, ...declaring(t, out));
  return out.length === 0 ? [] : [{ type: 'VariableDeclaration', kind: 'var', declarations: out }];
}

/** `[a, o.b] = value`: the value of the whole is the value of the right side. */
export function assigned_pattern(t: Twin, node: Node): Node {
  return t.scratch(() => {
    const whole = t.hold(node.right as Node, true);
    const out: Node[] = [...whole.setup];
    const keep: Keep = (value) => {
      if (value.type === 'Identifier' && (value.name as string).startsWith('$')) return value;
      const v = t.temp();
      out.push(set(v, value));
      return v;
    };
    const bind: Bind = (target, value) => {
      if (target.type !== 'Identifier')
        t.cx.refuse(target, 'a pattern may only assign to variables: assign fields one by one');
      out.push({ ...set(target, value), loc: target.loc });
    };
    take(t, node.left as Node, whole.ref(), described(node.right as Node), bind, keep);
    return seq(...out, whole.ref());
  });
}
