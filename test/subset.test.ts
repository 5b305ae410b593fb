// What modules may not use: refused with the line and column of the TypeScript source. And that what is allowed passes.
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { checkSubset } from '../dist/module/subset.js';
import { transform } from '../dist/stepped/transform.js';

function check(source: string) {
  const { code, map } = transformSync(source, {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
    sourcemap: 'external',
    sourcefile: 'm.ts',
    tsconfigRaw: '{}',
  });
  return checkSubset(code, map, 'm.ts');
}

/** The marked place (before «) is where the refusal has to point. */
const REFUSED: [string, string, RegExp, RegExp?][] = [
  ['async functions', 'export async function «f(): Promise<void> {}', /async function/, /yield\*/],
  ['async arrow functions', 'export const f = «async () => 1;', /async function/],
  ['await', 'export async function f() {\n  «await g();\n}\ndeclare function g(): void;', /await/],
  [
    'for await',
    'export async function f(a: never[]) {\n  «for await (const x of a) print(x);\n}\nfunction print(x: unknown) { return x; }',
    /for await/,
  ],
  [
    'try and catch',
    'export function f() {\n  type T = number;\n  «try { g(); } catch { g(); }\n}\nfunction g() {}',
    /swallow an oops/,
    /errno/,
  ],
  ['try and finally', 'function g() {}\nexport function f() { «try { g(); } finally { g(); } }', /swallow an oops/],
  [
    'for in',
    'export function f(o: object) {\n  «for (const k in o) g(k);\n}\nfunction g(k: string) { return k; }',
    /for … in/,
  ],
  [
    'tagged templates',
    'function g(s: unknown) { return s; }\nexport function f() { return «g`a${1}`; }',
    /tagged template/,
  ],
  ['import()', 'export function f() { return «import("./x.js"); }', /import\(\)/],
  ['import.meta', 'export function f() { return «import.meta; }', /import\.meta/],
  ['new.target', 'export function f() { return «new.target; }', /new\.target/],
  ['this in a function', 'export function f(this: { a: number }) { return «this.a; }', /`this` outside/],
  [
    'this in a function within a method',
    'class c { m() { return function (this: number) { return «this; }; } }\nexport const x = 1;',
    /`this` outside/,
  ],
  [
    'super in an arrow function',
    'class b { m() {} }\nclass c extends b { override m() { const f = () => «super.m(); f(); } }',
    /super/,
  ],
  ['new of anything else', 'class c {}\nexport function f() { return «new c(); }', /`new` cannot/, /kmalloc/],
  ['constructors', 'class c {\n  «constructor() {}\n}', /constructor/],
  ['getters in classes', 'class c { «get x() { return 1; } }', /getter or setter/],
  ['setters in classes', 'class c { «set x(v: number) {} }', /getter or setter/],
  ['computed method names', 'const k = "a";\nclass c { «[k]() {} }', /computed method/],
  ['static blocks', 'class c {\n  «static { }\n}', /static block/],
  ['fields of classes', 'class c { «x = 1; }', /field of a class/],
  ['private methods', 'class c { «#m() {} }', /private/],
  [
    'methods of object literals',
    'export function f() {\n  return { a: 1, «m() { return 1; } };\n}',
    /method of an object literal/,
    /m: \(/,
  ],
  ['getters of object literals', 'export function f() { return { «get m() { return 1; } }; }', /getter or setter/],
  ['toString, which JavaScript calls', 'export function f() { return { «toString: () => "x" }; }', /by itself/],
  [
    'the rest of an object',
    'export function f(o: { a: number; b: number }) { const { a, «...r } = o; return [a, r]; }',
    /rest of an object/,
  ],
  ['a pattern into a field', 'export function f(o: { a: number }) { [«o.a] = [1]; }', /assigns to a field/],
  ['for of into a field', 'export function f(o: { a: number }) { for («o.a of [1]); }', /into a field/],
  [
    'a loop variable in its own list',
    'export function f() { for (const x of «x) g(x); }\nfunction g(x: unknown) { return x; }',
    /has no value yet/,
  ],
  ['bare yield', 'export function* f() {\n  «yield;\n}', /without `\*`/, /schedule\(\)/],
  ['yield of a value', 'export function* f() { const a = «yield 1; return a; }', /without `\*`/],
  ['yield* of something that is no call', 'export function* f(g: Generator) { «yield* g; }', /takes a call/],
  ['arguments', 'export function f() { return «arguments.length; }', /`arguments`/, /\.\.\.args/],
  ['eval', 'export function f() { «eval("1"); }', /eval/],
  ['Date', 'export function f() { return «Date.now(); }', /host/, /jiffies|ktime/],
  ['Math.random', 'export function f() { return «Math.random(); }', /not reproducible/, /random/],
  ['setTimeout', 'export function f() { «setTimeout(f, 1); }', /host/, /timer_list|msleep/],
  ['process', 'export function f() { return «process.pid; }', /host/],
  ['console', 'export function f() { «console.log(1); }', /host/, /printk/],
  ['globalThis', 'export function f() { return «globalThis; }', /host/, /DEFINE_STATIC/],
  ['Promise', 'export function f() { return «Promise.resolve(1); }', /host/],
  ['Atomics', 'export function f(a: Int32Array) { return «Atomics.load(a, 0); }', /host/, /atomic_t/],
  ['SharedArrayBuffer', 'export function f() { return new «SharedArrayBuffer(1); }', /host/],
  ['performance', 'export function f() { return «performance.now(); }', /host/],
  [
    'require',
    'declare function require(x: string): unknown;\nexport function f() { return «require("fs"); }',
    /host/,
    /import/,
  ],
  ['Proxy', 'export function f(o: object) { return new «Proxy(o, {}); }', /host/],
  ['Object.assign', 'export function f(o: object) { «Object.assign(o, { a: 1 }); }', /without a step/, /one by one/],
  ['a name that is not declared', '// @ts-nocheck\nexport function f() { return «spin_lok(1); }', /not declared/],
  [
    'forEach with a function',
    'export function f(a: number[]) {\n  a.«forEach((x) => f([x]));\n}',
    /JavaScript's own/,
    /loop/,
  ],
  [
    'sort with a named function',
    'function cmp(a: number, b: number) { return a - b; }\nexport function f(a: number[]) { a.«sort(cmp); }',
    /JavaScript's own/,
  ],
  [
    'map with a constant function',
    'const g = (x: number) => x;\nexport function f(a: number[]) { return a.«map(g); }',
    /JavaScript's own/,
  ],
  [
    'Array.from with a function',
    'export function f(a: number[]) { return Array.«from(a, (x) => x); }',
    /JavaScript's own/,
  ],
  ['names with $', 'export function f(o: { $g: number }) { return o.«$g; }', /begin with \$/],
  ['__proto__', 'export function f(o: { __proto__: unknown }) { return o.«__proto__; }', /behind/],
  ['a default that uses a later parameter', 'export function f(a = «b, b = 1) { return a + b; }', /no value yet/],
  [
    'a variable beside a parameter with a default',
    'export function f(a: number, b = a) { { var «a = 2; } return a + b; }',
    /declared again/,
  ],
];

const ALLOWED: Record<string, string> = {
  'the example of the architecture': `
    import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
    import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';
    class stats extends Struct('stats', { packets: u32 }) { bump(by = 1) { this.packets += by; return () => this.packets; } }
    const shared = DEFINE_STATIC(stats);
    export function* worker() { for (let i = 0; i < 3; i++) { shared.packets++; shared.bump(); } return 0; }
    module_init(() => 0);
    module_exit(() => { shared.packets = 0; });
    MODULE_LICENSE('GPL');`,
  'enums and namespaces':
    'enum E { A, B = 5 }\nexport function f(e: E) { return e === E.A ? E[e] : E.B; }\nconst enum C { X }\nexport const c = C.X;',
  'values of one call':
    'export function f() { const m = new Map([[1, 2]]); const a = new Array(3).fill(0); const u = new Uint8Array(4); return [m.get(1), a, u, new Set([1]).has(1), { a, f: (x: number) => x }, [...a], { ...{ b: 1 } }]; }',
  errors: 'export function f() { throw new Error("x"); }',
  'globals that compute':
    'export function f(x: number) { return [Math.max(x, 1), Number("1"), String(x), BigInt(x), JSON.stringify([x]), Object.keys({ a: 1 }), parseInt("1"), NaN, Infinity, undefined, isNaN(x), Array.isArray(x)]; }',
  'patterns, chains, templates, labels':
    'export function f({ a, b: [c] }: { a: number; b: number[] }, o?: { p?: { q: number } }) { let x = a, y = c!; [x, y] = [y, x]; l: for (const k of [x]) { if (k) continue l; } return `${o?.p?.q ?? x}`; }',
  'methods of its own that are named as built-ins':
    'class c { static find(g: () => number) { return g(); } }\nexport function f() { return c.find(() => 1); }',
  'generator methods and expressions':
    'class c { *m(): Generator<number> { yield* g(); } }\nfunction* g(): Generator<number> {}\nexport const e = function* () { yield* g(); };\nexport function* f(b: boolean) { yield* b ? g() : e(); }',
};

describe('the subset of JavaScript that modules may use', () => {
  for (const [name, marked, what, advice] of REFUSED) {
    it(`refuses ${name}`, () => {
      const at = marked.indexOf('«');
      const source = marked.replace('«', '');
      const line = marked.slice(0, at).split('\n').length;
      const column = at - (marked.lastIndexOf('\n', at - 1) + 1) + 1;
      const found = check(source);
      const hit = found.find((r) => r.line === line && r.column === column);
      expect(hit, JSON.stringify({ wanted: { line, column }, found })).toBeDefined();
      expect(hit!.file).toBe('m.ts');
      expect(hit!.what).toMatch(what);
      expect(hit!.advice).toMatch(advice ?? /./);
    });
  }
  for (const [name, source] of Object.entries(ALLOWED)) {
    it(`allows ${name}`, () => {
      expect(check(source)).toEqual([]);
      const { code, map } = transformSync(source, {
        loader: 'ts',
        format: 'cjs',
        target: 'es2022',
        sourcemap: 'external',
        sourcefile: 'm.ts',
      });
      expect(() =>
        transform(code, { file: 'm.ts', mode: 'module', inputMap: map, siteBase: 0, runtime: 'runtime' }),
      ).not.toThrow();
    });
  }
  it('refuses what only hand-written JavaScript has: a function declared in a case, with', () => {
    const found = checkSubset(
      'export function f(n) {\n  switch (n) {\n    case 1:\n      function g() {}\n  }\n}',
      null,
      'm.js',
    );
    expect(found).toMatchObject([{ file: 'm.js', line: 4, column: 7, what: 'a function declared in a case' }]);
  });
  it('reports everything in one file, in its order', () => {
    const found = check('export function f() {\n  try { } finally { }\n  Date.now();\n  return this;\n}');
    expect(found.map((r) => r.line)).toEqual([2, 3, 4]);
  });
});
