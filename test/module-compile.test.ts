// The module's way through the compiler: files, syntax, imports, types, cache, what comes out.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileModule } from '../dist/module/compile.js';
import { SourceErrors } from '../dist/module/errors.js';
import { timing } from '../dist/module/typecheck.js';
import { HEADERS, compile, directory, failure, refusals, write } from './module-helpers.js';

const MODULE = `import { module_init, module_param, MODULE_PARM_DESC, MODULE_LICENSE, MODULE_DESCRIPTION } from 'lockstep/linux/module';
import { DEFINE_STATIC, int, bool } from 'lockstep/linux/types';
import { printk } from 'lockstep/linux/kernel';
const limit = DEFINE_STATIC(int, -10);
module_param(limit, int, 0o644);
MODULE_PARM_DESC(limit, 'most entries');
const loud = DEFINE_STATIC(bool, true);
module_param(loud, bool, 0);
export function second(): number { return limit.value; }
const hidden = (): number => 1;
export const first = (n: number): number => n + hidden();
module_init(() => { printk('hello %d', second()); return 0; });
MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('says hello');
`;
const at = async (file: string, options = {}): Promise<SourceErrors> => {
  try {
    await compileModule(file, { headers: HEADERS, ...options });
  } catch (e) {
    return e as SourceErrors;
  }
  throw new Error('accepted');
};

describe('a module that is fine', () => {
  it('is described without being run', async () => {
    const m = await compileModule(write({ 'my-test.ts': MODULE }), { headers: HEADERS });
    expect(m.name).toBe('my_test');
    expect(m.source).toBe(MODULE);
    expect(m.license).toBe('GPL');
    expect(m.description).toBe('says hello');
    expect(m.exports).toEqual(['second', 'first']);
    expect(m.parameters).toEqual([
      { name: 'limit', type: 'int', default: -10, permissions: 0o644, description: 'most entries' },
      { name: 'loud', type: 'bool', default: true, permissions: 0 },
    ]);
  });

  it('may have parameters in several files, which import module_param under another name in the bundle', async () => {
    const param = (name: string): string =>
      `import { module_param } from 'lockstep/linux/module';\nimport { DEFINE_STATIC, int } from 'lockstep/linux/types';\nconst ${name} = DEFINE_STATIC(int, 1);\nmodule_param(${name}, int, 0);\n`;
    const m = await compile({
      'a.ts': `import { f } from './b.js';\n${param('one')}export const g = () => f();`,
      'b.ts': `${param('two')}export function f() {}`,
    });
    expect(m.parameters.map((p) => `${p.name}: ${p.type}`).sort()).toEqual(['one: int', 'two: int']);
  });

  it('has a hash over its content and that of its helpers, not over where it lies', async () => {
    const files = {
      'a.ts': "import { f } from './b.js';\nexport function g() { f(); }",
      'b.ts': 'export function f() {}',
    };
    const one = (await compile(files)).hash;
    expect((await compile(files)).hash).toBe(one);
    expect((await compile({ ...files, 'b.ts': 'export function f() { return 1; }' })).hash).not.toBe(one);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
  });

  it('may be spread over files next to it, whose exported functions are symbols too', async () => {
    const m = await compile({
      'a.ts':
        "import { f } from './lib/b.js';\nimport { shared } from './lib/c';\nexport function g() { f(); shared.value++; }",
      'lib/b.ts': "import { shared } from './c.ts';\nexport function f() { shared.value = 1; }",
      'lib/c.ts':
        "import { DEFINE_STATIC, u32 } from 'lockstep/linux/types';\nexport const shared = DEFINE_STATIC(u32);",
    });
    expect(m.exports).toEqual(['f', 'g']);
    expect(m.cjs.code.match(/DEFINE_STATIC\(u32\)/g)).toHaveLength(1);
  });

  it('is compiled for the builds that are asked for', async () => {
    expect((await compile('export function f() {}', { build: 'stepped' })).free).toBeUndefined();
    expect((await compile('export function f() {}', { build: 'free' })).free!.path).toMatch(/test\.ts\.cjs$/);
  });
});

