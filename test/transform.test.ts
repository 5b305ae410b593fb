// Every construct of the allowed subset, run plainly and as its twin: same result, same effects in the same order, and
// a step before each effect.
import { describe, expect, it } from 'vitest';
import { run, unstepped, without_steps } from './transform-harness.js';

/** What `main(s)` does. Effects: fields of `s` (n m big flag none nil text inner lock), log(), id(), lock(), … */
const CONSTRUCTS: Record<string, string> = {
  'a read of a field': 'function main(s) { return s.n; }',
  'a write of a field': 'function main(s) { s.n = 7; return s.n; }',
  'a write whose value is computed first': 'function main(s) { s.n = id(s.m) + s.n; return s.n; }',
  'chained assignments': 'function main(s) { const r = (s.n = s.m = id(4)); return r; }',
  'every compound assignment':
    'function main(s) { s.n += 2; s.n -= id(1); s.m *= 3; s.m **= 2; s.m %= 7; s.n <<= 2; s.n >>= 1; s.n >>>= 0; s.n |= 8; s.n &= 12; s.n ^= 5; s.m /= 2; return [s.n, s.m]; }',
  'a compound assignment whose right side changes the field':
    'function main(s) { s.n += (s.n = 100, id(1)); return s.n; }',
  'logical assignments':
    'function main(s) { s.none ??= id(1); s.nil ??= s.m; s.flag ||= id(true); s.flag &&= s.n; s.n ||= id(9); s.n ??= id(9); return [s.none, s.nil, s.flag]; }',
  'increments and decrements':
    'function main(s) { const a = s.n++; const b = ++s.n; const c = s.m--; const d = --s.m; s.n++; return [a, b, c, d, s.n]; }',
  'increments of bigint fields':
    'function main(s) { const a = s.big++; const b = ++s.big; s.big += 2n; return [String(a), String(b), String(s.big)]; }',
  'increments of local variables and elements':
    'function main(s) { let a = s.n; const b = [a++, ++a]; b[id(0)]++; b[1] += s.m; return [a, b]; }',
  'a computed field':
    "function main(s) { const k = id('n'); s[k] += 5; s['m'] = s[id('n')]; s[id('n')]++; return [s[k], s.m]; }",
  'the address of a view, which is no access': "function main(s) { return s['@addr']; }",
  'nested structs': 'function main(s) { s.inner.x = s.inner.y + s.inner.x; return s.inner.x++; }',
  'operands in order': 'function main(s) { return id(1) + s.n * id(2) - (s.m, id(3)); }',
  'a local variable changed while it is an operand': 'function main(s) { let a = 1; return a + (a = id(5)) + a; }',
  'arguments in order, one changing another':
    'function main(s) { let a = 1; function f(x, y, z) { return [x, y, z]; } return [f(a, a = id(2), a), log(a, a++, s.n, a)]; }',
  'a conditional': 'function main(s) { return s.flag ? id(1) : s.n ? id(2) : id(3); }',
  'logical operators':
    'function main(s) { return [s.flag && id(1), s.flag || id(2), s.none ?? id(3), s.n && s.m, s.n ?? id(4)]; }',
  'unary operators':
    'function main(s) { return [-s.n, !s.flag, ~s.m, typeof s.text, typeof undef, void id(1), +s.n]; }',
  'comparison, in and instanceof':
    "function main(s) { return [s.n < s.m, s.n === id(1), 'n' in { n: s.n }, [] instanceof Array, s.n == s.m]; }",
  'a sequence': 'function main(s) { return (s.n = 2, id(3), s.n); }',
  'a template': 'function main(s) { return `${s.n} and ${id(s.m)}${log(1)}`; }',
  'array and object literals':
    'function main(s) { const k = "z"; return [s.n, , id(2), { a: s.m, [id(k)]: s.n, n: s.n, "q r": 1 }]; }',
  'spread of arrays and local objects':
    'function main(s) { const a = [id(1), s.n]; const o = { x: 1, y: s.m }; return [[0, ...a, s.n, ...id(a)], { ...o, y: id(3) }, log(...a, 9), Math.max(...a)]; }',
  'spread of a string': 'function main(s) { return [...s.text]; }',
  'a spread that a later argument changes': 'function main(s) { const a = [1, 2]; return [log(...a, a.push(3)), a]; }',
  'destructuring of locals':
    'function main(s) { const { a, b: { c = id(5), d }, ["e"]: e = s.n } = id({ a: 1, b: { d: s.m } }); const [f, , g = id(8), ...h] = [s.n, 2, undefined, 4, 5]; return [a, c, d, e, f, g, h]; }',
  'destructuring of a shared struct':
    'function main(s) { const { n, m: em, none = id(3), inner: { x } } = s; return [n, em, none, x]; }',
  'destructuring with var and let':
    'function main(s) { let [a, b] = [s.n, s.m], c = a; var { n, m } = s; a = n; return [a, b, c, m]; }',
  'assignment by destructuring':
    'function main(s) { let a = 1, b = s.m, c; [a, b] = [b, a]; ({ n: c = id(1), none: a = id(4) } = s); return [a, b, c, ([a, b] = [5, 6])]; }',
  'optional chains':
    'function main(s) { return [s?.n, s.nil?.x, s.nil?.x.y(id(1)), s.inner?.x, s.none?.[id(1)], id(null)?.a.b, s?.inner.y]; }',
  'optional calls':
    'function main(s) { const o = { f: (x) => id(x) + s.n, n: null }; return [o.f?.(1), o.g?.(id(2)), o?.f(3), o.n?.f(id(9)), undef?.(id(1)), o.f?.(2).toFixed(1)]; }',
  'optional chains in parentheses': 'function main(s) { const o = { a: { b: 1 } }; return [(o?.a).b, (s?.inner).x]; }',
  'delete of a local field': 'function main(s) { const o = { a: 1, b: s.n }; return [delete o[id("a")], o]; }',
  'if and else':
    'function main(s) { if (s.n === 1) log(1); else log(2); if (s.flag) { log(3); } else if (s.m) { const n = s.n; log(n); } if (!s.flag) log(s.m); }',
  'while with break and continue':
    'function main(s) { let i = 0; while (s.n < 20) { i++; s.n += i; if (i === 2) continue; if (id(i) > 3) break; log(i); } return i; }',
  'do while with continue':
    'function main(s) { let i = 0; do { i++; if (i < 3) continue; log(i); } while (s.n + i < 6); return i; }',
  'for with all parts and with none':
    'function main(s) { for (let i = s.n, j = 0; i < s.m; i += id(3), j++) log(i, j); for (;;) { if (s.n++ > 2) break; } let k; for (k = 0; k < 2; k++); return k; }',
  'a fresh variable in each round of a for loop':
    'function main(s) { const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i + s.n); return fs[0]() + fs[2](); }',
  labels:
    'function main(s) { outer: for (let i = 0; i < 3; i++) { inner: while (true) { if (id(i) === 1) continue outer; if (s.n++ > 3) break outer; for (const x of [1, 2]) { if (x === 2) break inner; continue; } } log("end", i); } block: { if (s.m) break block; log("no"); } return s.n; }',
  'for of an array':
    'function main(s) { let t = 0; for (const x of [s.n, id(2), s.m]) { if (x === 2) continue; t += x; s.n = t; } return t; }',
  'for of an array that grows':
    'function main(s) { const a = [1]; for (const x of a) if (x < 4) a.push(id(x + 1)); return a; }',
  'for of a string': 'function main(s) { const a = []; for (const c of s.text + "\\u{1F600}") a.push(c); return a; }',
  'for of into a variable, with a pattern, and nested':
    'function main(s) { let x; for (x of [1, s.m]) log(x); for (const [a, { b }] of [[1, { b: s.n }]]) for (let c of [a, b]) { c += 1; log(c); } return x; }',
  'for of with a closure per round':
    'function main(s) { const fs = []; for (const x of [1, 2]) fs.push(() => x); return fs[0]() * 10 + fs[1](); }',
  'for of a kernel list':
    'function main(s) { let t = 0; for (const e of walk(4)) { if (e === 10) continue; if (e > 20) break; t += e + s.n; } return t; }',
  'switch with fall-through and default':
    'function main(s) { const r = []; for (const v of [1, 2, 3, 4]) switch (v) { case s.n: r.push("one"); case id(2): { const q = s.m; r.push(q); break; } default: r.push("d"); break; case 4: r.push("four"); } return r; }',
  'switch with declarations':
    'function main(s) { switch (s.n) { case 0: let a; case 1: a = s.m; const b = a; return b; } }',
  'a call of a function of the module':
    'function f(a, b) { return a + b; } function main(s) { return f(s.n, f(id(1), s.m)); }',
  recursion:
    'function fib(n, s) { return n < 2 ? s.n : fib(n - 1, s) + fib(n - 2, s); } function main(s) { return fib(5, s); }',
  'default and rest parameters':
    'function f(a, b = id(a + 1), c = b + a, ...d) { return [a, b, c, d]; } function main(s) { return [f(s.n), f(1, undefined, 3, s.m, 5), f(1, 2)]; }',
  'parameters with patterns':
    'function f({ a, b = id(2) }, [c, d] = [s0.n, 4], ...[e]) { a += 1; return [a, b, c, d, e]; } let s0; function main(s) { s0 = s; return [f({ a: 1 }), f({ a: s.n, b: 3 }, [5, 6], 7)]; }',
  'closures and function values':
    'function main(s) { const add = (x) => s.n + x; const f = function (g, x) { return g(x) + s.m; }; let h = add; return [f(add, 1), f((x) => id(x), 2), h(3), (() => s.n)(), (function () { return id(1); })()]; }',
  'hoisting: a function used before its line, and in a block':
    'function main(s) { const r = f(s.n); { const q = g(1); log(q); function g(x) { return x + s.m; } } return r; function f(x) { return id(x) * 2; } }',
  'a named function expression that calls itself':
    'function main(s) { const f = function me(n) { return n === 0 ? s.n : me(n - 1) + 1; }; return f(3); }',
  'names of functions':
    'function main(s) { const a = () => 1; let b; b = function () {}; const o = { c: () => 2, d: function e() {} }; const { f = () => 3 } = {}; for (let g = () => 1; id(0); ); return [a.name, b.name, o.c.name, o.d.name, f.name, (() => 0).name, main.name, main.length]; }',
  'functions in objects':
    'function main(s) { const ops = { get: (x) => s.n + x, id }; const key = "get"; return [ops.get(1), ops[key](2), ops[id("get")](s.m), ops.id(4), [(x) => x + s.n][0](1)]; }',
  'methods, this and super':
    'class base extends Shared { bump(by) { this.n += by; return this.n; } static make(x) { return id(x); } } class sub extends base { bump(by = 2) { log("sub"); return super.bump(by) + super.m; } twice() { this.bump(1); return this.bump(id(3)); } } function main(s) { Object.setPrototypeOf(s, sub.prototype); return [s.twice(), s.bump(), sub.make(s.n)]; }',
  'writes through super':
    'class c extends Shared { f() { super.n = id(3); super.n += 2; return super.n++; } } function main(s) { Object.setPrototypeOf(s, c.prototype); return s.f(); }',
  'this in arrow functions of a method':
    'class c extends Shared { f() { const g = () => this.n + 1; return [g(), until(() => this.m)]; } } function main(s) { Object.setPrototypeOf(s, c.prototype); return s.f(); }',
  'generator methods':
    'class c extends Shared { *f(x) { const y = yield* sleep(x); this.n = y; return this.n; } } function* main(s) { Object.setPrototypeOf(s, c.prototype); return yield* s.f(4); }',
  'class expressions':
    'const C = class extends Shared { f() { return this.n; } }; function main(s) { Object.setPrototypeOf(s, C.prototype); return s.f(); }',
  'built-in functions and methods':
    'function main(s) { const a = [3, 1]; a.push(s.n, id(4)); return [a.length, a.indexOf(s.n), a.slice(1).concat([s.m]), Math.max(s.n, id(2)), Number("3"), String(s.n), BigInt(s.n) + s.big === 4n, s.text.toUpperCase().slice(0, s.n), JSON.stringify({ a: s.n }), Object.keys({ q: 1 }), parseInt(s.text, 16), Array.isArray(a)]; }',
  'maps and sets within a function':
    'function main(s) { const m = new Map([[1, s.n]]); m.set(id(2), s.m); const q = new Set([1, 2]); return [m.get(2), q.has(s.n), m.size, new Uint8Array(s.n).length]; }',
  'kernel primitives, twin and plain':
    'function main(s) { lock(s.lock); const r = [id(1), pure(s.n), log(s.m)]; lock(1); const l = lock; l(2); return r; }',
  'a namespace import': 'const k = $m0; function main(s) { return k.id(s.n) + k.pure(2); }',
  'a callback that a primitive calls':
    'function main(s) { return until(() => (s.n++, s.n > 0)) && until(function () { return id(7); }); }',
  'a callback that a primitive keeps': 'function f() {} function main(s) { keep(f); keep(() => s.n); }',
  'sleeping, by a generator function':
    'function* inner_sleep(s, x) { s.n += yield* sleep(x); return s.n; } function* main(s) { const a = yield* inner_sleep(s, 3); const b = (yield* sleep(a)) + s.m; if (yield* sleep(true)) log("awake"); return [a, b, yield* (s.flag ? sleep(1) : inner_sleep(s, 2))]; }',
  'sleeping, by generator expressions':
    'function* main(s) { const f = function* (x) { return yield* sleep(x + s.n); }; const o = { f }; return [yield* f(1), yield* o.f(2)]; }',
  throw: 'function f(s) { if (s.n) throw new RangeError(`bad ${s.m}`); } function main(s) { log(1); f(s); log(2); }',
  'a null pointer': 'function main(s) { const o = id(null); return o.field; }',
  'a null pointer in a call': 'function main(s) { const o = { p: undefined }; log(1); return o.p.run(id(1)); }',
  'a null pointer in a write': 'function main(s) { let o; o.x = id(2); }',
  'a null pointer in an update': 'function main(s) { const o = {}; o.a.x += id(2); }',
  'a call of something that is no function': 'function main(s) { const o = { f: 1 }; o.f(id(1)); }',
  'a call of an undefined variable': 'function main(s) { let f; f(id(1)); }',
  'a call of something that is no function, behind a call': 'function main(s) { id({ g: null }).g(id(1)); }',
  'destructuring of nothing': 'function main(s) { const { a } = s.nil; }',
  'destructuring of nothing, deep': 'function main(s) { const { a: { b } } = { a: undefined }; }',
  'destructuring of nothing, in other places': 'function f({ a }) { return a; } function main(s) { return f(s.nil); }',
  'destructuring of nothing, in an arrow function': 'const f = ({ a }) => a; function main(s) { return f(); }',
  'destructuring of nothing, in a second parameter':
    'const f = (x, { a: { b } }) => b; function main(s) { return f(1, { a: null }); }',
  'destructuring of nothing, in an assignment': 'function main(s) { let a; ({ a } = s.none); }',
  'destructuring of nothing, of a call': 'function main(s) { const { a } = id(null); }',
  'destructuring of nothing, in a loop': 'function main(s) { for (const { a } of [null]) log(a); }',
  'destructuring of nothing, with no name': 'function main(s) { const {} = s.nil; }',
  'destructuring of nothing, with a computed name': 'function main(s) { const { [id("a")]: b } = s.nil; }',
  'for of nothing': 'function main(s) { for (const x of s.nil) log(x); }',
  'for of an object that has no iterator': 'function main(s) { const o = { a: 1 }; for (const x of o) log(x); }',
  'for of nothing that a call returned': 'function main(s) { for (const x of id(undefined)) log(x); }',
  'an assignment to a constant': 'function main(s) { const c = 1; log(1); c = id(2); }',
  'use before the declaration': 'function main(s) { log(1); id(c); const c = 1; }',
  directives: '"use strict"; function main(s) { "use strict"; return s.n; }',
  'bigint arithmetic': 'function main(s) { return String(s.big ** 2n + BigInt(s.n) - s.inner.z); }',
  'regular expressions':
    'function main(s) { return [/b(.)/.test(s.text), s.text.replace(/b/, "x"), s.text.match(/(c)/)[1]]; }',
  'an empty statement, a block, debugger':
    'function main(s) { ; { ; } debugger; { let n = s.n; { let n = s.m; log(n); } return n; } }',
  'comma in a for head, in in a for head':
    'function main(s) { for (let i = ("n" in { n: 1 }) ? s.n : 5, a = [i]; i < 3; i++) { a.push(i); log(a); } }',
  'a variable that shadows a function':
    'function f() { return 1; } function main(s) { const f = (x) => x + s.n; { const id = (x) => -x; log(id(2)); } return f(1); }',
  'a variable captured and changed by a closure':
    'function main(s) { let o = { v: s.n }; const swap = () => { o = { v: s.m }; return 1; }; return [o.v + swap() + o.v, (o.v = swap() + 5), o]; }',
};

describe('a twin does what the function does', () => {
  for (const [name, source] of Object.entries(CONSTRUCTS)) {
    it(name, () => {
      const plain = run(source, 'plain');
      const never = run(source, 'never');
      const always = run(source, 'always');
      expect({ ...never, steps: 0 }).toEqual({ ...plain, steps: 0 });
      expect({ ...always, steps: 0, trace: without_steps(always.trace) }).toEqual({ ...plain, steps: 0 });
      expect(unstepped(always.trace)).toEqual([]);
    });
  }
});
