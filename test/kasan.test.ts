// The address checks of the stepped build: each way to touch memory that is not allocated is found where it happens, with
// who allocated and who freed it; the same accesses of live objects pass.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { search } from './stepped-helpers.js';

const file = fileURLToPath(new URL('fixtures/kasan/objects.ts', import.meta.url));
const line_of = (text: string): number =>
  readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1;
const run = (broken: number) => search(file, { cpus: 2, schedules: 5, parameters: { broken } });

const FREED = /bytes? into the freed \d+-byte object at 0x[0-9a-f]{8} \(kmalloc-\d+, module objects\), at /;
test.each([
  [1, 'read of 4 bytes at 0x[0-9a-f]+ \\(thing\\.value\\)', 't.value += 1'],
  [2, 'write of 4 bytes at 0x[0-9a-f]+ \\(thing\\.value\\)', 'n === 2'],
  [3, 'read of 4 bytes at 0x[0-9a-f]+ \\(thing\\.value\\)', 'n === 3'],
  [4, 'write of 4 bytes at 0x[0-9a-f]+ \\(atomic_t\\.counter\\)', 'n === 4'],
  [5, 'complete\\(\\) of 0x', 'n === 5'],
  [6, '\\(list_head\\.\\w+\\)', 'n === 6'],
  [7, 'mutex_lock\\(\\) of 0x', 'n === 7'],
  [8, '\\(memcpy\\)|memcpy\\(\\) of 0x', 'memcpy(n === 8'],
])('use after free %i is found where it happens', async (broken, access, at) => {
  const { failure } = await run(broken);
  expect(failure?.verdict).toBe('use after free');
  expect(failure!.message).toMatch(new RegExp(`^BUG: KASAN: slab-use-after-free: .*(${access})`));
  expect(failure!.message).toMatch(FREED);
  expect(failure!.message).toContain(`objects.ts:${line_of(at)}:`);
  const log = failure!.log.join('\n');
  expect(log).toMatch(
    new RegExp(
      `Allocated by task insmod/1 on CPU \\d:\n(?:.* \\(src/.*\n)*.* make \\(.*objects\\.ts:${line_of('kzalloc(')}:`,
    ),
  );
  expect(log).toMatch(/Freed by task insmod\/1 on CPU \d:\n(?:.* \(src\/.*\n)*.* module_init \(.*objects\.ts:\d+/);
});

describe('found too', () => {
  test('an object of a kmem_cache after kmem_cache_free', async () => {
    const { failure } = await run(9);
    expect(failure?.verdict).toBe('use after free');
    expect(failure!.message).toMatch(
      /\(thing\.value\), 0 bytes into the freed \d+-byte object at .* \(things, module objects\)/,
    );
    expect(failure!.log.join('\n')).toMatch(
      /Allocated by task .*\n(?:.* \(src\/.*\n)*.* cache \((?:.*\n)*.*Freed by task .*\n(?:.* \(src\/.*\n)*.* cache \(/,
    );
  });
  test('who freed an object that is freed again', async () => {
    const { failure } = await run(13);
    expect(failure?.verdict).toBe('double free');
    expect(failure!.message).toContain(`objects.ts:${line_of('n === 13')}:`);
    const freed = new RegExp(
      `Freed by task insmod/1 .*\\n(?:.* \\(src/.*\\n)*.* module_init \\(.*objects\\.ts:${line_of('kfree(other)')}:`,
    );
    expect(failure!.log.join('\n')).toMatch(freed);
  });
  test('a page after free_page', async () => {
    const { failure } = await run(10);
    expect(failure?.verdict).toBe('use after free');
    expect(failure!.message).toMatch(/KASAN: use-after-free: write of 4 bytes .*, in a page that is free/);
  });
  test.each([
    [11, 20, 'kmalloc-32'],
    [12, 9000, 'kmalloc-large'],
  ])('what lies behind an object, %i', async (broken, bytes, cache) => {
    const { failure } = await run(broken);
    expect(failure?.verdict).toBe('out of bounds');
    expect(failure!.message).toMatch(
      new RegExp(
        `slab-out-of-bounds: write of 4 bytes at .* \\(pair\\.third\\), ${bytes} bytes into the ${bytes}-byte object at .* \\(${cache}, `,
      ),
    );
  });
});

test('the same accesses of live objects pass, and so do views of freed objects whose memory nobody touches', async () => {
  const { failure, schedules } = await run(0);
  expect(failure).toBe(null);
  expect(schedules).toBe(5);
});