describe('a file that is no module', () => {
  it('is an error of the environment when it is missing, with what is there instead', async () => {
    const near = write({ 'hello.ts': '', 'other.ts': '' });
    const e = await at(join(dirname(near), 'helo.ts'));
    expect(e.exitCode).toBe(3);
    expect(e.errors[0]).toMatchObject({
      kind: 'environment',
      message: 'no such file',
      advice: 'in that directory: hello.ts, other.ts',
    });
    expect((await at(near.replace(/\.ts$/, ''))).message).toContain('did you mean hello.ts?');
    expect((await at(join(directory, 'nowhere', 'a.ts'))).message).toContain("nowhere doesn't exist");
  });

  it('is refused when it is a directory or has another ending', async () => {
    for (const [name, message] of [
      ['x.js', "its name ends in '.js'"],
      ['x.d.ts', "its name ends in '.d.ts'"],
      ['x.rs', "its name ends in '.rs'"],
    ] as const) {
      const e = await at(write({ [name]: '' }));
      expect(e.exitCode).toBe(2);
      expect(e.message).toContain(message);
    }
    mkdirSync(join(directory, 'folder.ts'));
    expect((await at(join(directory, 'folder.ts'))).message).toContain('is a directory, not a module');
  });
});

describe('a syntax error', () => {
  it('is shown with its line and a caret under the column', async () => {
    const e = await failure('export function f() {\n\tconst x = ;\n}\n');
    expect(e.exitCode).toBe(2);
    expect(e.errors[0]).toMatchObject({ kind: 'syntax', line: 2, column: 12, message: 'Unexpected ";"' });
    expect(e.message).toMatch(/test\.ts:2:12: Unexpected ";"\n {3}2 \| \tconst x = ;\n {5}\| \t {10}\^$/);
  });

  it('counts columns in characters, whatever they are', async () => {
    expect((await failure("const s = 'äöü€'; const x = ;")).errors[0]).toMatchObject({ line: 1, column: 29 });
  });

  it('in a helper file names that file', async () => {
    const found = await refusals({ 'a.ts': "import './b.js';", 'b.ts': '\n  }' });
    expect(found[0]).toMatch(/^b\.ts:2:3: Unexpected "}"/);
  });
});

describe('an import', () => {
  it.each([
    [
      "import fs from 'node:fs'; export const x = () => fs;",
      "1:1: `node:fs` can't be imported",
      /put the code into a helper file/,
    ],
    ["import x from 'lodash'; export const y = () => x;", "1:1: `lodash` can't be imported", /helper file/],
    [
      "import { Machine } from 'lockstep'; export const y = () => Machine;",
      "1:1: `lockstep` can't be imported",
      /the kernel's headers/,
    ],
    ["import '/etc/x.js';", "1:1: `/etc/x.js` can't", /relative path/],
    ["\nimport './nothing.js';", '2:1: `./nothing.js`: no such file', /helper file is TypeScript/],
    [
      "import { x } from 'lockstep/linux/mutexes'; export const y = () => x;",
      '1:1: `lockstep/linux/mutexes`: there is no such header',
      /did you mean 'lockstep\/linux\/mutex'/,
    ],
    [
      "import { x } from 'lockstep/linux/foo'; export const y = () => x;",
      '1:1: `lockstep/linux/foo`: there is no such header',
      /there are: kernel, module, mutex, types/,
    ],
    ["export * from 'lockstep/linux/types';", '1:1: `export *` of a kernel header', /name what is meant/],
    ["export * from 'rxjs';", "1:1: `rxjs` can't", /helper file/],
    ["export const f = () =>\n  import('./x.js');", '2:3: `import()` loads from the host', /top of the file/],
    ['export const f = () => import.meta.url;', '1:24: `import.meta`', /a module has neither/],
  ])('%s is refused', async (source, message, advice) => {
    const [found] = await refusals(source);
    expect(found).toContain(`test.ts:${message}`);
    expect(found!.split(' => ').at(-1)).toMatch(advice);
  });
});

describe('the headers of this package', () => {
  it('are those that modules can load, not the files that they are made of', async () => {
    const source = "import { scalar } from 'lockstep/linux/field';\nexport const f = () => scalar;";
    const found = await compileModule(write({ 'a.ts': source }), { check: false }).catch(
      (e: unknown) => e as SourceErrors,
    );
    expect((found as SourceErrors).message).toContain('`lockstep/linux/field`: there is no such header');
    await compileModule(write({ 'a.ts': source.replaceAll('scalar', 'u32').replace('field', 'types') }), {
      check: false,
    });
  });
});

