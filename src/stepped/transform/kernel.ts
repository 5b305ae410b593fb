// The kernel as a call graph: which function a call in one file means, followed through imports, re-exports and
// aliases. From it come the calls inside kernel twins and the check of the declarations in primitives.ts.
import { parse } from 'acorn';
import { posix } from 'node:path';
import {
  at,
  bare,
  call,
  children,
  choose,
  delegate,
  dot,
  id,
  is_function,
  is_set,
  maybe,
  type Node,
  seq,
} from './ast.js';
import { held_arguments } from './calls.js';
import type { KernelTwins } from './context.js';
import { bound_names, Scopes } from './scope.js';
import type { Twin } from './twin.js';

/** A function of the kernel: its file, relative to the root, and its name there. */
export interface FunctionRef {
  file: string;
  name: string;
}
export const key_of = (f: FunctionRef): string => `${f.file}:${f.name}`;

interface KernelFile {
  source: string;
  program: Node;
  scopes: Scopes;
  functions: Map<string, Node>;
  /** `const a = b`: a name for another name. */
  aliases: Map<string, Node>;
  exports: Map<string, { from: string; name: string }>;
  stars: string[];
}

const declared_names = (n: Node): string[] => {
  if (n.type === 'VariableDeclaration')
    return (n.declarations as Node[]).flatMap((d) => [...bound_names(d.id as Node)].map((i) => i.name as string));
  return n.id ? [n.id.name as string] : [];
};

export class KernelGraph {
  readonly files = new Map<string, KernelFile>();
  private readonly sleeping = new Map<string, boolean>();

  /** `sources`: JavaScript (ESM) of every kernel file, by its path from the root, with '/'. */
  constructor(sources: ReadonlyMap<string, string>) {
    for (const [file, source] of sources) {
      const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module', locations: true }) as Node;
      this.files.set(file, this.read(file, source, program));
    }
  }

  private read(file: string, source: string, program: Node): KernelFile {
    const made: KernelFile = {
      source,
      program,
      scopes: new Scopes(program),
      functions: new Map(),
      aliases: new Map(),
      exports: new Map(),
      stars: [],
    };
    const target = (n: Node): string => posix.join(posix.dirname(file), n.source.value as string);
    for (const s of program.body as Node[]) {
      const n: Node = s.type === 'ExportNamedDeclaration' && s.declaration ? s.declaration : s;
      if (n.type === 'FunctionDeclaration') made.functions.set(n.id.name as string, n);
      if (n.type === 'VariableDeclaration') {
        for (const d of n.declarations as Node[]) {
          if (d.id.type !== 'Identifier') continue;
          if (is_function(d.init as Node | null)) made.functions.set(d.id.name as string, d.init as Node);
          else if (n.kind === 'const' && (d.init?.type === 'Identifier' || d.init?.type === 'MemberExpression'))
            made.aliases.set(d.id.name as string, d.init as Node);
        }
      }
      if (s.type === 'ExportAllDeclaration') made.stars.push(target(s));
      if (s.type !== 'ExportNamedDeclaration') continue;
      if (s.declaration) for (const name of declared_names(n)) made.exports.set(name, { from: file, name });
      for (const e of s.specifiers as Node[])
        made.exports.set(e.exported.name as string, {
          from: s.source ? target(s) : file,
          name: e.local.name as string,
        });
    }
    return made;
  }

