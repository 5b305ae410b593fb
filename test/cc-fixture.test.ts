// The committed test/fixtures/c/*.ko are what their sources make: by hash always, by compiling where the packages are.
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { canCompileC, compileC } from '../dist/cc/compile.js';
import { SLEEPER_NAMES } from '../dist/cc/names.js';
import { module_needs } from '../dist/cc/wasm-file.js';
import { build, BUILT, FOLDER, MODULES, sourceHash } from '../scripts/build-c-fixture.mjs';

const folder = mkdtempSync(join(tmpdir(), 'lockstep-cc-'));
afterAll(() => rmSync(folder, { recursive: true }));
const can_compile = await canCompileC();
const built = JSON.parse(readFileSync(BUILT, 'utf8')) as Record<string, string>;

test.each(Object.entries(MODULES))(
  '%s was built from the sources beside it (else: node scripts/build-c-fixture.mjs)',
  (name, made_from) => {
    expect(built[name]).toBe(sourceHash(made_from, [...SLEEPER_NAMES]));
  },
);

test.each(Object.entries(MODULES))('%s says what memory and table it needs', (name) => {
  const needs = module_needs(readFileSync(FOLDER + name));
  expect(needs.memory_size).toBeGreaterThan(100);
  expect(needs.table_size).toBeGreaterThan(5);
  expect(needs.memory_align).toBeGreaterThanOrEqual(4);
});

test('what is no position-independent module is refused', () => {
  expect(() => module_needs(Buffer.from('int main;'))).toThrow(/does not begin as a WebAssembly file/);
  expect(() => module_needs(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))).toThrow(/position-independent/);
});

test.runIf(can_compile).each(Object.entries(MODULES))('compiling gives the committed %s', async (name, made_from) => {
  expect(Buffer.from(await build(made_from)).equals(readFileSync(FOLDER + name))).toBe(true);
});

test.runIf(can_compile)("an error of clang's comes with file and line", async () => {
  const file = join(folder, 'wrong.c');
  writeFileSync(file, 'int f(void)\n{\n  return g();\n}\n');
  await expect(compileC([file])).rejects.toThrow(/wrong\.c:3:10: error: call to undeclared function 'g'/);
});
