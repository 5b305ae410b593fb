// What the top level of a module may contain. Each refusal with its position and its replacement; and controls that
// must be accepted, because an allow-list that refuses everything would pass the first half.
import { describe, expect, it } from 'vitest';
import { compile, refusals } from './module-helpers.js';

const HEAD = `import { module_init, module_exit, MODULE_LICENSE, EXPORT_SYMBOL } from 'lockstep/linux/module';
import { DEFINE_STATIC, Struct, array, ptr, u32, int, fn } from 'lockstep/linux/types';
import { DEFINE_MUTEX } from 'lockstep/linux/mutex';
import { ATOMIC_INIT, BIT, kmalloc, printk, ENOMEM } from 'lockstep/linux/kernel';
class stats extends Struct('stats', { packets: u32, next: ptr(), read: fn }) {}
const shared = DEFINE_STATIC(stats);
`;
const LINE = 7; // the first line after HEAD

const accepted: [string, string][] = [
  ['an initialiser in static data', 'const n = DEFINE_STATIC(stats, { packets: ATOMIC_INIT(1) });'],
  ['primitive constants', "const a = 1, b = -2, c = 'x', d = 10n, e = true, f = null, g = undefined, h = 1 << 4 | 3;"],
  [
    'constants made of constants',
    'const a = 3; const b = a * 2 + ENOMEM; const c = `${a}/${b}`; const d = a > 2 ? a : b; const e = stats.size;',
  ],
  ['limits of JavaScript', 'const a = Number.MAX_SAFE_INTEGER, b = Math.PI;'],
  ['macros that only compute', 'const FLAG = BIT(3); const MASK = ~(BIT(1) | FLAG);'],
  [
    'functions, generators and arrows',
    'function f() { let x = []; x.push(1); } export function* g() {} const h = () => { let n = 0; n++; };',
  ],
  [
    'structs with methods',
    "class a extends Struct('a', { s: stats, list: array(u32, 8) }, { init: (at) => void at }) { total() { return this.s.packets; } }",
  ],
  ['plain classes', 'class point { twice(n: number) { return n * 2; } }'],
  ['enums', "enum state { IDLE, BUSY = 4, BOTH = IDLE | BUSY, NAME = 'x' } export const enum other { A = 1 }"],
  [
    'types',
    'type t = { a: number }; interface i { b: t } declare const outside: number; declare global { interface k {} } namespace only_types { export type z = 1 }',
  ],
  [
    'static data with an initialiser',
    'const a = DEFINE_STATIC(stats, { packets: 3, next: shared }); const b = DEFINE_STATIC(array(u32, 2), [1, 2]); const m = DEFINE_MUTEX();',
  ],
  [
    'an operation table of exported functions',
    'export function my_read() { return 0; } const ops = DEFINE_STATIC(stats, { read: my_read });',
  ],
  [
    'an operation table of functions exported below',
    'function my_read() { return 0; } const ops = DEFINE_STATIC(stats, { read: my_read }); export { my_read };',
  ],
  [
    'descriptions of the module',
    "module_init(() => 0); module_exit(() => {}); MODULE_LICENSE('GPL'); export function f() {} EXPORT_SYMBOL(f);",
  ],
  [
    'frozen tables of constants',
    "const names = Object.freeze(['a', 'b']); const t = Object.freeze({ a: 1, b: Object.freeze([2]) });",
  ],
  [
    'types of fields with a name',
    'const ring_t = array(u32, 16); class ring extends Struct("ring", { data: ring_t }) {}',
  ],
  [
    'assignments to fields of static data',
    'export function f() { shared.packets = 1; shared.packets++; stats.at(4096).packets = 2; }',
  ],
  [
    'locals that have the name of something at the top level',
    'export function f(shared: number) { shared = 1; let stats = 2; stats++; for (let f of [1]) f++; { const kmalloc = { a: 1 }; kmalloc.a = 2; } return stats; }',
  ],
  [
    'casts',
    'const a = 3 as number; const b = <number>4; const c = shared as unknown as number; const d = "x" satisfies string;',
  ],
];

