// Generated programs: the twin has the result and the effects of the function, in the same order, wherever it pauses;
// and one that pauses everywhere has a step before each effect.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, run, unstepped, without_steps } from './transform-harness.js';

const locals = ['a', 'b', 'c'];
const fields = ['s.n', 's.m', 's.inner.x', 's.inner.y', "s['n']"];
const of = (...xs: string[]) => fc.constantFrom(...xs);
const join = (f: (...xs: string[]) => string, ...parts: fc.Arbitrary<string>[]) =>
  fc.tuple(...parts).map((xs) => f(...xs));

/** Functions that the program may call: ordinary ones that call each other in one direction. */
const grammar = fc.letrec<{ e: string; simple: string; s: string; block: string; condition: string }>((tie) => ({
  simple: fc.oneof(
    of(...locals),
    of(...fields),
    fc.integer({ min: -3, max: 9 }).map((n) => `(${n})`),
  ),
  condition: join((x, o, y) => `${x} ${o} ${y}`, tie('simple'), of('<', '>', '===', '!=='), tie('simple')),
  e: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('simple'),
    join((x, o, y) => `(${x} ${o} ${y})`, tie('e'), of('+', '-', '*', '&', '|', '^', '<', '==='), tie('e')),
    join((x, o, y) => `(${x} ${o} ${y})`, tie('e'), of('&&', '||'), tie('e')),
    join((c, x, y) => `(${c} ? ${x} : ${y})`, tie('condition'), tie('e'), tie('e')),
    join(
      (l, o, x) => `(${l} ${o} ${x})`,
      of(...locals, ...fields),
      of('=', '+=', '-=', '^=', '||=', '&&=', '??='),
      tie('e'),
    ),
    join((l, o) => `(${l}${o})`, of(...locals, ...fields), of('++', '--')),
    join((o, l) => `(${o}${l})`, of('++', '--'), of(...locals, ...fields)),
    join((f, x, y) => `${f}(${x}, ${y})`, of('f', 'g', 'h', 'o.f', 'o[id("g")]', 'later'), tie('e'), tie('e')),
    join((x) => `id(${x})`, tie('e')),
    join((x, y) => `log(${x}, ${y})`, tie('e'), tie('e')),
    join((x) => `until(() => ${x})`, tie('e')),
    join((x) => `((p) => p + ${x})(1)`, tie('e')),
    join((x, y) => `[${x}, ${y}].length`, tie('e'), tie('e')),
    join((x, y) => `({ p: ${x}, q: [${y}] }).q[0]`, tie('e'), tie('e')),
    join((x) => `(o?.f(${x}, 1) ?? o.none?.x)`, tie('e')),
    join((x, y) => `Math.max(${x}, ${y})`, tie('e'), tie('e')),
    join((x, y) => `([a, b] = [${x}, ${y}])[1]`, tie('e'), tie('e')),
    join((x, y) => `(${x}, ${y})`, tie('e'), tie('e')),
    join((x) => '`${' + x + '}`.length', tie('e')),
    join((x) => `-${x}`, tie('simple')),
  ),
  block: fc.array(tie('s'), { maxLength: 3 }).map((xs) => `{ ${xs.join(' ')} }`),
  s: fc.oneof(
    { depthSize: 'small' },
    join((x) => `${x};`, tie('e')),
    join((x) => `log(${x});`, tie('e')),
    join((c, x, y) => `if (${c}) ${x} else ${y}`, tie('condition'), tie('block'), tie('block')),
    join((x, y) => `for (let i = 0; i < 3; i++) { a = ${x}; ${y} if (i === c) continue; }`, tie('e'), tie('block')),
    join((x, y) => `for (const x of [${x}, 2, b]) { ${y} if (x > 5) break; a += x; }`, tie('e'), tie('block')),
    join((y) => `for (const x of walk(2)) { ${y} b = x; }`, tie('block')),
    join(
      (x, y) => `{ let n = 0; while (n++ < 2) { ${y} if (${x}) continue; log(n); } }`,
      tie('condition'),
      tie('block'),
    ),
    join(
      (l, x, y) => `{ let d = 0; ${l}: do { ${y} if (${x}) break ${l}; } while (d++ < 1 && s.n++ < 0); }`,
      fc.nat().map((n) => `l${n}`),
      tie('condition'),
      tie('block'),
    ),
    join(
      (x, y, z) => `switch (${x}) { case 1: ${y} case ${z}: log(7); break; default: b++; }`,
      tie('e'),
      tie('block'),
      tie('simple'),
    ),
    join(
      (x, y) =>
        `{ const { n, none = ${x}, inner: { x: ix } } = s; let [p, ...q] = [${y}, n]; a = p + ix; log(none, q.length); }`,
      tie('e'),
      tie('e'),
    ),
    join((x) => `{ const k = (p = ${x}) => p + c; b = k() + k(1); }`, tie('e')),
    join((x) => `lock(${x});`, tie('simple')),
    join((x) => `if (a > 1000 || b < -1000) { a = b = 1; log(${x}); }`, tie('e')),
  ),
}));

const program = fc.tuple(grammar.e, grammar.e, grammar.block, grammar.block, grammar.e).map(
  ([f, g, h, main, result]) => `
  let a = 1, b = 2, c = 3, s, o;
  const f = (x, y) => { const a = x, b = y, c = 1; return ${f.replace(/\b(f|g|h|later|o\.f|o\[id\("g"\)\]|o\?\.f)\(/g, 'id(')}; };
  function g(a, b, c = a) { return ${g.replace(/\b(g|h|later|o\.f|o\[id\("g"\)\]|o\?\.f)\(/g, 'f(')}; }
  function main(shared) { s = shared; o = { f, g }; let a = 1, b = 2, c = 3; function h(a, b) { let c = 0; ${h.replace(/\b(h|later)\(/g, 'g(')} return a; } ${main} return [${result}, a, b, c, s.n, s.m]; function later(x, y) { return x * a + y; } }`,
);

const random = (seed: number) => (): boolean => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed & 3) === 0;
};

describe('twins of generated programs', () => {
  it('do what the programs do', () => {
    let statements = 0;
    fc.assert(
      fc.property(program, fc.integer({ min: 1 }), (source, seed) => {
        const plain = run(source, 'plain');
        statements += plain.trace.length;
        const never = run(source, 'never');
        expect({ ...never, steps: 0 }).toEqual({ ...plain, steps: 0 });
        const always = run(source, 'always');
        expect({ ...always, steps: 0, trace: without_steps(always.trace) }).toEqual({ ...plain, steps: 0 });
        expect(unstepped(always.trace)).toEqual([]);
        const some = run(source, random(seed));
        expect({ ...some, steps: 0, trace: without_steps(some.trace) }).toEqual({ ...plain, steps: 0 });
        expect(some.steps).toBe(always.steps);
      }),
      { numRuns: Number(process.env.TRANSFORM_RUNS ?? 200), ...(process.env.TRANSFORM_RUNS ? {} : { seed: 20 }) },
    );
    expect(statements).toBeGreaterThan(1000);
  }, 600_000);

  it('would be told apart if a twin lost an effect', () => {
    // The control: the same comparison over a twin that is wrong.
    const source = 'function main(s) { s.n = id(1); return s.n; }';
    expect(compile(source).code).toContain('$s.s(');
    const plain = run(source, 'plain');
    const wrong = run('function main(s) { id(1); return s.n; }', 'always');
    expect(without_steps(wrong.trace)).not.toEqual(plain.trace);
    expect(unstepped(['read s n', 'write s n 1'])).toEqual(['write s n 1']);
  });
});
