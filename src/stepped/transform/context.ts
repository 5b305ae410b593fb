// What one run of the transform carries along: options, scopes, sites, and the refusals it ends in.
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import type { Node } from './ast.js';
import type { Binding, Scopes } from './scope.js';
import type { Twin } from './twin.js';

export type SiteKind = 'read' | 'write' | 'call' | 'loop';

/** A place of the source before which a CPU may pause. Lines and columns count from 1. */
export interface Site {
  id: number;
  file: string;
  line: number;
  column: number;
  kind: SiteKind;
  name: string;
  /** The function that it stands in, '' outside of all that have a name. */
  within: string;
}

/** Primitives that read what their first argument names; the others may write it. */
const READS =
  /^(READ_ONCE|(raw_)?atomic(64|_long)?_read(_acquire)?|smp_load_acquire|rcu_(dereference\w*|access_pointer)|refcount_read|test_bit|list_empty|hlist_empty|(a_)?ld\w*)$/;

/**
 * What is added to twice the address of an object to name the place that a step touches there: a hash of the field's
 * name ('' for the object itself), and 1 if it writes.
 */
export function place_of(name: string, kind: 'read' | 'write'): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) & 0xffffff;
  return 2 * hash + (kind === 'write' ? 1 : 0);
}
/** The same of a call of a primitive: its first argument is the object, a string after that the field. */
export const place_of_call = (callee: string, field: string): number =>
  place_of(field, READS.test(callee) ? 'read' : 'write');

/** The transform met something it cannot step. The subset check names these first, with advice. */
export class Unsteppable extends SyntaxError {
  constructor(
    readonly file: string,
    readonly line: number,
    readonly column: number,
    readonly what: string,
  ) {
    super(`${file}:${line}:${column}: ${what}`);
    this.name = 'Unsteppable';
  }
}

/**
 * module: a module, CommonJS. kernel: a kernel file of which some functions have twins. inline: a kernel file whose
 * functions Linux inlines over the caller's data, stepped like a module.
 */
export type Mode = 'module' | 'kernel' | 'inline';

/** What the kernel's declarations say to one file, see kernel.ts. */
export interface KernelTwins {
  wants(name: string): boolean;
  sleeps(name: string): boolean;
  call(t: Twin, node: Node, callee: Node, delegated: boolean): Node;
  returned(t: Twin, node: Node): Node | null;
}

/** Calls of these globals run in JavaScript alone and call nothing back, whatever they are given. */
const HARMLESS = new Set([
  'Math',
  'Number',
  'BigInt',
  'Boolean',
  'String',
  'isNaN',
  'isFinite',
  'parseInt',
  'parseFloat',
]);
const KNOWN_GLOBALS = new Set([...HARMLESS, 'Array', 'Object', 'JSON', 'Error', 'RangeError', 'TypeError']);

export class Context {
  readonly sites: Site[] = [];
  private readonly known = new Map<Node, Map<string, number>>();
  private readonly trace: TraceMap | null;
  /** Constants of the module's imports, by the name that the compiler gave the namespace: name → index. */
  readonly imports = new Map<string, Map<string, number>>();
  private next_import = 0;
  /** The function whose body is being written. */
  within = '';

  /** Fields, loops and primitives get pauses: in modules, and in what Linux inlines over a module's data. */
  readonly pauses: boolean;
  /** Every function gets a twin, not only the listed ones. */
  readonly twins_everywhere: boolean;

  constructor(
    readonly file: string,
    readonly mode: Mode,
    readonly scopes: Scopes,
    readonly site_base: number,
    input: string | object | undefined,
    private readonly kernel: KernelTwins | null,
  ) {
    this.pauses = mode !== 'kernel';
    this.twins_everywhere = mode !== 'kernel';
    this.trace = input === undefined ? null : new TraceMap(input as string);
  }

  wants_twin(fn: Node, name = fn.id?.name as string | undefined): boolean {
    return this.kernel === null ? true : name !== undefined && this.kernel.wants(name);
  }
  /** `$y` for what is called by `yield*`, else `$g`. */
  twin_key(fn: Node, name = fn.id?.name as string | undefined): '$g' | '$y' {
    if (fn.generator) return '$y';
    return this.kernel !== null && name !== undefined && this.kernel.sleeps(name) ? '$y' : '$g';
  }
  kernel_call(t: Twin, node: Node, callee: Node, delegated: boolean): Node {
    return this.kernel!.call(t, node, callee, delegated);
  }
  /** What `return ready(v)` and `return delegate(g())` of a kernel sleeper return in its twin; null for other values. */
  kernel_return(t: Twin, node: Node): Node | null {
    return this.kernel === null ? null : this.kernel.returned(t, node);
  }

