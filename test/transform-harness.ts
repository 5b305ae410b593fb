// Runs a piece of module code plainly and as its twin, and records the order of everything that can be seen from
// outside: reads and writes of a shared struct, calls of kernel functions, and the result.
import { transform, type Site } from '../dist/stepped/transform.js';
import { runtime as base, type Runtime } from '../dist/stepped/transform/runtime.js';

type Any = any; // eslint-disable-line @typescript-eslint/no-explicit-any
export type Trace = unknown[];

/** The world that the code sees as `require('k')`. */
export function world(trace: Trace, step: () => boolean) {
  const runtime: Runtime = { ...base, s: step, l: step };
  // The runtime's own functions call each other by this object.
  const note = (...what: unknown[]): void =>
    void trace.push(what.map((w) => (typeof w === 'bigint' ? `${w}n` : w)).join(' '));
  class Shared {
    declare values: Record<string, unknown>;
    declare '@addr': number;
    constructor(
      readonly name: string,
      values: Record<string, unknown>,
    ) {
      Object.defineProperty(this, 'values', { value: values, enumerable: false });
      Object.defineProperty(this, 'name', { value: name, enumerable: false });
      this['@addr'] = 4096;
      for (const field of Object.keys(values))
        if (!(field in Shared.prototype))
          Object.defineProperty(Shared.prototype, field, {
            configurable: true,
            get(this: Shared) {
              note('read', this.name, field);
              return this.values[field];
            },
            set(this: Shared, v: unknown) {
              note('write', this.name, field, typeof v === 'object' ? 'object' : v);
              this.values[field] = v;
            },
          });
    }
  }
  Object.defineProperty(Shared.prototype, '$shared', { value: true });
  Object.defineProperty(Shared.prototype, '$in_lock', { value: true });
  const shared = (name: string, values: Record<string, unknown>): Any => new Shared(name, values);
  const inner = shared('inner', { x: 5, y: 6, z: 0n });
  const s = shared('s', { n: 1, m: 10, big: 3n, flag: false, none: undefined, nil: null, text: 'abc', inner, lock: 7 });

  const kernel: Any = { Shared, s, inner, undef: undefined };
  const primitive = (f: Any, p = true): Any => Object.assign(f, { $p: p });
  kernel.log = primitive(
    (...args: unknown[]) => (
      note('log', ...args.map((a) => (typeof a === 'object' && a !== null ? JSON.stringify(a) : a))),
      args.length
    ),
  );
  /** Logs and returns its argument. */
  kernel.id = primitive(
    (v: Any) => (note('id', typeof v === 'object' && v !== null ? (v.name ?? 'object') : String(v)), v),
  );
  kernel.pure = primitive((v: number) => v * 2, false);
  kernel.lock = primitive((l: number) => note('lock', l));
  kernel.lock.$g = function* (l: number) {
    yield 1;
    note('lock', l);
  };
  /** One that says when it would not wait. */
  kernel.ready_lock = primitive((l: number) => (note('lock plainly', l), l));
  kernel.ready_lock.$g = function* (l: number) {
    yield 1;
    note('lock', l);
    return l;
  };
  kernel.ready_lock.$w = (l: number) => l < 5;
  kernel.ready_sleep = primitive((v: Any) => (note('sleep plainly', v), [][Symbol.iterator]()));
  kernel.ready_sleep.$y = function* (v: Any): Any {
    note('sleep', v);
    yield 1;
  };
  kernel.ready_sleep.$w = (v: number) => v < 5;
  /** A primitive that calls back, as wait_event does. */
  kernel.until = primitive((f: Any) => f());
  kernel.until.$g = function* (f: Any): Any {
    return f.$g ? yield* f.$g() : f();
  };
  /** A sleeper. */
  kernel.sleep = primitive(function* sleep(v: Any): Any {
    note('sleep', v);
    yield 1;
    return v;
  });
  kernel.sleep.$y = function* (v: Any): Any {
    note('sleep', v);
    yield 1;
    return v;
  };
  /** Keeps a function without calling it. */
  kernel.keep = primitive((f: Any) => note('keep', typeof f));
  class Cursor {
    i = 0;
    value: Any;
    done = false;
    constructor(readonly n: number) {}
    advance(): boolean {
      note('advance');
      this.value = this.i * 10;
      return this.i++ < this.n;
    }
    next(): Any {
      this.done = !this.advance();
      return this;
    }
    [Symbol.iterator](): Any {
      return this;
    }
  }
  (Cursor.prototype as Any).$cursor = true;
  (Cursor.prototype.advance as Any).$g = function* (this: Cursor): Any {
    note('advance');
    yield 0;
    this.value = this.i * 10;
    return this.i++ < this.n;
  };
  kernel.walk = primitive((n: number) => new Cursor(n));
  return { kernel, runtime, note };
}

export interface Outcome {
  result: unknown;
  error: string | null;
  trace: Trace;
  steps: number;
}

export type How = 'plain' | 'never' | 'always' | (() => boolean);

/** Compiles `source` (CommonJS in the loader's shape, exporting `main`) and runs `main(s)`. */
export function run(source: string, how: How): Outcome {
  const trace: Trace = [];
  let steps = 0;
  const step = (): boolean => {
    steps++;
    if (how === 'never' || how === 'plain') return false;
    const stop = how === 'always' ? true : how();
    if (stop) trace.push('step');
    return stop;
  };
  const { kernel, runtime } = world(trace, step);
  const { code } = compile(source);
  const exports: Any = {};
  let result: unknown;
  let error: string | null = null;
  try {
    new Function('require', 'exports', 'runtime', code)(() => kernel, exports, runtime);
    const main = exports.main;
    let f = main;
    if (how !== 'plain') f = main.$y ?? main.$g;
    const made = f(kernel.s);
    result = how !== 'plain' || main.$y ? drain(made as Generator) : made;
  } catch (e) {
    error = `${(e as Error).name}: ${(e as Error).message}`;
  }
  return { result, error, trace, steps };
}
export function drain(g: Generator): unknown {
  for (let n = 0; ; n++) {
    const r = g.next();
    if (r.done) return r.value;
    if (n > 1e5) throw new Error('does not end');
  }
}

let last: { source: string; made: ReturnType<typeof transform> } | null = null;
export function compile(source: string): { code: string; map: object; sites: Site[] } {
  if (last?.source === source) return last.made;
  const names = [
    'log',
    'id',
    'pure',
    'lock',
    'until',
    'sleep',
    'keep',
    'walk',
    'inner',
    'Shared',
    'undef',
    'ready_lock',
    'ready_sleep',
  ];
  const head = `"use strict"; const $m0 = require("k"), ${names.map((n) => `${n} = $m0.${n}`).join(', ')}; `;
  const made = transform(`${head}${source}\nexports.main = main;`, {
    file: 'main.ts',
    mode: 'module',
    siteBase: 0,
    runtime: 'runtime',
  });
  last = { source, made };
  return made;
}

export const without_steps = (t: Trace): Trace => t.filter((x) => x !== 'step');

/** In a run that pauses wherever it can: effects that follow another effect without a step between. */
export function unstepped(t: Trace): Trace {
  return t.filter((x, i) => i > 0 && /^(read|write|lock|log|id|sleep|keep)/.test(String(x)) && t[i - 1] !== 'step');
}
