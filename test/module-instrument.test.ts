// What the compiler puts into a module's code for the free-running build, seen by running it over a fake kernel.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { transform } from 'esbuild';
import { instrument, isBuiltinIterator, toCommonJs, withInlineMap } from '../dist/module/instrument.js';
import { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping';
import { compile, evaluate } from './module-helpers.js';

type Fn = (...args: unknown[]) => unknown;

/** Evaluates a module's free-running code; `log` says what it called of the runtime. */
async function load(source: string, kernel: Record<string, Fn> = {}, build: 'free' | 'cjs' = 'free') {
  // Straight to the rewrite: it has to be right also for what the check of constructs refuses.
  const { code: plain, map } = await transform(source, { loader: 'ts', format: 'esm', sourcemap: 'external' });
  const esm = { code: plain, map };
  const free = withInlineMap(instrument(esm, 'a.ts'));
  const cjs = toCommonJs(esm, 'a.ts').code;
  const log: string[] = [];
  const runtime = {
    heap: { I32: new Int32Array(4), pending: 1 },
    polls: 0,
    step_slow: (): void => void runtime.polls++,
    undelegated: (value: object, name: string): unknown => {
      if (isBuiltinIterator(value)) return value;
      throw new Error(`${name} sleeps`);
    },
    def: (name: string): void => void log.push(`def ${name}`),
    text: (name: string, f: Fn): void => void log.push(`text ${name} ${typeof f}`),
  };
  const types = {
    DEFINE_STATIC: () => (log.push('DEFINE_STATIC'), { '@addr': 64, value: 0 }),
    u32: {},
    Struct: () => class {},
    DEFINE_MUTEX: () => (log.push('DEFINE_MUTEX'), 1),
  };
  const exports = evaluate(build === 'free' ? free : cjs, 'a.cjs', {
    'lockstep:runtime': runtime,
    'lockstep/linux/types': types,
    'lockstep/linux/mutex': { ...types, ...kernel },
    'lockstep/linux/kernel': kernel,
    'lockstep/linux/module': { module_init: () => {}, ...kernel },
  }) as Record<string, Fn>;
  return { exports, runtime, log, free, cjs };
}

describe('polls', () => {
  const loops: [string, string, number][] = [
    ['for with a block', 'for (let i = 0; i < 5; i++) { n++; }', 5],
    ['for with one statement', 'for (let i = 0; i < 5; i++) n++;', 5],
    ['for with nothing', 'for (let i = 0; i < 5; i++);', 5],
    ['while', 'while (n < 4) n++;', 4],
    ['do', 'do { n++; } while (n < 3);', 3],
    ['do with one statement', 'do n++; while (n < 3);', 3],
    ['for of', 'for (const x of [1, 2, 3]) n += x;', 3],
    ['for in', 'for (const x in { a: 1, b: 2 }) n++;', 2],
    ['continue', 'for (let i = 0; i < 5; i++) { if (i % 2) continue; n++; }', 5],
    ['a label', 'outer: for (let i = 0; i < 2; i++) for (;;) { n++; continue outer; }', 4],
    ['loops in one another without braces', 'for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) n++;', 8],
    ['if else in a loop without braces', 'for (let i = 0; i < 2; i++) if (i) n++; else n--;', 2],
    ['no loop', 'if (n === 0) n = 1;', 0],
  ];
  it.each(loops)('are taken once for each round: %s', async (_, body, rounds) => {
    const source = `export function f() { let n = 0; ${body} return n; }`;
    const { exports, runtime } = await load(source);
    const quiet = exports['f']!();
    expect(runtime.polls).toBe(0); // nothing is pending
    runtime.heap.I32[1] = 1;
    expect(exports['f']!()).toBe(quiet);
    expect(runtime.polls).toBe(rounds);
    const stepped = await load(source, {}, 'cjs');
    expect(stepped.exports['f']!()).toBe(quiet); // control: without instrumentation, the same result
    expect(stepped.cjs).not.toContain('step_slow');
  });

  it('are in generators, methods and inner functions too', async () => {
    const { exports, runtime } = await load(`
      export function* g() { while (true) { yield* h(); return 1; } }
      function* h() { const f = () => { do {} while (false); }; f(); class c { m() { for (const _ of [1]) {} } } new c().m(); }`);
    runtime.heap.I32[1] = 1;
    (exports['g']!() as Generator).next();
    expect(runtime.polls).toBe(3);
  });
});

describe('a sleeping call without yield*', () => {
  function* sleeper(): Generator<number, number> {
    return 7;
  }
  const READY = { [Symbol.iterator]: () => READY, next: () => ({ done: true, value: 7 }) };
  const head =
    "import { mutex_lock } from 'lockstep/linux/mutex';\nimport { list_for_each, kmalloc } from 'lockstep/linux/kernel';\n";
  const kernel: Record<string, Fn> = {
    mutex_lock: sleeper,
    kmalloc: () => READY,
    list_for_each: () => Object.assign([1, 2].values(), { $cursor: true }),
  };
  const run = async (body: string, more = ''): Promise<unknown> => {
    const { exports } = await load(
      `${head}${more}export function* f(o = { lock: mutex_lock, deep: { lock: mutex_lock }, none: null }) { ${body} }`,
      kernel,
    );
    const generator = exports['f']!() as Generator;
    for (;;) {
      const r = generator.next();
      if (r.done) return r.value;
    }
  };

  it.each([
    ['whose result is thrown away', 'mutex_lock();', 'mutex_lock'],
    ['that is done at once', 'kmalloc();', 'kmalloc'],
    ['in an argument', 'Math.max(1, mutex_lock());', 'mutex_lock'],
    ['that is returned', 'return mutex_lock();', 'mutex_lock'],
    ['in a variable', 'const x = mutex_lock(); yield* x;', 'mutex_lock'],
    ['with yield alone', 'yield mutex_lock();', 'mutex_lock'],
    ['of a method', 'o.lock();', 'o.lock'],
    ['of a method further down', 'o.deep.lock();', 'o.deep.lock'],
    ['of an optional method', 'o?.lock();', 'o?.lock'],
    ['at the end of an optional chain', 'o?.deep.lock?.();', 'o?.deep.lock'],
    ['inside the argument of a delegated call', 'yield* mutex_lock(mutex_lock());', 'mutex_lock'],
    [
      'in the condition of a delegated expression',
      'yield* (mutex_lock() ? mutex_lock() : mutex_lock());',
      'mutex_lock',
    ],
    ['of a generator of the module', 'own();', 'own'],
    ['in an arrow', '(() => mutex_lock())();', 'mutex_lock'],
    ['by a local function', 'function g() { return mutex_lock(); } g();', 'mutex_lock'],
    ['by a plain function of the module', 'plain();', 'mutex_lock'],
    ['walked over', 'for (const x of mutex_lock()) x;', 'mutex_lock'],
    ['spread', '[...mutex_lock()];', 'mutex_lock'],
    ['as a template tag', 'mutex_lock`x`;', 'mutex_lock'],
    ['through a local of the name of a plain function', 'const plain = mutex_lock; plain();', 'plain'],
  ])('is stopped: %s', async (_, body, name) => {
    const more = 'function* own(): Generator<number> {}\nfunction plain(): unknown { return mutex_lock(); }\n';
    await expect(run(body, more)).rejects.toThrow(`${name} sleeps`);
  });

  it.each([
    ['delegated', 'return yield* mutex_lock();', 7],
    ['delegated, done at once', 'return yield* kmalloc();', 7],
    ['delegated in brackets', 'return (yield* (mutex_lock())) + 1;', 8],
    ['delegated, one of two', 'return yield* (o.none ? kmalloc() : mutex_lock());', 7],
    ['delegated through an optional chain', 'return yield* o?.lock();', 7],
    ['of a kernel list', 'let n = 0; for (const x of list_for_each()) n += x; return n;', 3],
    ['of built-in iterators', "let n = 0; for (const [i, c] of [...'ab'].entries()) n += i + c.length; return n;", 3],
    [
      'of null, objects, views',
      "const v = (() => ({ '@addr': 8, get next() { throw new Error('read'); } }))(); const z = (() => null)(); return z ?? v['@addr'];",
      8,
    ],
    ['cut short', 'return o.none?.lock().foo.bar() ?? 9;', 9],
  ])('and a call that is right is not: %s', async (_, body, value) => {
    expect(await run(body)).toBe(value);
  });

  it('costs nothing where no check is needed: plain functions of the module', async () => {
    const { free } = await load(
      'function add(a: number) { return a + 1; }\nconst twice = (a: number) => add(add(a));\nexport function f() { return twice(3); }',
    );
    expect(free).not.toContain('$c(');
  });

  it('is not looked for in the input of the stepped build', async () => {
    const { free, cjs } = await load(`${head}export function f() { return mutex_lock(); }`, kernel);
    expect(cjs).not.toContain('$c');
    expect(free).toContain('$c(mutex_lock(), "mutex_lock")');
  });
});

describe('names', () => {
  const source = `import { DEFINE_STATIC as make, u32 } from 'lockstep/linux/types';
import { DEFINE_MUTEX } from 'lockstep/linux/mutex';
export const lock = DEFINE_MUTEX(), cell = make(u32);
export function* worker() { const local = cell; return local.value; }
export const arrow = () => 0;
const other = 3;
export function last() { return other; }
`;
  it.each(['free', 'cjs'] as const)(
    'static data is named before it is made, and functions before they can be referred to (%s)',
    async (build) => {
      const { log, exports } = await load(source, {}, build);
      expect(log).toEqual([
        'text worker function',
        'text last function',
        'def lock',
        'DEFINE_MUTEX',
        'def cell',
        'DEFINE_STATIC',
        'text arrow function',
      ]);
      expect(Object.keys(exports).sort()).toEqual(['arrow', 'cell', 'last', 'lock', 'worker']);
    },
  );
});

describe('positions', () => {
  const source = `import { kmalloc, printk } from 'lockstep/linux/kernel';
interface only_types {
  a: number;
}

export function fails(a: { value: number } | null): number {
  for (let i = 0; i < 3; i++)
    if (i === 1) { printk('x'); return kmalloc(a!.value, 0); }
  return 0;
}
`;
  it.each(['free', 'cjs'] as const)('every call maps to its line and column in the TypeScript (%s)', async (build) => {
    const m = await compile({ 'a.ts': source });
    const inline = /base64,(\S+)/.exec(m.free!.code)![1]!;
    const [code, map] =
      build === 'free' ? [m.free!.code, Buffer.from(inline, 'base64').toString()] : [m.cjs.code, m.cjs.map];
    const lines = code.split('\n');
    const find = (text: string) => {
      const line = lines.findIndex((l, i) => i > 0 && l.includes(text));
      return originalPositionFor(new TraceMap(map), { line: line + 1, column: lines[line]!.indexOf(text) });
    };
    expect(find('printk("x")')).toMatchObject({ line: 8, column: 19 });
    expect(find('kmalloc(a.value')).toMatchObject({ line: 8, column: 39 });
    expect(find('i === 1')).toMatchObject({ line: 8, column: 8 });
    expect(find('return 0')).toMatchObject({ line: 9, column: 2 });
    expect(find('printk("x")').source).toBe(m.file);
  });

  it('stacks show the TypeScript', async () => {
    const { free, file } = await compile({ 'a.ts': source });
    // A process of its own: vitest makes stacks its own way.
    const script = `process.setSourceMapsEnabled(true);
      const { Module } = require('node:module');
      const m = new Module('x');
      const header = () => ({ text() {}, heap: { I32: [0], pending: 0 }, printk() {}, kmalloc() {} });
      m._compile(${JSON.stringify(free!.code)}, ${JSON.stringify(free!.path)});
      const made = { exports: {} };
      m.exports(header, made, made.exports);
      try { made.exports.fails(null); } catch (e) { console.log(e.stack); }`;
    const stack = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(stack).toContain(`${file}:8:51`);
    expect(source.split('\n')[7]!.slice(50)).toMatch(/^value/);
  });
});