describe('the type check', () => {
  it('reports every type error with its position in the TypeScript', async () => {
    const e = await failure('export function f(): number {\n  const a: string = 3;\n  return a;\n}', { check: true });
    expect(e.exitCode).toBe(2);
    expect(e.errors.map((x) => `${x.line}:${x.column} ${x.message}`)).toEqual([
      "2:9 Type 'number' is not assignable to type 'string'. (TS2322)",
      "3:3 Type 'string' is not assignable to type 'number'. (TS2322)",
    ]);
    expect(e.message).toContain('   2 |   const a: string = 3;\n     |         ^');
  });

  it('knows the headers, and nothing of the host: neither the DOM nor Node nor what is installed beside the module', async () => {
    const source =
      "import { printk } from 'lockstep/linux/kernel';\nexport function f() {\n  printk(3);\n  console.log('x');\n  setTimeout(() => 0);\n  process.exit();\n}";
    const e = await failure(
      { 'a.ts': source, 'node_modules/@types/node/index.d.ts': 'declare var process: any;', 'tsconfig.json': '{' },
      { check: true },
    );
    expect(e.errors.map((x) => [x.line, x.column, x.message])).toEqual([
      [3, 10, "Argument of type 'number' is not assignable to parameter of type 'string'. (TS2345)"],
      [4, 3, "`console` belongs to JavaScript's host, not to the machine"],
      [5, 3, "`setTimeout` belongs to JavaScript's host, not to the machine"],
      [6, 3, "`process` belongs to JavaScript's host, not to the machine"],
    ]);
    expect(e.errors[1]!.advice).toContain('printk');
    expect(e.errors[2]!.advice).toContain('timer_list');
  });

  it('is skipped on demand; the other checks are not', async () => {
    await compile('export const f = (): string => 3;', { check: false });
    expect(await refusals('let x: string = 3;', { check: false })).toHaveLength(1);
  });

  it('finds errors also in a module whose path begins like that of the headers', async () => {
    const file = write({ 'dist/linux/none.d.ts': '', 'dist-2/a.ts': 'export const f = (): string => 3;' });
    const headers = dirname(dirname(file));
    expect((await at(join(headers, '../dist-2/a.ts'), { headers })).errors).toHaveLength(1);
  });

  it('reports names that nobody declares', async () => {
    const [e] = (
      await failure('export function f(): number { return conter + (1 as unknown as Bufer); }', { check: true })
    ).errors;
    expect(e).toMatchObject({ kind: 'subset', line: 1, column: 38, message: '`conter` is not declared' });
  });

  it('reports types and top level together', async () => {
    const e = await failure('let x: string = 3;\nexport function f() { return x; }', { check: true });
    expect(e.errors.map((x) => x.kind).sort()).toEqual(['toplevel', 'type']);
  });

  it('is not run for a source that passed before, and is for one that changed', async () => {
    const file = write({
      'a.ts': "import { f } from './b.js';\nexport function g(): number { return f(); }",
      'b.ts': 'export function f(): number { return 1; }',
    });
    const run = async (): Promise<number> => {
      const before = timing.checks;
      await compileModule(file, { headers: HEADERS }).catch((e: unknown) => expect(e).toBeInstanceOf(SourceErrors));
      return timing.checks - before;
    };
    expect(await run()).toBe(1);
    expect(await run()).toBe(0);
    writeFileSync(join(dirname(file), 'b.ts'), "export function f(): string { return ''; }");
    expect(await run()).toBe(1);
    expect(await run()).toBe(1); // it failed: nothing is remembered
  });

  it('is run again when a file changed that is imported for its types only', async () => {
    const file = write({
      'a.ts': "import type { t } from './t.js';\nexport function g(): t { return 1; }",
      't.ts': 'export type t = number;',
    });
    await compileModule(file, { headers: HEADERS });
    writeFileSync(join(dirname(file), 't.ts'), 'export type t = string;');
    expect((await at(file)).errors.map((e) => e.line)).toEqual([2]);
  });

  it('works without a cache that can be written', async () => {
    const before = process.env['LOCKSTEP_CACHE'];
    process.env['LOCKSTEP_CACHE'] = join(write({ file: '' }), 'below-a-file');
    await compileModule(write({ 'a.ts': MODULE }), { headers: HEADERS });
    process.env['LOCKSTEP_CACHE'] = before;
  });
});
