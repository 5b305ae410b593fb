// The committed test/fixtures/c/*.ko are what their sources make: by hash always, by compiling where the packages are.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readKo } from '../dist/cc/ko-file.js';
import { SLEEPER_NAMES } from '../dist/cc/names.js';
import { module_needs } from '../dist/cc/wasm-file.js';
import { build, BUILT, FOLDER, MODULES, sourceHash } from '../scripts/build-c-fixture.mjs';

const built = JSON.parse(readFileSync(BUILT, 'utf8')) as Record<string, string>;
const can_compile = await import('@yowasp/clang' as string).then(
  () => true,
  () => false,
);

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

test.each(Object.entries(MODULES))(
  '%s is of this Lockstep, whose structs lie as in it (else: node scripts/build-c-fixture.mjs)',
  (name) => {
    expect(readKo(readFileSync(FOLDER + name)).info).toContainEqual(['license', 'GPL']);
  },
);

test('what is no position-independent module is refused', () => {
  expect(() => module_needs(Buffer.from('int main;'))).toThrow(/does not begin as a WebAssembly file/);
  expect(() => module_needs(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))).toThrow(/position-independent/);
});

test.runIf(can_compile).each(Object.entries(MODULES))(
  'compiling gives the committed %s',
  { timeout: 120_000 },
  async (name, made_from) => {
    expect(Buffer.from(await build(made_from)).equals(readFileSync(FOLDER + name))).toBe(true);
  },
);