describe('the top level of a module may have', () => {
  it.each(accepted)('%s', async (_, source) => {
    await compile(HEAD + source);
  });

  it('a directive', async () => {
    await compile("'use strict';\nexport function f() {}");
  });
});

const refused: [string, string, string, RegExp, RegExp][] = [
  ['an initialiser that is kept', 'const n = ATOMIC_INIT(1);', '7:7', /the call of `ATOMIC_INIT`/, /module_init/],
  [
    'a let with a number',
    'let count = 0;',
    '7:5',
    /`let count` is a variable/,
    /^write `const count = DEFINE_STATIC\(int, 0\)` and use `count.value`.*if it never changes, make it `const`$/,
  ],
  ['an exported let', 'export let ready = false;', '7:12', /`let ready`/, /DEFINE_STATIC\(bool, false\)/],
  ['a let without a value', 'let last;', '7:5', /`let last`/, /Struct\('state', \{ last: u32 \}\)/],
  ['a var', 'var x = 1n;', '7:5', /`var x`/, /DEFINE_STATIC\(s64, 1n\)/],
  ['one of several variables', 'const a = 1; let b = 2;', '7:18', /`let b`/, /DEFINE_STATIC\(int, 2\)/],
  ['a Map in a let', 'let seen = new Map();', '7:5', /`let seen`/, /machine's memory/],
  [
    'a Map',
    'const seen = new Map<string, number>();',
    '7:7',
    /`seen`: `new Map` would be another object on each CPU/,
    /DEFINE_STATIC, kmalloc/,
  ],
  [
    'a Set inside a frozen table',
    'const t = Object.freeze([new Set()]);',
    '7:26',
    /`new Set`/,
    /frozen table holds constants/,
  ],
  [
    'an array',
    'const list: number[] = [];',
    '7:7',
    /`list`: an array/,
    /`const list = DEFINE_STATIC\(array\(u32, n\), \[...\]\)`/,
  ],
  ['an array as const', 'const list = [1, 2] as const;', '7:7', /`list`: an array/, /Object\.freeze/],
  [
    'an object literal',
    'const ops = { read: 1 };',
    '7:7',
    /`ops`: an object literal/,
    /`const ops = DEFINE_STATIC\(type, \{ ... \}\)`/,
  ],
  [
    'an object in a conditional',
    'const a = ENOMEM ? { x: 1 } : null;',
    '7:20',
    /`a`: an object literal/,
    /DEFINE_STATIC/,
  ],
  [
    'a shallow frozen object',
    'const a = Object.freeze({ inner: { x: 1 } });',
    '7:34',
    /an object literal/,
    /freeze tables inside/,
  ],
  ['a regular expression', 'const re = /x/g;', '7:7', /`re`: a regular expression/, /where it is used/],
  [
    'a closure over a variable',
    'const next = (() => { let n = 0; return () => n++; })();',
    '7:7',
    /the call of a function on the spot/,
    /module_init/,
  ],
  [
    "a call of a function of one's own",
    'function make() { return []; } const x = make();',
    '7:38',
    /the call of `make`/,
    /module_init/,
  ],
  [
    'a call of a kernel function that does something',
    'const p = kmalloc(32, 0);',
    '7:7',
    /the call of `kmalloc`/,
    /module_init/,
  ],
  ['a call of a JavaScript function', 'const now = Date.now();', '7:7', /the call of `Date.now`/, /module_init/],
  [
    'a global of JavaScript',
    'const g = globalThis;',
    '7:11',
    /`globalThis` belongs to JavaScript/,
    /constants, imports/,
  ],
  [
    'a function that only looks like DEFINE',
    'function DEFINE_THING() { return []; } const t = DEFINE_THING();',
    '7:46',
    /the call of `DEFINE_THING`/,
    /module_init/,
  ],
  ['a static field', 'class c { static n = 0; }', '7:11', /`static n` of `c`/, /`const n = ...` beside the class/],
  [
    'a static readonly field',
    'class c { x = 1; static readonly n = 0; }',
    '7:18',
    /`static n` of `c`/,
    /beside the class/,
  ],
  ['a static block', 'class c { static { printk("x"); } }', '7:11', /static block of `c`/, /module_init/],
  [
    'a static field of a class expression',
    'const c = class { static n = 0; };',
    '7:19',
    /`static n` of `c`/,
    /beside the class/,
  ],
  [
    'an instance field in a struct',
    "class s extends Struct('s', { a: u32 }) { b = 1; }",
    '7:43',
    /`b` would lie in the view of `s`/,
    /make it a field/,
  ],
  [
    'a field type made from a call',
    "class s extends Struct('s', { a: kmalloc(1, 0) }) {}",
    '7:34',
    /the call of `kmalloc`/,
    /module_init/,
  ],
  ['a namespace with values', 'namespace n { export let x = 1; }', '7:11', /`namespace n`/, /make a file/],
  ['an enum member that is computed by a call', 'enum e { A = kmalloc(1, 0) }', '7:14', /the call of `kmalloc`/, /./],
  [
    'a statement',
    'printk("loaded");',
    '7:1',
    /`printk\("loaded"\)` at the top level runs once on each CPU/,
    /module_init/,
  ],
  ['a loop', 'for (let i = 0; i < 3; i++) printk("x");', '7:1', /a loop at the top level/, /module_init/],
  ['an if', 'if (ENOMEM) printk("x");', '7:1', /`if` at the top level/, /module_init/],
  ['a try', 'try { printk("x"); } catch {}', '7:1', /`try` at the top level/, /module_init/],
  ['a block', '{ let x = 1; x++; }', '7:1', /a block at the top level/, /module_init/],
  ['a pattern', 'const { size } = stats;', '7:7', /a pattern at the top level/, /name each constant/],
  ['a default export', 'export default function f() {}', '7:8', /default export/, /export function name/],
  ['a default export of a value', 'export default 3;', '7:8', /default export/, /export function name/],
  [
    'a definition without a name',
    'DEFINE_MUTEX();',
    '7:1',
    /what DEFINE_MUTEX defines has no name/,
    /const name = DEFINE_MUTEX/,
  ],
  [
    'a definition inside an expression',
    'const m = 1 + DEFINE_MUTEX();',
    '7:15',
    /DEFINE_MUTEX needs a name/,
    /on its own/,
  ],
  [
    'a field of static data that is read',
    'const n = shared.packets;',
    '7:7',
    /`shared.packets` would be read when the module is loaded/,
    /where it is used/,
  ],
  [
    'a closure in an operation table',
    'const ops = DEFINE_STATIC(stats, { read: () => 0 });',
    '7:42',
    /the kernel keeps this function/,
    /`export function name\(...\)`/,
  ],
  [
    'a method in an operation table',
    'const ops = DEFINE_STATIC(stats, { read() { return 0; } });',
    '7:36',
    /the kernel keeps this function/,
    /export function/,
  ],
  [
    'a function in an operation table that is not exported',
    'function my_read() {} const ops = DEFINE_STATIC(stats, { read: my_read });',
    '7:64',
    /`my_read`, which is not exported/,
    /write `export` before/,
  ],
  [
    'an object with state as an initial value',
    'const ops = DEFINE_STATIC(stats, { next: new Map() });',
    '7:42',
    /`new Map`/,
    /DEFINE_STATIC/,
  ],
  [
    'an assignment to a function',
    'export function f() {}\nexport function g() { f = g; }',
    '8:23',
    /`f` is a function: it can't be assigned/,
    /machine's memory/,
  ],
  [
    'a counter kept in a function',
    'export function f() {\n  f.count++;\n}',
    '8:3',
    /`f.count`: `f` is a function/,
    /machine's memory/,
  ],
  [
    'an assignment to an arrow',
    'const f = () => 0;\nexport function g() { f.x = 1; }',
    '8:23',
    /`f` is a function/,
    /machine's memory/,
  ],
  [
    'an assignment to a class',
    'export function g() { stats.total = 1; }',
    '7:23',
    /`stats.total`: `stats` is a class/,
    /machine's memory/,
  ],
  [
    'an assignment to a prototype',
    'export function g() { stats.prototype.x = 1; }',
    '7:23',
    /`stats` is a class/,
    /machine's memory/,
  ],
  [
    'an assignment to an enum',
    'enum e { A }\nexport function g() { (e as any).B = 1; }',
    '8:24',
    /`e` is an enum/,
    /machine's memory/,
  ],
  [
    'an assignment by destructuring',
    'export function f() {}\nexport function g() { [f.a] = [1]; }',
    '8:24',
    /`f.a`/,
    /machine's memory/,
  ],
  [
    'an assignment in the head of a loop',
    'export function f() {}\nexport function g() { for (f.a of [1]); }',
    '8:28',
    /`f.a`/,
    /machine's memory/,
  ],
  [
    'an assignment at the top level',
    'export function f() {}\nf.x = 1;',
    '8:1',
    /`f.x`: `f` is a function/,
    /machine's memory/,
  ],
  ['a delete', 'export function f() { delete f.x; }', '7:30', /`f.x`/, /machine's memory/],
  [
    'an assignment to static data itself',
    'export function f() { shared = 1; }',
    '7:23',
    /`shared` is static data: it can't be assigned/,
    /shared\.field = /,
  ],
  [
    'an assignment to a constant',
    'const a = 1;\nexport function f() { a = 2; }',
    '8:23',
    /`a` is a constant/,
    /machine's memory/,
  ],
  [
    'an assignment to a global',
    'export function f() { globalThis.x = 1; }',
    '7:23',
    /`globalThis.x` is outside the machine's memory/,
    /machine's memory/,
  ],
  [
    'an assignment to a name that nobody declares',
    'export function f() { counter = 1; }',
    '7:23',
    /`counter` is outside the machine's memory/,
    /machine's memory/,
  ],
  [
    'a name of the loader',
    'export function f() { let $k = 1; return $k; }',
    '7:27',
    /`\$k`: names that begin with \$/,
    /another name/,
  ],
  ['an await', 'const x = await 1;', '7:7', /computed once on each CPU/, /in a function/],
];

describe('the top level of a module may not have', () => {
  it.each(refused)('%s', async (_, source, at, message, advice) => {
    const found = await refusals(HEAD + source, {}, ['toplevel']);
    expect(found).toHaveLength(1);
    const [position, text] = [
      found[0]!.slice(0, found[0]!.indexOf(': ')),
      found[0]!.slice(found[0]!.indexOf(': ') + 2),
    ];
    expect(text.split(' => ')[0]).toMatch(message);
    expect(text.split(' => ')[1]).toMatch(advice);
    expect(position).toBe(`test.ts:${at}`);
  });

  it('symbols that are no names', async () => {
    expect(await refusals("function f() {}\nexport { f as 'a b' };")).toEqual([
      'test.ts:1:10: `a b` is no name for a symbol => letters, digits and _',
    ]);
  });

  it('things that only differ in their file from what may be there: helper files are held to the same', async () => {
    const found = await refusals({
      'test.ts': "import { f } from './helper.js';\nexport function g() { f(); }",
      'helper.ts': '\n\n  let hidden = 0;\nexport function f() { return hidden++; }',
    });
    expect(found.map((f) => f.split(': ')[0])).toEqual(['helper.ts:3:7']);
  });

  it('two functions of one name in two files', async () => {
    const found = await refusals({
      'test.ts': "import { g } from './helper.js';\nexport function f() { g(); }",
      'helper.ts': 'export function g() {}\nexport function f() {}',
    });
    expect(found).toEqual([
      'helper.ts:2:17: `f` is exported by test.ts too: symbols of a module have one name each => rename one of them',
    ]);
  });

  it('several things: all are reported at once, in order', async () => {
    const found = await refusals(`${HEAD}let a = 1;\nconst b = [];\nprintk('x');`);
    expect(found.map((f) => f.split(': ')[0])).toEqual(['test.ts:7:5', 'test.ts:8:7', 'test.ts:9:1']);
    expect(LINE).toBe(HEAD.split('\n').length);
  });
});
