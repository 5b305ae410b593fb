// Names and what they mean in a JavaScript syntax tree, just enough for the checks and rewrites of modules: which names
// belong to the module's top level, and whether a name used somewhere below is that one or a local of the same name.
// Works on ESTree from acorn and, for the lint rules, from typescript-eslint. Host code; no state.

/** A syntax node. The checks look at many kinds and only at a few fields of each: they are not typed one by one. */
export interface Node {
  type: string;
  start: number;
  end: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [key: string]: any;
}

/** The names of one block, and the blocks around it. The outermost is the module. */
export class Scope {
  readonly names = new Set<string>();
  constructor(readonly outer: Scope | null) {}

  /** The scope that declares `name`, or null if nothing does: a global of JavaScript. */
  find(name: string): Scope | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.outer) if (scope.names.has(name)) return scope;
    return null;
  }
}

/** Called for each node before its children. Return false to leave them out. */
export type Visit = (node: Node, scope: Scope, parents: readonly Node[]) => boolean | void;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;
export const isFunction = (node: Node): boolean =>
  /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
export const isLoop = (node: Node): boolean => /^(For|While|DoWhile|ForIn|ForOf)Statement$/.test(node.type);

/** The nodes directly below `node`. */
export function children(node: Node): Node[] {
  const found: Node[] = [];
  for (const key of Object.keys(node)) {
    if (key === 'parent' || key === 'loc' || key === 'range') continue;
    const value: unknown = node[key];
    if (Array.isArray(value)) found.push(...value.filter(isNode));
    else if (isNode(value)) found.push(value);
  }
  return found;
}

/** The leaves that a pattern declares or assigns: identifiers and, in assignments, member expressions. */
export function targets(pattern: Node | null): Node[] {
  switch (pattern?.type) {
    case undefined:
      return [];
    case 'ObjectPattern':
      return pattern!['properties'].flatMap((p: Node) =>
        targets(p.type === 'RestElement' ? p['argument'] : p['value']),
      );
    case 'ArrayPattern':
      return pattern!['elements'].flatMap((e: Node | null) => targets(e));
    case 'AssignmentPattern':
      return targets(pattern!['left']);
    case 'RestElement':
      return targets(pattern!['argument']);
    case 'TSParameterProperty':
      return targets(pattern!['parameter']);
    default:
      return [pattern!];
  }
}

const namesOf = (pattern: Node | null): string[] =>
  targets(pattern).flatMap((t) => (t.type === 'Identifier' ? [t['name'] as string] : []));

/** Names that statements of a block declare for the block: let, const, class, function, import, enum. */
function declareBlock(statements: Node[], scope: Scope): void {
  for (const statement of statements) {
    const s: Node = /^Export(Named|Default)Declaration$/.test(statement.type)
      ? (statement['declaration'] ?? statement)
      : statement;
    if (s.type === 'VariableDeclaration')
      for (const d of s['declarations']) namesOf(d.id).forEach((n) => scope.names.add(n));
    else if (s.type === 'ImportDeclaration') for (const i of s['specifiers']) scope.names.add(i.local.name);
    else if (isNode(s['id']) && /Declaration$/.test(s.type) && s['id'].type === 'Identifier')
      scope.names.add(s['id']['name']);
  }
}

/** Names that `var` and, in sloppy places, functions declare for the function around them. */
function declareVars(node: Node, scope: Scope): void {
  if (node.type === 'VariableDeclaration' && node['kind'] === 'var')
    for (const d of node['declarations']) namesOf(d.id).forEach((n) => scope.names.add(n));
  if (isFunction(node) || /^Class/.test(node.type)) return;
  for (const child of children(node)) declareVars(child, scope);
}

/** Walks `program` with the names in force at each node. */
export function walk(program: Node, visit: Visit): void {
  const module = new Scope(null);
  declareBlock(program['body'], module);
  for (const statement of program['body']) declareVars(statement, module);
  for (const statement of program['body']) descend(statement, module, [program], visit);
}

function descend(node: Node, scope: Scope, parents: readonly Node[], visit: Visit): void {
  if (visit(node, scope, parents) === false) return;
  let inner = scope;
  if (isFunction(node)) {
    inner = new Scope(scope);
    if (node.type === 'FunctionExpression' && node['id']) inner.names.add(node['id']['name']);
    for (const p of node['params']) namesOf(p).forEach((n) => inner.names.add(n));
    if (isNode(node['body'])) declareVars(node['body'], inner);
  } else if (node.type === 'BlockStatement' || node.type === 'StaticBlock') {
    inner = new Scope(scope);
    declareBlock(node['body'], inner);
  } else if (node.type === 'SwitchStatement') {
    inner = new Scope(scope);
    declareBlock(
      node['cases'].flatMap((c: Node) => c['consequent']),
      inner,
    );
  } else if (isLoop(node)) {
    inner = new Scope(scope);
    const head = node['init'] ?? node['left'];
    if (isNode(head)) declareBlock([head], inner);
  } else if (node.type === 'CatchClause') {
    inner = new Scope(scope);
    namesOf(node['param']).forEach((n) => inner.names.add(n));
  } else if (node.type === 'ClassExpression' && node['id']) {
    inner = new Scope(scope);
    inner.names.add(node['id']['name']);
  }
  const below = [...parents, node];
  for (const child of children(node)) descend(child, inner, below, visit);
}

/** The identifier that a chain of member accesses starts at: `a` of `a.b[c].d`; null if it starts otherwise. */
export function rootOf(node: Node): Node | null {
  let at = node;
  while (at.type === 'MemberExpression' || /^TS(As|NonNull|Satisfies)Expression$|^TSTypeAssertion$/.test(at.type))
    at = at.type === 'MemberExpression' ? at['object'] : at['expression'];
  return at.type === 'Identifier' ? at : null;
}

/** Where the top level declares `name`; esbuild's list of exports at the end of a file has no position of its own. */
export function declarationOf(program: Node, name: string): Node | undefined {
  for (const statement of program['body'] as Node[]) {
    const s: Node = /^Export(Named|Default)Declaration$/.test(statement.type)
      ? (statement['declaration'] ?? statement)
      : statement;
    if (s.type === 'VariableDeclaration') {
      const found = s['declarations'].flatMap((d: Node) => targets(d['id'])).find((t: Node) => t['name'] === name);
      if (found) return found as Node;
    } else if (s['id']?.name === name) return s['id'] as Node;
  }
  return undefined;
}
