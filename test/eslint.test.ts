// The lint rules for users, with typescript-eslint's parser over the fake headers: what each finds and what it leaves.
import { Linter, RuleTester } from 'eslint';
import { fileURLToPath } from 'node:url';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';
import lockstep from '../dist/eslint/index.js';

RuleTester.describe = describe;
RuleTester.it = it;
RuleTester.itOnly = it.only;

const directory = fileURLToPath(new URL('./fixtures/lint', import.meta.url));
const filename = `${directory}/file.ts`;
const tester = new RuleTester({
  languageOptions: {
    parser: tseslint.parser as never,
    // With CI=true the parser takes another way, in which TypeScript fails over the `paths` of the fixture.
    parserOptions: {
      project: './tsconfig.json',
      tsconfigRootDir: directory,
      disallowAutomaticSingleRunInference: true,
    },
  },
});

const HEAD = `import { module_init } from 'lockstep/linux/module';
import { DEFINE_STATIC, Struct, ptr, u32 } from 'lockstep/linux/types';
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { kthread_run, list_for_each, on_each_cpu, printk } from 'lockstep/linux/kernel';
class stats extends Struct('stats', { packets: u32, next: ptr() }) {}
const shared = DEFINE_STATIC(stats);
const lock = DEFINE_MUTEX();
export function* worker(data: number) { yield* mutex_lock(lock); mutex_unlock(lock); return data; }
export function plain(info: number) { printk('%d', info); }
`;
const code = (body: string) => ({ code: HEAD + body, filename });
/** `line:column` counts from the first line after HEAD; a third value says that there is one suggestion. */
const errors = (body: string, ...at: [string, RegExp, string?][]) => ({
  ...code(body),
  errors: at.map(([position, message, output]) => {
    const [line, column] = position.split(':').map(Number);
    return { line: line! + 9, column: column!, message, ...(output !== undefined && { suggestions: 1 }) };
  }),
});