  /** The function that `file` exports as `name`. */
  private exported(file: string, name: string, seen: string[] = []): FunctionRef | null {
    const f = this.files.get(file);
    const here = `${file}:${name}`;
    if (f === undefined || seen.includes(here)) return null;
    const e = f.exports.get(name);
    if (e !== undefined)
      return e.from === file ? this.local(file, e.name) : this.exported(e.from, e.name, [...seen, here]);
    for (const star of f.stars) {
      const found = this.exported(star, name, [...seen, here]);
      if (found !== null) return found;
    }
    return null;
  }
  /** The function that the top-level name `name` of `file` means. */
  private local(file: string, name: string): FunctionRef | null {
    const f = this.files.get(file)!;
    if (f.functions.has(name)) return { file, name };
    const alias = f.aliases.get(name);
    if (alias !== undefined) return this.resolve(file, alias);
    for (const s of f.program.body as Node[]) {
      if (s.type !== 'ImportDeclaration') continue;
      for (const i of s.specifiers as Node[]) {
        if (i.local.name !== name || i.type !== 'ImportSpecifier') continue;
        return this.exported(posix.join(posix.dirname(file), s.source.value as string), i.imported.name as string);
      }
    }
    return null;
  }
  /**
   * The function that `callee` means in `file`; null if only the running kernel knows. `scopes` are those of the tree
   * that `callee` is a node of.
   */
  resolve(file: string, callee: Node, scopes: Scopes = this.files.get(file)!.scopes): FunctionRef | null {
    if (callee.type === 'Identifier') {
      const b = scopes.of.get(callee);
      return b !== undefined && b.owner.type === 'Program' ? this.local(file, b.name) : null;
    }
    if (callee.type !== 'MemberExpression' || callee.computed || callee.object.type !== 'Identifier') return null;
    const b = scopes.of.get(callee.object as Node);
    if (b?.declaration.type !== 'ImportNamespaceSpecifier') return null;
    for (const s of this.files.get(file)!.program.body as Node[]) {
      if (
        s.type === 'ImportDeclaration' &&
        (s.specifiers as Node[]).some((i) => i.type === 'ImportNamespaceSpecifier' && i.local.name === b.name)
      )
        return this.exported(posix.join(posix.dirname(file), s.source.value as string), callee.property.name as string);
    }
    return null;
  }
  node(f: FunctionRef): Node | undefined {
    return this.files.get(f.file)?.functions.get(f.name);
  }

  /** Whether the function is called by `yield*`: a generator, or one that returns `ready`, `delegate` or such a call. */
  sleeps(f: FunctionRef): boolean {
    const key = key_of(f);
    const known = this.sleeping.get(key);
    if (known !== undefined) return known;
    this.sleeping.set(key, false);
    const n = this.node(f);
    const answer =
      n !== undefined && (Boolean(n.generator) || results(n).some((r) => this.is_sleeping_value(f.file, r)));
    this.sleeping.set(key, answer);
    return answer;
  }
  private is_sleeping_value(file: string, n: Node): boolean {
    if (n.type !== 'CallExpression') return false;
    if (mark(n) !== null) return true;
    const f = this.resolve(file, n.callee as Node);
    return f !== null && this.sleeps(f);
  }