  /** Where `node` is in the source that the user wrote. */
  place(node: Node): { file: string; line: number; column: number } {
    const start = node.loc?.start ?? { line: 1, column: 0 };
    if (this.trace !== null) {
      const p = originalPositionFor(this.trace, start);
      // A module is one bundle with its helper files.
      if (p.line !== null)
        return {
          file: this.mode === 'module' ? (p.source ?? this.file) : this.file,
          line: p.line,
          column: p.column + 1,
        };
    }
    return { file: this.file, line: start.line, column: start.column + 1 };
  }

  /** The site of `node`; the same node printed twice (a closure in a body and in its twin) keeps one number. */
  site(node: Node, kind: SiteKind, name: string): number {
    let of_node = this.known.get(node);
    if (of_node === undefined) this.known.set(node, (of_node = new Map()));
    let number = of_node.get(kind);
    if (number === undefined) {
      number = this.site_base + this.sites.length;
      of_node.set(kind, number);
      this.sites.push({ id: number, ...this.place(node), kind, name, within: this.within });
    }
    return number;
  }

  refuse(node: Node, what: string): never {
    const p = this.place(node);
    throw new Unsteppable(p.file, p.line, p.column, what);
  }

  binding(node: Node): Binding | undefined {
    return this.scopes.of.get(node);
  }
  is_global(node: Node, names: Set<string> = KNOWN_GLOBALS): boolean {
    return (
      node.type === 'Identifier' &&
      this.scopes.of.has(node) &&
      this.binding(node) === undefined &&
      names.has(node.name as string)
    );
  }
  is_harmless(callee: Node): boolean {
    return this.is_global(callee.type === 'MemberExpression' && !callee.computed ? callee.object : callee, HARMLESS);
  }

  /** Number of the constants `$i<n>`, `$i<n>g` … that hold `namespace.name` and its twins. */
  import_index(namespace: string, name: string): number {
    let names = this.imports.get(namespace);
    if (names === undefined) this.imports.set(namespace, (names = new Map()));
    let n = names.get(name);
    if (n === undefined) names.set(name, (n = this.next_import++));
    return n;
  }

  /** The name of the `require` that `node` (a namespace, or another name for it) means. */
  private namespace_of(node: Node): string | null {
    if (node.type !== 'Identifier') return null;
    const b = this.binding(node);
    if (b === undefined || b.assigned || b.owner.type !== 'Program' || b.declaration.type !== 'VariableDeclarator')
      return null;
    if (b.declaration.id.type !== 'Identifier' || b.declaration.init === null) return null;
    const init: Node = b.declaration.init;
    return is_require(init) ? b.name : this.namespace_of(init);
  }
  /**
   * An import of a CommonJS module: `import_x.name` as esbuild writes it, `name` after the loader's
   * `const $m0 = require("x"), name = $m0.name`, or `x.name` of a namespace. The namespace and the name, else null.
   */
  imported(node: Node): { namespace: string; name: string } | null {
    let member = node;
    if (node.type === 'Identifier') {
      const b = this.binding(node);
      if (b?.kind !== 'const' || b.owner.type !== 'Program' || b.declaration.type !== 'VariableDeclarator') return null;
      if (b.declaration.id.type !== 'Identifier') return null;
      member = b.declaration.init as Node;
    }
    if (member?.type !== 'MemberExpression' || member.computed) return null;
    const namespace = this.namespace_of(member.object as Node);
    return namespace === null ? null : { namespace, name: member.property.name as string };
  }
  /** A call of cpu/raw.js in a file that Linux would inline. */
  is_raw_access(callee: Node): boolean {
    if (this.mode !== 'inline' || callee.type !== 'Identifier') return false;
    const b = this.binding(callee);
    return b?.kind === 'import' && /\/cpu\/raw\.js$/.test(b.declaration.parent.source.value as string);
  }
  is_namespace(node: Node): boolean {
    return this.namespace_of(node) !== null;
  }
}

/** `require("x")`, bare or in esbuild's `__toESM(…)`. */
export function is_require(init: Node | null): boolean {
  if (init?.type !== 'CallExpression' || init.callee.type !== 'Identifier') return false;
  if (init.callee.name === 'require') return true;
  return init.callee.name === '__toESM' && is_require((init.arguments as Node[])[0] ?? null);
}