tester.run('delegate-sleeping-calls', lockstep.rules!['delegate-sleeping-calls']!, {
  valid: [
    code('export function* f() { yield* mutex_lock(lock); }'),
    code('export function* f() { const n = yield* worker(1); return n; }'),
    code(
      'export function* f(a: boolean) { yield* a ? mutex_lock(lock) : mutex_lock(lock); yield* (a && mutex_lock(lock)) as ReturnType<typeof mutex_lock>; }',
    ),
    code('export function f() { for (const x of list_for_each(3)) printk("%d", x); }'),
    code(
      'export function f() { kthread_run(worker, 0, "w"); on_each_cpu(plain, 0, true); on_each_cpu((i) => plain(i), 0, true); }',
    ),
    code('export function f() { plain(3); mutex_unlock(lock); return shared.packets; }'),
    { code: 'function* g() { yield 1; }\nexport const all = g();', filename }, // no kernel code
  ],
  invalid: [
    errors('export function* f() { mutex_lock(lock); }', [
      '1:24',
      /`mutex_lock` may sleep: write `yield\* mutex_lock/,
      '',
    ]),
    errors('export function* f() {\n  const n = worker(1);\n  return n;\n}', ['2:13', /`worker` may sleep/, '']),
    errors('export function f() { mutex_lock(lock); }', ['1:23', /in a function\*/]),
    errors('export function* f() { yield mutex_lock(lock); }', ['1:30', /may sleep/]),
    errors('export function* f() { yield* worker((mutex_lock(lock), 1)); }', ['1:39', /may sleep/]),
    errors('export function f(o: { lock?: typeof mutex_lock }) { o.lock?.(lock); }', ['1:54', /`o.lock` may sleep/]),
    errors('export function f() { on_each_cpu(worker, 0, true); }', [
      '1:35',
      /`worker` may sleep \(it is a function\*\)/,
    ]),
    errors('export function f() { on_each_cpu(function* () { yield* mutex_lock(lock); }, 0, true); }', [
      '1:35',
      /`this function` may sleep/,
    ]),
    errors(
      'export function f(): { run: () => void } { return { run: worker as () => Generator<number> }; }'.replace(
        'worker as () => Generator<number>',
        'g',
      ) + '\nfunction* g() { yield* mutex_lock(lock); }',
      ['1:58', /`g` may sleep/],
    ),
  ],
});

tester.run('no-view-identity', lockstep.rules!['no-view-identity']!, {
  valid: [
    code('export const f = (a: stats, b: stats) => a["@addr"] === b["@addr"];'),
    code('export const f = (a: stats | null) => a === null;'),
    code('export const f = (a: stats, b: stats) => a.packets === b.packets && a.next === b["@addr"];'),
    code('export const f = (a: number[], b: number[]) => a === b || a.includes(3);'),
  ],
  invalid: [
    errors('export const f = (a: stats, b: stats) => a === b;', ['1:42', /views have no identity/, '']),
    errors('export const f = (a: stats, b: stats | null) => a != b;', ['1:49', /addr_of/, '']),
    errors('export const f = () => shared === stats.at(4096);', ['1:24', /addr_of/, '']),
    errors('export const f = (a: stats) => { switch (a) { case shared: return 1; default: return 0; } };', [
      '1:52',
      /identity/,
    ]),
    errors('export const f = (a: stats) => { const l: stats[] = []; return l.includes(a); };', [
      '1:75',
      /`includes` looks for the same object/,
    ]),
    errors('export const f = (a: stats) => { const l = new Set<stats>(); return l.has(a); };', ['1:75', /`has` looks/]),
  ],
});

tester.run('no-module-state', lockstep.rules!['no-module-state']!, {
  valid: [
    code(
      'const a = 3 as number; const b = a * 2; enum e { A, B } const enum c { A } type t = number; interface i { a: t }',
    ),
    code('namespace types { export type z = 1; } declare let outside: number; declare global { interface k { a: 1 } }'),
    code(
      'const local = DEFINE_STATIC(stats, { next: shared }); module_init((): number => { let n = 0; n++; return n; });',
    ),
    code(
      'export abstract class c<T> { x?: T; private y = 1; constructor(private z: number) { this.y = this.z; } abstract m(): void; }',
    ),
    code('export function f(n: string): void; export function f(n: unknown): void { n = 1; void n; }'),
    { code: 'let x = 1;\nx++;\nexport const y = [x];', filename }, // no kernel code
  ],
  invalid: [
    errors('let n = 0;', ['1:5', /`let n` is a variable of the module.*DEFINE_STATIC\(int, 0\)/]),
    errors('const m = new Map<string, number>();', ['1:7', /`new Map`/]),
    errors('const list: readonly number[] = [1] as const;', ['1:7', /an array/]),
    errors('class c { static n: number = 0; }', ['1:11', /`static n` of `c`/]),
    errors(
      'export function f() { f.count = (f.count ?? 0) + 1; }\nexport namespace f { export let count: number; }',
      ['1:23', /`f` is a function/],
      ['2:8', /namespace f/],
    ),
    errors('if (lock) printk("x");', ['1:1', /`if` at the top level/]),
    errors('export function f() { (shared as unknown) = 1; }', ['1:24', /`shared` is static data/]),
  ],
});

describe('the plugin', () => {
  it('recommends all its rules', () => {
    expect(Object.keys(lockstep.configs.recommended.rules!)).toEqual(
      Object.keys(lockstep.rules!).map((name) => `lockstep/${name}`),
    );
    expect(lockstep.configs.recommended.plugins!['lockstep']).toBe(lockstep);
  });

  it('says what to configure when there are no types', () => {
    const linter = new Linter();
    const config = {
      ...lockstep.configs.recommended,
      files: ['**/*.ts'],
      languageOptions: { parser: tseslint.parser },
    };
    expect(() => linter.verify(HEAD, config as never, 'a.ts')).toThrow(/needs types.*parserOptions\.projectService/);
  });
});
