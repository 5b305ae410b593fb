// Nodes of the syntax tree as the transform handles them: acorn's, read only, and those it makes. A made node that
// stands for a place of the source carries that place in `loc`; the printer turns it into a mapping.
import type { SourceLocation } from 'acorn';

/** A node of any type. The tree is walked by kind, so its fields are as loose as the tree itself. */
export interface Node {
  type: string;
  loc?: SourceLocation | null | undefined;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any;
}

export const id = (name: string, loc?: Node['loc']): Node => ({ type: 'Identifier', name, loc: loc ?? null });
export const lit = (value: string | number | boolean): Node => ({ type: 'Literal', value });
export const undef = (): Node => ({ type: 'UnaryExpression', operator: 'void', prefix: true, argument: lit(0) });
export const seq = (...parts: Node[]): Node => {
  const expressions = parts.flatMap((p) =>
    p.type === 'SequenceExpression' && !p.loc ? (p.expressions as Node[]) : [p],
  );
  return expressions.length === 1 ? expressions[0]! : { type: 'SequenceExpression', expressions };
};
export const set = (left: Node, right: Node): Node => ({ type: 'AssignmentExpression', operator: '=', left, right });
export const dot = (object: Node, name: string, loc?: Node['loc']): Node => ({
  type: 'MemberExpression',
  object,
  property: id(name, loc),
  computed: false,
  optional: false,
});
/** `(0, f)`: as a callee, called without a `this`; V8 would print `Function.name` for a frame that has one. */
export const bare = (f: Node): Node => ({ type: 'SequenceExpression', expressions: [lit(0), f] });
export const call = (callee: Node, ...args: Node[]): Node => ({
  type: 'CallExpression',
  callee,
  arguments: args,
  optional: false,
});
/** `object?.name` */
export const maybe = (object: Node, name: string): Node => ({
  type: 'ChainExpression',
  expression: { ...dot(object, name), optional: true },
});
export const choose = (test: Node, consequent: Node, alternate: Node): Node => ({
  type: 'ConditionalExpression',
  test,
  consequent,
  alternate,
});
export const binary = (left: Node, operator: string, right: Node): Node => ({
  type: 'BinaryExpression',
  operator,
  left,
  right,
});
export const both = (left: Node, right: Node): Node => ({ type: 'LogicalExpression', operator: '&&', left, right });
export const is_set = (n: Node): Node => binary(n, '!==', undef());
export const is_true = (n: Node): Node => binary(n, '===', lit(true));
export const is_a = (n: Node, type: string): Node =>
  binary({ type: 'UnaryExpression', operator: 'typeof', prefix: true, argument: n }, '===', lit(type));
export const delegate = (argument: Node, loc?: Node['loc']): Node => ({
  type: 'YieldExpression',
  delegate: true,
  argument,
  loc: loc ?? null,
});
/** `yield 0`: the pause itself. */
export const pause_now = (): Node => ({ type: 'YieldExpression', delegate: false, argument: lit(0) });
export const statement = (expression: Node): Node => ({ type: 'ExpressionStatement', expression });
export const block = (body: Node[]): Node => ({ type: 'BlockStatement', body });
export const declare = (kind: string, declarations: [Node, Node | null][]): Node => ({
  type: 'VariableDeclaration',
  kind,
  declarations: declarations.map(([i, init]) => ({ type: 'VariableDeclarator', id: i, init })),
});
export const at = (made: Node, from: Node): Node => ({ ...made, loc: from.loc ?? null });

export const is_function = (n: Node | null | undefined): boolean =>
  n?.type === 'FunctionExpression' || n?.type === 'ArrowFunctionExpression' || n?.type === 'FunctionDeclaration';

/** The child nodes of `node`, in source order as far as acorn lists them so. */
export function* children(node: Node): Generator<Node> {
  for (const key in node) {
    if (key === 'loc') continue;
    const v: unknown = node[key];
    if (Array.isArray(v)) {
      for (const c of v)
        if (c !== null && typeof c === 'object' && typeof (c as Node).type === 'string') yield c as Node;
    } else if (v !== null && typeof v === 'object' && typeof (v as Node).type === 'string') yield v as Node;
  }
}

/** The source of `node` as V8 writes it into "… is not a function" and its kin. */
export function described(node: Node): string {
  switch (node.type) {
    case 'Identifier':
      return node.name as string;
    case 'ThisExpression':
      return 'this';
    case 'Super':
      return 'super';
    case 'Literal':
      return typeof node.value === 'string' ? `"${node.value}"` : String(node.raw ?? node.value);
    case 'MemberExpression':
      return node.computed
        ? `${described(node.object as Node)}[${described(node.property as Node)}]`
        : node.object.type === 'Super'
          ? `(intermediate value).${node.property.name}`
          : `${described(node.object as Node)}${node.optional ? '?.' : '.'}${node.property.name}`;
    case 'ChainExpression':
      return described(node.expression as Node);
    case 'CallExpression':
      return `${described(node.callee as Node)}(...)`;
    case 'SequenceExpression':
      return `(${(node.expressions as Node[]).map(described).join(' , ')})`;
    default:
      return '(intermediate value)';
  }
}
