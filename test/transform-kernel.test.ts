// The stepped kernel: twins of kernel functions, the declarations against the call graph, the build.
import { mkdtempSync, mkdirSync, writeFileSync, readFileSync, cpSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { describe, expect, it } from 'vitest';
import { buildSteppedKernel, kernelSources } from '../dist/stepped/build.js';
import { checkDeclarations, DECLARATIONS, type Declarations } from '../dist/stepped/primitives.js';
import { transform } from '../dist/stepped/transform.js';
import { KernelGraph } from '../dist/stepped/transform/kernel.js';
import { drain } from './transform-harness.js';

type Any = any; // eslint-disable-line @typescript-eslint/no-explicit-any
const DIST = resolve(dirname(fileURLToPath(import.meta.url)), '../dist');
const none: Declarations = { twins: {}, replaced: {}, exceptions: {}, either: [] };

const FILES: Record<string, string> = {
  'sched/sleep.js':
    '// noinstr\nexport const ready = (v) => ({ [Symbol.iterator]() { return this; }, next: () => ({ done: true, value: v }) });\nexport const delegate = (g) => g;\n',
  'sched/lock.js': `import { delegate, ready } from './sleep.js';
const trace = [];
export const seen = () => trace.splice(0);
export function wait_on(word, condition) { while (!condition()) trace.push('spin'); }
export function take(word) { wait_on(word, () => word.v === 0); word.v = 1; trace.push('taken'); }
function* slow(word) { while (word.v) { trace.push('asleep'); yield 1; } take(word); return 'slow'; }
export function lock(word) { if (word.v === 0) { take(word); return ready('fast'); } return delegate(slow(word)); }
export const lock_alias = lock;
export const lock_or = (word, x) => word ? lock(word) : ready(x);
export const wrapper = (word) => { try { take(word); } finally { trace.push('end'); } return 1; };
export function plain(word) { return word.v; }
export function each(words, f) { let n = 0; for (const w of words) n += f(w); return n; }
`,
  'linux/lock.js': `export { lock, take as acquire } from '../sched/lock.js';
export * as all from '../sched/lock.js';
import * as sched from '../sched/lock.js';
import { lock as take_it, lock_alias, plain } from '../sched/lock.js';
export function* both(a, b) { const x = yield* take_it(a); const y = yield* sched.lock(b); return [x, y, yield* lock_alias({ v: 0 }), plain(a)]; }
`,
};

async function load(files: Record<string, string>, twins: Record<string, string[]>) {
  const root = mkdtempSync(join(tmpdir(), 'stepped-'));
  const graph = new KernelGraph(new Map(Object.entries(files)));
  const keys = new Set(Object.entries(twins).flatMap(([f, names]) => names.map((n) => `${f}:${n}`)));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  const runtime = pathToFileURL(join(DIST, 'stepped/transform/runtime.js')).href;
  for (const [file, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    const code = source.startsWith('// noinstr')
      ? source
      : transform(source, {
          file,
          mode: 'kernel',
          siteBase: 0,
          runtime,
          twins: (scopes) => graph.of_file(file, scopes, keys),
        }).code;
    writeFileSync(join(root, file), code);
  }
  return { root, import: (file: string): Promise<Any> => import(pathToFileURL(join(root, file)).href) };
}
const TWINS = {
  'sched/lock.js': ['wait_on', 'take', 'slow', 'lock', 'lock_or', 'wrapper', 'each'],
  'linux/lock.js': ['both'],
};

describe('a kernel twin', () => {
  it('calls other twins, through imports, aliases, namespaces and re-exports', async () => {
    const k = await load(FILES, TWINS);
    const { both, lock, acquire } = await k.import('linux/lock.js');
    const { seen, plain, wrapper, lock_or } = await k.import('sched/lock.js');
    expect(plain.$g).toBeUndefined();
    expect([typeof lock.$y, typeof lock.$g, typeof acquire.$g, typeof wrapper.$g, typeof lock_or.$y]).toEqual([
      'function',
      'undefined',
      'function',
      'function',
      'function',
    ]);
    const busy = { v: 1 };
    const g = both.$y({ v: 0 }, busy);
    expect(g.next()).toEqual({ value: 1, done: false });
    busy.v = 0;
    expect(drain(g)).toEqual(['fast', 'slow', 'fast', 1]);
    expect(seen()).toEqual(['taken', 'asleep', 'taken', 'taken']);
  });
  it('has the value of ready and of delegate as its own, and runs finally', async () => {
    const k = await load(FILES, TWINS);
    const { lock, lock_or, wrapper, seen } = await k.import('sched/lock.js');
    expect(drain(lock.$y({ v: 0 }))).toBe('fast');
    expect(drain(lock_or.$y(null, 7))).toBe(7);
    expect(drain(lock_or.$y({ v: 0 }))).toBe('fast');
    expect(drain(wrapper.$g({ v: 0 }))).toBe(1);
    expect(seen()).toEqual(['taken', 'taken', 'taken', 'end']);
  });
  it('calls the twin of a callback if it has one', async () => {
    const k = await load(FILES, TWINS);
    const { each } = await k.import('sched/lock.js');
    const f = Object.assign((w: number) => w, {
      $g: function* (w: number): Any {
        yield 0;
        return w * 10;
      },
    });
    expect(drain(each.$g([1, 2], f))).toBe(30);
    expect(drain(each.$g([1, 2], (w: number) => w))).toBe(3);
  });
  it('cannot call a sleeper without yield*', async () => {
    const wrong = {
      ...FILES,
      'sched/lock.js': FILES['sched/lock.js'] + 'export function bad(w) { lock(w); return 1; }\n',
    };
    await expect(load(wrong, { ...TWINS, 'sched/lock.js': [...TWINS['sched/lock.js'], 'bad'] })).rejects.toThrow(
      /sched\/lock\.js:\d+:\d+: lock sleeps/,
    );
  });
});

describe('what Linux inlines', () => {
  it('is stepped at each raw access and at each field', () => {
    const source = `// inline\nimport { ld, st } from '../cpu/raw.js';\nexport function bump(a, view) { st(a, ld(a) + 1); view.n++; }\nexport class walk { constructor(a) { this.a = a; } advance() { return ld(this.a) !== 0; } get x() { return 1; } }\n`;
    const { code, sites } = transform(source, { file: 'linux/x.js', mode: 'inline', siteBase: 10, runtime: './r.js' });
    expect(sites.map((s) => `${s.id} ${s.kind} ${s.name}`)).toEqual(
      expect.arrayContaining(['10 read ld', '11 write st', '12 read n', '13 write n']),
    );
    expect(code).toContain('*advance$g()');
    expect(code).toContain('import {runtime as $s} from "./r.js"');
  });
});

describe('the declarations of twins', () => {
  const graph = new KernelGraph(new Map(Object.entries(FILES)));
  it('hold if every caller of a twin is one', () => {
    expect(checkDeclarations(graph, { ...none, twins: TWINS })).toEqual([]);
  });
  it('are violated by a plain caller, with file and line', () => {
    const twins = { ...TWINS, 'sched/lock.js': TWINS['sched/lock.js'].filter((n) => n !== 'wrapper') };
    expect(checkDeclarations(graph, { ...none, twins })).toEqual([
      { file: 'sched/lock.js', line: 10, what: expect.stringMatching(/^wrapper calls take, a twin/) as string },
    ]);
  });
  it('are violated by a caller in another file, through an alias', () => {
    expect(
      checkDeclarations(graph, { ...none, twins: { 'sched/lock.js': TWINS['sched/lock.js'] } }).map((v) => v.file),
    ).toEqual(['linux/lock.js', 'linux/lock.js', 'linux/lock.js']);
  });
  it('may have exceptions, which must be needed', () => {
    const twins = { ...TWINS, 'sched/lock.js': TWINS['sched/lock.js'].filter((n) => n !== 'wrapper') };
    expect(checkDeclarations(graph, { ...none, twins, exceptions: { 'sched/lock.js:wrapper': 'a reason' } })).toEqual(
      [],
    );
    expect(
      checkDeclarations(graph, { ...none, twins: TWINS, exceptions: { 'sched/lock.js:plain': 'none' } }),
    ).toMatchObject([{ file: 'sched/lock.js', what: expect.stringMatching(/calls no twin/) as string }]);
  });
  it('let plain code call what waits only for modules', () => {
    const twins = { ...TWINS, 'sched/lock.js': TWINS['sched/lock.js'].filter((n) => n !== 'wrapper') };
    expect(checkDeclarations(graph, { ...none, twins, either: ['sched/lock.js:take'] })).toEqual([]);
  });
  it('name functions that exist', () => {
    expect(
      checkDeclarations(graph, { ...none, twins: { 'sched/lock.js': ['nothing'], 'no/file.js': ['x'] } }),
    ).toHaveLength(2);
  });
  it('of the kernel hold', () => {
    const at = (file: string, line: number, column: number): { file: string; line: number } => {
      const map = new TraceMap(readFileSync(join(DIST, `${file}.map`), 'utf8'));
      return {
        file: `src/${file.replace(/\.js$/, '.ts')}`,
        line: originalPositionFor(map, { line, column }).line ?? line,
      };
    };
    const found = checkDeclarations(new KernelGraph(kernelSources(DIST)), DECLARATIONS, at);
    expect(found.map((v) => `${v.file}:${v.line}: ${v.what}`)).toEqual([]);
  });
});

describe('the stepped kernel', () => {
  // In a copy, so that it does not come in the way of another test that uses the real one.
  const copy = join(mkdtempSync(join(tmpdir(), 'stepped-kernel-')), 'dist');
  cpSync(DIST, copy, { recursive: true, filter: (f) => !f.includes('stepped-kernel') });
  it('is built once, and again only when something changed', () => {
    const first = buildSteppedKernel(copy);
    expect(first.built).toBe(true);
    expect(first.sites.map((s) => s.id)).toEqual(first.sites.map((_, i) => i));
    expect(first.sites.every((s) => s.file.startsWith('src/') && s.line > 0)).toBe(true);
    expect(buildSteppedKernel(copy)).toEqual({ ...first, built: false });
    const file = join(copy, 'linux/list.js');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nexport const changed = 1;\n`);
    const second = buildSteppedKernel(copy);
    expect(second.built).toBe(true);
    expect(second.hash).not.toBe(first.hash);
  });
  it('leads back to the TypeScript of every file', () => {
    const { root } = buildSteppedKernel(copy);
    // One that is stepped, one that has twins, one that is copied.
    for (const file of ['linux/list', 'linux/spinlock', 'linux/view']) {
      const map = JSON.parse(readFileSync(join(root, `${file}.js.map`), 'utf8')) as { sources: string[] };
      expect(map.sources.map((s) => resolve(root, dirname(file), s))).toEqual([resolve(copy, `../src/${file}.ts`)]);
    }
  });
});
