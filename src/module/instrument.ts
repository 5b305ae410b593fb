// From the module as esbuild bundles it (one ES module) to what a CPU evaluates (CommonJS: only `Module._compile` keeps
// source-mapped stacks in a busy worker). Two outputs of the same kind:
//   stepped   imports, exports and the names of static data; the transform of src/stepped adds its twins to it
//   free      the same, and a poll at each loop back-edge, and the check for calls that sleep without `yield*`
// No line moves; columns are kept by the source map. Host code; no state.
//
// The generated code calls the runtime of the loader, `require('lockstep:runtime')`, see ModuleRuntime.
import remapping from '@jridgewell/remapping';
import { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';
import { parse } from 'acorn';
import MagicString from 'magic-string';
import { DEFINES, isHeader } from './allowed.js';
export { isBuiltinIterator } from './builtin-iterators.js';
import { isWrapper, unwrap } from './names.js';
import { isFunction, isLoop, rootOf, walk, type Node } from './scope.js';

/** JavaScript and the source map (version 3, JSON) that leads to the TypeScript. */
export interface Generated {
  code: string;
  map: string;
}

/** What instrumented code expects of `require('lockstep:runtime')`, on every CPU. */
export interface ModuleRuntime {
  /** The accessors' holder: `heap.I32[heap.pending]` is this CPU's pending word. Only in the free-running build. */
  heap: { I32: Int32Array; pending: number };
  /** Takes interrupts; called when the pending word is not 0. Only in the free-running build. */
  step_slow(): void;
  /**
   * A call gave an object with a `next` method and nothing delegated to it. Stops with an oops that says
   * `callee` sleeps and is called without yield*; returns the value if it is no sleeper after all, see
   * isBuiltinIterator. Only in the free-running build: the stepped one looks for itself.
   */
  undelegated(value: object, callee: string): unknown;
  /** The next DEFINE_* that is evaluated makes the static data of this name. */
  def(name: string): void;
  /** The exported functions, each before anything of the module runs that could refer to it. */
  text(name: string, fn: (...args: never[]) => unknown): void;
}

const POLL = 'if ($h.I32[$h.pending] !== 0) $k.step_slow();';
/** A struct view is let through before `next` is touched: reading a field is an access to the machine's memory. */
const CHECK =
  "$c = (t, n) => typeof t !== 'object' || t === null || t['@addr'] !== undefined || " +
  "typeof t.next !== 'function' || t.$cursor === true ? t : $k.undelegated(t, n)";

/** The module for the stepped transform: CommonJS, static data named, nothing else added. */
export function toCommonJs(esm: Generated, file: string): Generated {
  return new Rewrite(esm).commonJs("const $k = require('lockstep:runtime');").result(file);
}

/** The module for the free-running build. */
export function instrument(esm: Generated, file: string): Generated {
  return new Rewrite(esm)
    .polls()
    .sleepingCalls()
    .commonJs(`const $k = require('lockstep:runtime'), $h = $k.heap, ${CHECK};`)
    .result(file);
}

/** The names of the exported functions of a bundle, in source order. */
export function exportedFunctions(esm: Generated): string[] {
  return new Rewrite(esm).exportedFunctions().map((f) => f.name);
}

/** Appends the map to the code, where `Module._compile` looks for it. */
export const withInlineMap = ({ code, map }: Generated): string =>
  `${code}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}\n`;

/**
 * The module as a function that a CPU calls at each load: `module.exports = (require, module, exports) => { ... }`. What
 * `Module._compile` compiles lives as long as the machine (a CPU's thread never comes to the end of its job, and until
 * then Node's table of source maps keeps it alive), so it must not be compiled anew each time.
 */
export function asFactory({ code, map }: Generated): Generated {
  const { mappings, ...rest } = JSON.parse(map) as { mappings: string };
  return {
    code: `module.exports = (require, module, exports) => {\n${code}\n};`,
    map: JSON.stringify({ ...rest, mappings: `;${mappings}` }),
  };
}

class Rewrite {
  private readonly program: Node;
  private readonly out: MagicString;
  private readonly trace: TraceMap;
  private readonly lineStarts: number[] = [0];
  /** Local name -> name in a kernel header. */
  private readonly imports = new Map<string, string>();

  constructor(private readonly esm: Generated) {
    this.program = parse(esm.code, { ecmaVersion: 'latest', sourceType: 'module' }) as unknown as Node;
    this.out = new MagicString(esm.code);
    this.trace = new TraceMap(esm.map);
    for (let at = esm.code.indexOf('\n'); at >= 0; at = esm.code.indexOf('\n', at + 1)) this.lineStarts.push(at + 1);
    for (const s of this.program['body'] as Node[])
      if (s.type === 'ImportDeclaration' && isHeader(s['source'].value))
        for (const i of s['specifiers'])
          if (i.type === 'ImportSpecifier') this.imports.set(i.local.name, i.imported.name);
  }

  /** A loop without shared access must still take interrupts: a poll at the head of each loop's body. */
  polls(): this {
    walk(this.program, (node) => {
      if (!isLoop(node)) return;
      const body: Node = node['body'];
      if (body.type === 'BlockStatement') this.out.appendRight(body.start + 1, ` ${POLL}`);
      else if (body.type === 'EmptyStatement') this.out.update(body.start, body.end, `{ ${POLL} }`);
      else {
        this.out.prependLeft(body.start, `{ ${POLL} `);
        this.out.appendRight(body.end, ' }');
      }
    });
    return this;
  }

  /**
   * Wraps each call in `$c(call, 'callee')` that stops when the call gave a generator which nothing delegates to.
   * Left out: the operand of `yield*`; plain functions of the module itself (all calls inside them are checked, so they
   * can't return one); what the top level evaluates; all but the outermost call of an optional chain.
   */
  sleepingCalls(): this {
    const plain = this.plainFunctions();
    const delegated = new Set<Node>();
    walk(this.program, (node, scope, parents) => {
      if (node.type === 'YieldExpression' && node['delegate'])
        this.results(node['argument']).forEach((n) => delegated.add(n));
      const isCall = node.type === 'CallExpression' || node.type === 'TaggedTemplateExpression';
      if (!isCall || !parents.some(isFunction) || delegated.has(node)) return;
      const callee: Node = node['callee'] ?? node['tag'];
      if (callee.type === 'Super') return;
      if (callee.type === 'Identifier' && plain.has(callee['name']) && scope.find(callee['name'])?.outer === null)
        return;
      let wrapped = node;
      if (parents.at(-1)!.type === 'ChainExpression') wrapped = parents.at(-1)!;
      else if (insideChain(node, parents)) return;
      if (delegated.has(wrapped)) return;
      const name = this.textOf(callee).replace(/\s+/g, ' ').slice(0, 60);
      this.out.appendLeft(wrapped.start, '$c(');
      this.out.prependRight(wrapped.end, `, ${JSON.stringify(name)})`);
    });
    return this;
  }

  /** An identifier's name in the source: esbuild renames what would collide in the bundle. */
  private nameOf(identifier: Node): string {
    let line = this.lineStarts.findIndex((start) => start > identifier.start);
    if (line < 0) line = this.lineStarts.length;
    const at = originalPositionFor(this.trace, { line, column: identifier.start - this.lineStarts[line - 1]! });
    return at.name ?? (identifier['name'] as string);
  }

  /** A callee as the source has it. */
  private textOf(callee: Node): string {
    const root = rootOf(callee);
    if (root === null || root.start !== callee.start) return this.esm.code.slice(callee.start, callee.end);
    return this.nameOf(root) + this.esm.code.slice(root.end, callee.end);
  }

  /** The expressions whose value an expression may have: `a ? f() : g()` has that of f() or of g(). */
  private results(n: Node): Node[] {
    if (n.type === 'ConditionalExpression') return [...this.results(n['consequent']), ...this.results(n['alternate'])];
    if (n.type === 'LogicalExpression') return [...this.results(n['left']), ...this.results(n['right'])];
    if (n.type === 'SequenceExpression') return this.results(n['expressions'].at(-1));
    if (n.type === 'AssignmentExpression' && n['operator'] === '=') return this.results(n['right']);
    if (n.type === 'ChainExpression') return [n, n['expression']];
    return [n];
  }

  /** Functions of the top level that are no generators, and whose name always means them. */
  private plainFunctions(): Set<string> {
    const found = new Set<string>();
    for (const s of this.program['body'] as Node[]) {
      if (s.type === 'FunctionDeclaration' && !s['generator'] && !s['async']) found.add(s['id'].name);
      if (s.type === 'VariableDeclaration')
        for (const d of s['declarations'])
          if (d.id.type === 'Identifier' && d.init && isFunction(d.init) && !d.init.generator && !d.init.async)
            found.add(d.id.name);
    }
    walk(this.program, (node) => {
      if (node.type === 'AssignmentExpression' && node['left'].type === 'Identifier') found.delete(node['left'].name);
    });
    return found;
  }

  exportedFunctions(): { name: string; local: string; hoisted: boolean; at: number }[] {
    const functions = new Map<string, { hoisted: boolean; at: number }>();
    for (const s of this.program['body'] as Node[]) {
      if (s.type === 'FunctionDeclaration') functions.set(s['id'].name, { hoisted: true, at: s.start });
      if (s.type === 'VariableDeclaration')
        for (const d of s['declarations'])
          if (d.id.type === 'Identifier' && d.init && isFunction(d.init))
            functions.set(d.id.name, { hoisted: false, at: s.end });
    }
    return this.exports()
      .flatMap(({ name, local }) => (functions.has(local) ? [{ name, local, ...functions.get(local)! }] : []))
      .sort((a, b) => a.at - b.at);
  }

  private exports(): { name: string; local: string }[] {
    return (this.program['body'] as Node[])
      .filter((s) => s.type === 'ExportNamedDeclaration' && !s['source'])
      .flatMap((s) => s['specifiers'].map((e: Node) => ({ name: e['exported'].name, local: e['local'].name })));
  }

  /**
   * Imports become requires on the first line, exports assignments on the last; exported functions are announced
   * before anything of the module runs, static data before it is defined. `head` goes first.
   */
  commonJs(head: string): this {
    const first: string[] = ['"use strict";', head];
    let n = 0;
    for (const s of this.program['body'] as Node[]) {
      if (s.type === 'ImportDeclaration') {
        first.push(this.requireFor(s, n++));
        this.blank(s);
      } else if (s.type === 'ExportNamedDeclaration') this.blank(s);
      else if (s.type === 'VariableDeclaration') {
        if (this.isConstant(s)) this.out.update(s.start, s.start + 3, 'const');
        for (const d of s['declarations']) this.nameDefinition(d);
      }
    }
    for (const f of this.exportedFunctions()) {
      const announce = `$k.text(${JSON.stringify(f.name)}, ${f.local});`;
      if (f.hoisted) first.push(announce);
      else this.out.appendRight(f.at, ` ${announce}`);
    }
    this.out.prepend(`${first.join(' ')} `);
    this.out.append(
      this.exports()
        .map(({ name, local }) => `exports.${name} = ${local};`)
        .join(' '),
    );
    return this;
  }

  /**
   * esbuild's bundles have `var` for every declaration of the top level. All that a module may have there are
   * constants, and V8 folds those into optimised code only if they say so. Enums refer to themselves.
   */
  private isConstant(s: Node): boolean {
    return s['kind'] === 'var' && s['declarations'].every((d: Node) => d['init'] && !isWrapper(unwrap(d['init'])));
  }

  private requireFor(s: Node, n: number): string {
    const from = JSON.stringify(s['source'].value);
    if (s['specifiers'].length === 0) return `require(${from});`;
    const parts = s['specifiers'].map((i: Node) => {
      if (i.type === 'ImportNamespaceSpecifier') return `${i['local'].name} = $m${n}`;
      return `${i['local'].name} = $m${n}.${i.type === 'ImportDefaultSpecifier' ? 'default' : (i['imported'].name ?? i['imported'].value)}`;
    });
    return `const $m${n} = require(${from}), ${parts.join(', ')};`;
  }

  /** Takes a statement away; its line ends stay, so that no line moves. */
  private blank(s: Node): void {
    const lines = this.esm.code.slice(s.start, s.end).replace(/[^\n]/g, '');
    if (lines === '') this.out.remove(s.start, s.end);
    else this.out.update(s.start, s.end, lines);
  }

  /** `x = DEFINE_MUTEX()` becomes `x = ($k.def("x"), DEFINE_MUTEX())`. */
  private nameDefinition(d: Node): void {
    const callee = d['init']?.type === 'CallExpression' ? d['init'].callee : null;
    if (callee === null || d['id'].type !== 'Identifier') return;
    const name =
      callee.type === 'Identifier'
        ? this.imports.get(callee.name)
        : callee.type === 'MemberExpression'
          ? callee.property.name
          : undefined;
    if (name === undefined || !DEFINES.test(name)) return;
    this.out.appendLeft(d['init'].start, `($k.def(${JSON.stringify(this.nameOf(d['id']))}), `);
    this.out.appendRight(d['init'].end, ')');
  }

  result(file: string): Generated {
    const own = this.out.generateMap({ source: file, hires: 'boundary', includeContent: false });
    const whole = remapping([own.toString(), this.esm.map], () => null);
    return { code: this.out.toString(), map: JSON.stringify(whole) };
  }
}

/** True if the call is a link of an optional chain further out: wrapping it would end the chain there. */
function insideChain(node: Node, parents: readonly Node[]): boolean {
  let at = node;
  for (let i = parents.length - 1; i >= 0; i--) {
    const parent = parents[i]!;
    if (parent.type === 'ChainExpression') return true;
    const link =
      (parent.type === 'MemberExpression' && parent['object'] === at) ||
      (parent.type === 'CallExpression' && parent['callee'] === at);
    if (!link) return false;
    at = parent;
  }
  return false;
}
