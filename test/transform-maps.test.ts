// An exception inside a twin points to the same line and column of the TypeScript as one in the plain function, in
// every frame; and sites stand where the access is.
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { transformSync } from 'esbuild';
import { runInThisContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { source_name } from '../dist/stepped/transform/runtime.js';
import { transform } from '../dist/stepped/transform.js';
import { drain, world } from './transform-harness.js';

type Any = any; // eslint-disable-line @typescript-eslint/no-explicit-any

const SOURCE = `import { id, log, lock, until } from 'k';
interface Box { n: number; inner: { x: number } }

function fail(why: string): never {
  const text: string = \`failed: \${why}\`;
  throw new Error(text);
}
class c {
  static method(box: Box | null): number {
    log(1); return (box as Box).inner.x;
  }
}
const cases: Record<string, (box: Box) => unknown> = Object.freeze({
  thrown: (box: Box) => { if (box.n) fail('x'); },
  in_an_operand: (box: Box) => box.n + (id(2) as number) + fail('y'),
  of_null: (box: Box) => {
    box.n++; const nothing = id(null) as Box;
    return box.n + nothing.inner.x;
  },
  written: (box: Box) => { const nothing = id(undefined) as unknown as Box;   nothing.n = box.n; },
  updated: (box: Box) => {
    const nothing = id(undefined) as unknown as Box;
    nothing.n++;
  },
  method: (box: Box) => { lock(box.n); return [1, c.method(null)]; },
  no_function: (box: Box) => { const f = id(box.n) as unknown as () => void; f(); },
  no_method: (box: Box) => {
    log(box.n);
    (box as unknown as Record<string, () => void>).nil!();
  },
  called_back: (box: Box) => until(() => {
    if (box.n > 0) throw new RangeError('in the callback');
  }),
  in_a_loop: (box: Box) => {
    for (const x of [1, 2, box.n]) { while (x > 1) { switch (x) { case 2: {
      fail('z');
    } } } }
  },
  chain: (box: Box) => box?.inner.x.toFixed(id(1000)),
});
export const names = (): string[] => Object.keys(cases);
export function main(box: Box, which: string): unknown { return cases[which]!(box); }
`;

interface Frame {
  name: string;
  line: number;
  column: number;
}

function frames(error: Error, file: string, map: TraceMap): Frame[] {
  return error.stack!.split('\n').flatMap((text) => {
    const m = /at (?:(.*) \()?([^ (]*):(\d+):(\d+)\)?$/.exec(text);
    if (m === null || m[2] !== file) return [];
    const p = originalPositionFor(map, { line: Number(m[3]), column: Number(m[4]) - 1 });
    // A function without a name has none in a twin either; V8 then names what it was found on.
    const name = source_name((m[1] ?? '').replace(/^.*\./, '').replace(/ \[as .*\]$/, ''));
    return p.line === null ? [] : [{ name, line: p.line, column: p.column + 1 }];
  });
}

function both() {
  const { code, map } = transformSync(SOURCE, {
    loader: 'ts',
    format: 'cjs',
    target: 'es2022',
    sourcemap: 'external',
    sourcefile: 'main.ts',
  });
  const stepped = transform(code, { file: 'main.ts', mode: 'module', inputMap: map, siteBase: 0, runtime: 'runtime' });
  const load = (js: string, filename: string): Any => {
    const { kernel, runtime } = world([], () => true);
    const module = { exports: {} as Any };
    runInThisContext(`(function (require, module, exports, runtime) {${js}\n})`, { filename, columnOffset: -49 })(
      () => kernel,
      module,
      module.exports,
      runtime,
    );
    return { exports: module.exports, kernel };
  };
  const head = (m: object | string): TraceMap => new TraceMap(m as string);
  return {
    plain: load(code, 'plain.cjs'),
    twin: load(stepped.code, 'twin.cjs'),
    maps: { plain: head(map), twin: head(stepped.map) },
    stepped,
  };
}

const caught = (f: () => unknown): Error => {
  try {
    f();
  } catch (e) {
    return e as Error;
  }
  throw new Error('nothing was thrown');
};

describe('positions in twins', () => {
  const { plain, twin, maps, stepped } = both();
  for (const which of plain.exports.names() as string[]) {
    it(`an exception ${which.replace(/_/g, ' ')} has the same frames in the TypeScript source as in the plain function`, () => {
      const a = caught(() => plain.exports.main(plain.kernel.s, which));
      const b = caught(() => drain(twin.exports.main.$g(twin.kernel.s, which)));
      expect(b.message).toBe(a.message);
      const wanted = frames(a, 'plain.cjs', maps.plain);
      // V8 itself puts `x.n++` of a null x at the start of the statement; the twin knows better.
      const place = ({ line, column }: Frame): string => (which === 'updated' ? `${line}` : `${line}:${column}`);
      expect(frames(b, 'twin.cjs', maps.twin).map(place)).toEqual(wanted.map(place));
      expect(wanted.length).toBeGreaterThan(1);
    });
  }
  it('has an exception where the source says so', () => {
    const e = caught(() => drain(twin.exports.main.$g(twin.kernel.s, 'thrown')));
    expect(frames(e, 'twin.cjs', maps.twin)[0]).toEqual({ name: 'fail', line: 6, column: 9 });
  });
  it('keeps the names of functions in the stack', () => {
    const e = caught(() => drain(twin.exports.main.$g(twin.kernel.s, 'method')));
    expect(frames(e, 'twin.cjs', maps.twin).map((f) => f.name)).toContain('method');
  });
  it('names the user’s file as the only source of the map', () => {
    expect((stepped.map as { sources: string[] }).sources).toEqual(['main.ts']);
  });
  it('has a site for each access, call and loop, at its line and column', () => {
    const lines = SOURCE.split('\n');
    for (const s of stepped.sites) {
      const here = lines[s.line - 1]!.slice(s.column - 1);
      const last = s.name.split(/[.?]/).at(-1)!;
      if (s.kind === 'loop') expect(here).toMatch(/^(for|while|do)\b/);
      else if (s.name !== '[]' && /^\w+$/.test(last)) expect(lines[s.line - 1]!.slice(s.column - 1)).toContain(last);
    }
    expect(stepped.sites.map((s) => s.id)).toEqual(stepped.sites.map((_, i) => i));
    const at = (line: number): string[] =>
      stepped.sites.filter((s) => s.line === line).map((s) => `${s.kind} ${s.name}`);
    expect(at(17)).toEqual(['read n', 'write n', 'call id']);
  });
});
