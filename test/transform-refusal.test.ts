// What a twin refuses while it runs, and what the transform refuses if the subset check was passed by.
import { describe, expect, it } from 'vitest';
import { compile, run } from './transform-harness.js';

const AT_RUN_TIME: [string, string, RegExp][] = [
  [
    'a kernel function that sleeps, without yield*',
    'function main(s) { sleep(1); return 2; }',
    /sleep\(\) may sleep; write `yield\* sleep/,
  ],
  [
    'a generator function of the module, without yield*',
    'function* nap() { yield* sleep(1); } function main(s) { nap(); }',
    /nap\(\) may sleep/,
  ],
  [
    'one that is reached through a variable',
    'function* nap() {} function main(s) { const f = id(nap); f(); }',
    /nap\(\) may sleep/,
  ],
  [
    'one that is reached through an object',
    'function* nap() {} function main(s) { const o = { nap }; o.nap(); }',
    /nap\(\) may sleep/,
  ],
  [
    'a generator method without yield*',
    'class c extends Shared { *nap() {} } function main(s) { Object.setPrototypeOf(s, c.prototype); s.nap(); }',
    /nap\(\) may sleep/,
  ],
  [
    'yield* on a function that does not sleep',
    'function f() { return 1; } function* main(s) { yield* f(); }',
    /does not sleep/,
  ],
  [
    'a function handed to forEach',
    'function main(s) { const f = (x) => log(x); [1].forEach(id(f)); }',
    /handed to forEach/,
  ],
  ['a function handed to sort', 'function main(s) { return [2, 1].sort(id((a, b) => a - b)); }', /handed to sort/],
  [
    'for … of over a map',
    'function main(s) { for (const x of new Map([[1, 2]])) log(x); }',
    /arrays, strings and kernel lists/,
  ],
  [
    'for … of over a typed array',
    'function main(s) { for (const x of new Uint8Array(1)) log(x); }',
    /arrays, strings and kernel lists/,
  ],
  ['spreading a map', 'function main(s) { return [...new Set([1])]; }', /arrays and strings/],
  ['an array pattern over a set', 'function main(s) { const [a] = new Set([1]); return a; }', /arrays and strings/],
  ['spreading a shared struct', 'function main(s) { return { ...s }; }', /shared struct/],
];

const WHEN_TRANSFORMED: [string, string, RegExp][] = [
  ['an async function', 'async function main() {}', /main\.ts:1:\d+: .*async/],
  ['await', 'const f = async () => { await 1; }; function main() {}', /async|Await/],
  ['try', 'function main() { try {} finally {} }', /try/],
  ['for in', 'function main(o) { for (const k in o); }', /ForIn/],
  ['a tagged template', 'function main(o) { return o`x`; }', /Tagged/],
  ['bare yield', 'function* main() { yield 1; }', /yield\*/],
  ['yield* of a variable', 'function* main(g) { yield* g; }', /yield\*/],
  ['a constructor', 'class c { constructor() {} } function main() {}', /method/],
  ['a getter', 'class c { get x() { return 1; } } function main() {}', /method/],
  ['a field of a class', 'class c { x = 1; } function main() {}', /method/],
  ['a method of an object literal', 'function main() { return { m() {} }; }', /object literal/],
  [
    'super in an arrow function',
    'class c extends Shared { f() { return () => super.f(); } } function main() {}',
    /super/,
  ],
  ['a private field', 'function main(o) { return o; } class c { f() { return this.x; } #p() {} }', /method/],
  ['the rest of an object', 'function main(o) { const { a, ...r } = o; return r; }', /rest/],
  ['import()', 'function main() { return import("x"); }', /Import/],
  ['a pattern into a field', 'function main(o) { [o.a] = [1]; }', /fields one by one/],
];

describe('a twin refuses, or makes,', () => {
  for (const [name, source, what] of AT_RUN_TIME) {
    it(name, () => {
      for (const how of ['never', 'always'] as const) {
        const { error, result } = run(source, how);
        expect(result).toBeUndefined();
        expect(error).toMatch(what);
      }
    });
  }
  it('no generator for a primitive that says it would not wait', () => {
    const source =
      'function* main(s) { const r = [ready_lock(1), ready_lock(9)]; yield* ready_sleep(2); yield* ready_sleep(8); return r; }';
    const { trace, result } = run(source, 'always');
    expect(result).toEqual([1, 9]);
    expect(trace).toEqual(['step', 'lock plainly 1', 'step', 'lock 9', 'step', 'sleep plainly 2', 'step', 'sleep 8']);
  });
  it('nothing of the same kind that is right', () => {
    const source =
      'function f(x) { return x; } function* nap() { return yield* sleep(1); } function* main(s) { for (const x of walk(1)) log(x); [1].push(f); keep(f); until(f); const m = new Map([[1, f]]); return [yield* nap(), m.size]; }';
    expect(run(source, 'always')).toMatchObject({ error: null, result: [1, 1] });
  });
});

describe('the transform refuses, by file, line and column,', () => {
  for (const [name, source, what] of WHEN_TRANSFORMED) it(name, () => expect(() => compile(source)).toThrow(what));
  it('with the position in the source', () => {
    const error = (() => {
      try {
        compile('function f() {}\nfunction main(o) {\n  for (const k in o);\n}');
      } catch (e) {
        return e as { line: number; column: number; file: string };
      }
      return null;
    })();
    expect(error).toMatchObject({ file: 'main.ts', line: 3, column: 3 });
  });
});
