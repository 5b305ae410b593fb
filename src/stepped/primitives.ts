// What the stepped build does with each kernel function: the declarations that DESIGN.md, section 3, asks for. Paths
// are those of the compiled kernel, from dist/.
//
//   twin     suspends, calls back into a module, waits for another CPU, or takes a lock that modules hold
//   plain    everything else: one step, with its pause before it when a module calls it
//   inline   stepped like a module: what Linux inlines over the caller's data
//   pure     exported, but touches nothing shared: no pause
//
// checkDeclarations() holds them against the call graph; test/transform-kernel.test.ts runs it.
import type { FunctionRef, KernelGraph } from './transform/kernel.js';

/** Functions with twins. In files that are replaced (or noinstr) the twin is written by hand, as `f.$g` or `f.$y`. */
export const TWINS: Readonly<Record<string, readonly string[]>> = {
};

/** Stepped like a module. */
export const INLINE: readonly string[] = ['linux/list.js', 'linux/hlist.js', 'linux/kfifo.js', 'linux/bitops-inline.js'];

/** In the stepped build another file of dist/ stands in for these. */
export const REPLACED: Readonly<Record<string, string>> = {
};

/** Exports of headers that touch nothing that CPUs share; `true`: all of the header. */
export const PURE: Readonly<Record<string, readonly string[] | true>> = {
  'linux/types.js': true,
  'linux/err.js': true,
  'linux/errno.js': true,
  'linux/byteorder.js': true,
  'linux/container_of.js': true,
  'linux/compiler.js': true,
  'linux/barrier.js': true,
  'linux/gfp.js': true,
  'linux/bits.js': true,
  'linux/math.js': true,
  'linux/minmax.js': true,
};

/** Plain functions that call a twin all the same: `file:function` of the caller, and why the wait cannot happen there. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {
};

export interface Violation {
  file: string;
  line: number;
  what: string;
}

export interface Declarations {
  twins: Readonly<Record<string, readonly string[]>>;
  inline: readonly string[];
  replaced: Readonly<Record<string, string>>;
  exceptions: Readonly<Record<string, string>>;
}

export const DECLARATIONS: Declarations = { twins: TWINS, inline: INLINE, replaced: REPLACED, exceptions: EXCEPTIONS };

/** `file:function` of every declared twin, and of every function of an inline file. */
export function twin_keys(declarations: Declarations, graph: KernelGraph): Set<string> {
  const keys = new Set<string>();
  for (const [file, names] of Object.entries(declarations.twins)) for (const name of names) keys.add(`${file}:${name}`);
  for (const file of declarations.inline) for (const name of graph.files.get(file)?.functions.keys() ?? []) keys.add(`${file}:${name}`);
  return keys;
}

/**
 * Holds the declarations against the call graph: whoever calls a twin is a twin, is replaced in the stepped build, or
 * is an exception with a reason; every declared name exists; every twin has somebody to write it.
 * `positions` maps a line of the compiled file to the source, for the report.
 */
export function checkDeclarations(
  graph: KernelGraph,
  declarations: Declarations = DECLARATIONS,
  position: (file: string, line: number, column: number) => { file: string; line: number } = (file, line) => ({ file, line }),
): Violation[] {
  const found: Violation[] = [];
  const twins = twin_keys(declarations, graph);
  const report = (file: string, node: { loc?: unknown } | undefined, what: string): void => {
    const start = (node?.loc as { start: { line: number; column: number } } | undefined)?.start ?? { line: 1, column: 0 };
    found.push({ ...position(file, start.line, start.column), what });
  };
  for (const [file, names] of Object.entries(declarations.twins)) {
    const known = graph.files.get(file);
    if (known === undefined) report(file, undefined, `primitives.ts declares twins in ${file}, which is no kernel file`);
    else for (const name of names) if (!known.functions.has(name)) report(file, undefined, `primitives.ts declares ${name} a twin, but ${file} has no such function`);
  }
  const used = new Set<string>();
  for (const { file, caller, nested, callee, node } of graph.calls_of(twins)) {
    if (file in declarations.replaced || declarations.inline.includes(file)) continue;
    const key = `${file}:${caller ?? '(top level)'}`;
    if (declarations.exceptions[key] !== undefined) {
      used.add(key);
      continue;
    }
    if (caller !== null && twins.has(key) && !nested) continue;
    const who = caller === null ? 'the top level' : nested ? `a function inside ${caller}` : caller;
    report(file, node, `${who} calls ${callee.name}, a twin, and is plain itself: in the stepped build the call would run as one step`);
  }
  for (const key of Object.keys(declarations.exceptions))
    if (!used.has(key)) report(key.split(':')[0]!, undefined, `primitives.ts excepts ${key}, which calls no twin`);
  return found;
}

/** All functions from which one of `roots` can be reached: what would have to be a twin if nothing was excepted. */
export function callers_of(graph: KernelGraph, roots: readonly string[], stop: (f: FunctionRef) => boolean = () => false): Set<string> {
  const reached = new Set(roots);
  for (let size = -1; size !== reached.size; ) {
    size = reached.size;
    for (const { file, caller } of graph.calls_of(reached)) {
      if (caller !== null && !stop({ file, name: caller })) reached.add(`${file}:${caller}`);
    }
  }
  return reached;
}