  /** What the transform of one file asks. `twins`: keys of all functions that have twins. */
  of_file(file: string, scopes: Scopes, twins: ReadonlySet<string>): KernelTwins {
    const twin = (callee: Node): FunctionRef | null => {
      const f = this.resolve(file, callee, scopes);
      return f !== null && twins.has(key_of(f)) ? f : null;
    };
    const kernel_call = (t: Twin, node: Node, callee: Node, delegated: boolean): Node => {
      const args = (): Node[] => (node.arguments as Node[]).map((a) => t.scratch(() => t.expr(a)));
      const f = twin(callee);
      if (f !== null) {
        const sleeper = this.sleeps(f);
        if (sleeper !== delegated)
          t.cx.refuse(
            node,
            sleeper ? `${f.name} sleeps: yield* it` : `${f.name} does not sleep: call it without yield*`,
          );
        const key = sleeper ? '$y' : '$g';
        const target =
          f.file === file &&
          callee.type === 'Identifier' &&
          callee.name === f.name &&
          this.node(f)!.type === 'FunctionDeclaration'
            ? id(`${f.name}${this.node(f)!.generator ? '$y' : '$g'}`)
            : bare(dot(callee, key));
        return at(delegate(call(target, ...args())), node);
      }
      if (!is_dynamic(t, callee)) {
        const made: Node = { ...node, callee: t.expr(callee), arguments: args() };
        return delegated ? at(delegate(made), node) : made;
      }
      // A callback: whoever gave it knows whether it has a twin.
      return t.scratch(() => {
        const fn = t.hold(callee, true);
        const held = held_arguments(t, node.arguments as Node[]);
        const key = delegated ? '$y' : '$g';
        const plain = at(call(fn.ref(), ...held.refs), node);
        const stepped = at(delegate(call(bare(dot(fn.ref(), key)), ...held.refs)), node);
        return seq(
          ...fn.setup,
          ...held.setup,
          choose(is_set(maybe(fn.ref(), key)), stepped, delegated ? delegate(plain) : plain),
        );
      });
    };
    const returned = (t: Twin, n: Node): Node | null => {
      if (n.type === 'ConditionalExpression') {
        const yes = returned(t, n.consequent as Node);
        const no = returned(t, n.alternate as Node);
        if (yes === null && no === null) return null;
        return {
          ...n,
          test: t.expr(n.test as Node),
          consequent: yes ?? t.expr(n.consequent as Node),
          alternate: no ?? t.expr(n.alternate as Node),
        };
      }
      if (n.type !== 'CallExpression') return null;
      const argument = (n.arguments as Node[])[0];
      if (mark(n) === 'ready') return argument ? t.expr(argument) : id('undefined');
      if (mark(n) === 'delegate') {
        if (argument?.type !== 'CallExpression') t.cx.refuse(n, 'delegate() takes a call');
        return kernel_call(t, argument, argument.callee as Node, true);
      }
      const f = this.resolve(file, n.callee as Node, scopes);
      return f !== null && this.sleeps(f) ? kernel_call(t, n, n.callee as Node, true) : null;
    };
    return {
      wants: (name) => twins.has(`${file}:${name}`),
      sleeps: (name) => this.sleeps({ file, name }),
      call: kernel_call,
      returned,
    };
  }

  /** Every call of a function in the table `twins` from one that is not in it: [caller or null, callee, place]. */
  *calls_of(
    twins: ReadonlySet<string>,
  ): Generator<{ file: string; caller: string | null; nested: boolean; callee: FunctionRef; node: Node }> {
    for (const [file, f] of this.files) {
      const names = new Map([...f.functions].map(([name, n]) => [n, name]));
      for (const found of this.calls_in(file, f.program, names, null, false))
        if (twins.has(key_of(found.callee))) yield found;
    }
  }
  private *calls_in(
    file: string,
    node: Node,
    names: Map<Node, string>,
    caller: string | null,
    nested: boolean,
  ): Generator<{ file: string; caller: string | null; nested: boolean; callee: FunctionRef; node: Node }> {
    if (is_function(node)) {
      const name = names.get(node);
      if (name !== undefined && caller === null) caller = name;
      else nested = true;
    }
    if (node.type === 'CallExpression') {
      const callee = this.resolve(file, node.callee as Node);
      if (callee !== null) yield { file, caller, nested, callee, node };
    }
    for (const c of children(node)) yield* this.calls_in(file, c, names, caller, nested);
  }
}

const mark = (n: Node): 'ready' | 'delegate' | null =>
  n.callee.type === 'Identifier' && (n.callee.name === 'ready' || n.callee.name === 'delegate')
    ? (n.callee.name as 'ready' | 'delegate')
    : null;

/** The expressions that a function returns, conditionals taken apart. */
function results(fn: Node): Node[] {
  const found: Node[] = [];
  const value = (n: Node): void => {
    if (n.type === 'ConditionalExpression') {
      value(n.consequent as Node);
      value(n.alternate as Node);
    } else found.push(n);
  };
  const look = (n: Node): void => {
    if (is_function(n)) return;
    if (n.type === 'ReturnStatement' && n.argument) value(n.argument as Node);
    else for (const c of children(n)) look(c);
  };
  if (fn.body.type === 'BlockStatement') for (const s of fn.body.body as Node[]) look(s);
  else value(fn.body as Node);
  return found;
}

/** A parameter or a local variable, or the result of a call: `text_at(handle)(…)`. */
function is_dynamic(t: Twin, callee: Node): boolean {
  if (callee.type === 'CallExpression') return true;
  if (callee.type !== 'Identifier') return false;
  const b = t.cx.binding(callee);
  return b !== undefined && b.owner.type !== 'Program';
}
