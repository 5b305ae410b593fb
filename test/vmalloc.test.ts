// vmalloc and kvmalloc, the CPUs' own lists of pages, and what the memory managers tell about themselves.
import { beforeEach, describe, expect, test } from 'vitest';
import { enter_cpu, IRQ_OFF, power_on, PREEMPT, REPORTS, st, word_of_cpu } from './mm-setup.js';
import { I32, ld, ld8, st8, U8 } from '../dist/cpu/raw.js';
import { __get_free_page, free_page, nr_free_pages, totalram_pages } from '../dist/mm/page_alloc.js';
import { drain_all_pages, pcp_pages } from '../dist/mm/page_pcp.js';
import { buddyinfo_text, slabinfo_text } from '../dist/mm/slabinfo.js';
import { for_each_object_of } from '../dist/mm/leaks.js';
import { set_alloc_owner } from '../dist/mm/owner.js';
import * as V from '../dist/mm/vmalloc.js';
import * as S from '../dist/linux/slab.js';
import { GFP_ATOMIC, GFP_KERNEL } from '../dist/linux/gfp.js';
import { PCP_BATCH, PCP_HIGH } from '../src/machine/params.js';

beforeEach(() => power_on(4));

describe('vmalloc', () => {
  test('takes whole pages and one more, whatever the size, and gives all back', () => {
    for (const size of [1, 4096, 4097, 5 * 4096, 100_000, 1_000_000, (4 << 20) - 1, 5 << 20, 9 << 20]) {
      const before = nr_free_pages();
      const a = V.vzalloc(size);
      expect(before - nr_free_pages()).toBe(Math.ceil(size / 4096) + 1);
      expect([a % 4096, ld8(a), ld8(a + size - 1)]).toEqual([0, 0, 0]);
      U8.fill(0xff, a, a + size);
      expect([V.is_vmalloc_addr(a), V.is_vmalloc_addr(a + size - 1)]).toEqual([true, true]);
      V.vfree(a);
      expect([nr_free_pages(), V.is_vmalloc_addr(a)]).toEqual([before, false]);
    }
  });
  test('zeroes memory that was used before', () => {
    const a = V.vmalloc(20_000);
    U8.fill(0xff, a, a + 20_000);
    V.vfree(a);
    const b = V.vzalloc(20_000);
    expect([b, U8.subarray(b, b + 20_000).every((x) => x === 0)]).toEqual([a, true]);
  });
  test('gives NULL when there is no such run, and all that was taken comes back', () => {
    const held: number[] = [];
    for (let a; (a = V.__vmalloc(300_000, GFP_KERNEL | S.__GFP_NOWARN)) !== 0;) held.push(a);
    expect(held.length).toBeGreaterThan(20);
    for (const a of held) V.vfree(a);
    expect(nr_free_pages()).toBe(totalram_pages());
    expect(V.vmalloc(11 << 20)).not.toBe(0);
  });
  test('a write past the end is found when the area is freed', () => {
    const a = V.vmalloc(8192);
    st8(a + 8192, 1);
    expect(() => V.vfree(a)).toThrow(/byte 0 of the guard page behind the area of 2 pages was written/);
  });
  test.each([
    ['twice', (a: number) => (V.vfree(a), V.vfree(a)), /nonexistent vm area/],
    ['an address inside', (a: number) => V.vfree(a + 4096), /inside an area/],
    ['memory from kmalloc', () => V.vfree(S.kmalloc(64, GFP_KERNEL)), /not from vmalloc/],
    ['by kfree', (a: number) => S.kfree(a), /it is from vmalloc; use vfree or kvfree/],
    ['by free_page', (a: number) => free_page(a), /it belongs to vmalloc/],
  ])('freeing %s is named', (_what, f, message) => {
    expect(() => f(V.vmalloc(10_000))).toThrow(message);
  });
  test('may be freed in an interrupt, not with a lock held; allocating is reported in both', () => {
    const a = V.vmalloc(100);
    const b = V.vmalloc(100);
    const reports = (): number => I32[REPORTS >> 2]!;
    st(word_of_cpu(0, PREEMPT), 0x10000);
    V.vfree(a);
    expect(reports()).toBe(0);
    st(word_of_cpu(0, PREEMPT), 1);
    V.vfree(b);
    expect(reports()).toBe(1);
    V.vfree(V.vmalloc(100));
    expect(reports()).toBe(3);
    st(word_of_cpu(0, PREEMPT), 0);
    st(word_of_cpu(0, IRQ_OFF), 0);
  });
  test('a module that forgets to free is named with what it forgot', () => {
    set_alloc_owner(5);
    const a = V.vmalloc(10_000);
    set_alloc_owner(0);
    const found: [number, number, string][] = [];
    for_each_object_of(5, (...x) => found.push(x));
    expect(found).toEqual([[a, 10_000, 'vmalloc']]);
  });
});

describe('kvmalloc', () => {
  test('takes from kmalloc what that has, from vmalloc what is too large for it; kvfree knows which', () => {
    const small = V.kvmalloc(100, GFP_KERNEL);
    const large = V.kvzalloc(6 << 20, GFP_KERNEL);
    expect([V.is_vmalloc_addr(small), V.is_vmalloc_addr(large)]).toEqual([false, true]);
    expect(V.kvmalloc(6 << 20, GFP_ATOMIC | S.__GFP_NOWARN)).toBe(0);
    V.kvfree(small);
    V.kvfree(large);
    drain_all_pages();
    expect(V.kvmalloc_array(0x10000, 0x10001, GFP_KERNEL)).toBe(0);
  });
  test('kvrealloc keeps the contents from one kind to the other', () => {
    let p = V.kvmalloc(100, GFP_KERNEL);
    U8.fill(7, p, p + 100);
    p = V.kvrealloc(p, 5 << 20, GFP_KERNEL);
    expect([V.is_vmalloc_addr(p), U8.subarray(p, p + 100).every((x) => x === 7)]).toEqual([true, true]);
    V.kvfree(p);
  });
});

describe("the CPUs' lists of pages", () => {
  test('are filled and emptied by the batch; their pages count as free', () => {
    const total = totalram_pages();
    const a = __get_free_page(GFP_KERNEL);
    expect([pcp_pages(), nr_free_pages()]).toEqual([PCP_BATCH - 1, total - 1]);
    const held = Array.from({ length: 100 }, () => __get_free_page(GFP_KERNEL));
    expect(new Set([a, ...held]).size).toBe(101);
    enter_cpu(1);
    for (const p of held) free_page(p);
    expect(pcp_pages()).toBeLessThanOrEqual(2 * PCP_HIGH);
    free_page(a);
    drain_all_pages();
    expect([pcp_pages(), nr_free_pages()]).toEqual([0, total]);
  });
  test('a page in a list that is freed again is a double free', () => {
    const a = __get_free_page(GFP_KERNEL);
    free_page(a);
    expect(() => free_page(a)).toThrow(/double free/);
  });
  test('do not keep a large block from whoever needs one', () => {
    const held = Array.from({ length: totalram_pages() }, () => __get_free_page(GFP_ATOMIC | S.__GFP_NOWARN)).filter(
      Boolean,
    );
    for (const p of held) {
      enter_cpu(p & 0x3000 ? 1 : 2);
      free_page(p);
    }
    enter_cpu(0);
    const big = S.kmalloc(4 << 20, GFP_KERNEL);
    expect(big).not.toBe(0);
    S.kfree(big);
  });
});

test('slabinfo and buddyinfo tell what is in use', () => {
  const s = S.kmem_cache_create('things', 100, 0, 0);
  const objects = Array.from({ length: 5 }, () => S.kmem_cache_alloc(s, GFP_KERNEL));
  const held = Array.from({ length: 3 }, () => S.kmalloc(64, GFP_KERNEL));
  expect(slabinfo_text()).toMatch(/^things +5 +\d+ +104 /m);
  expect(slabinfo_text()).toMatch(/^kmalloc-64 +3 /m);
  expect(buddyinfo_text()).toMatch(/zone +Normal( +\d+){11}\nper-CPU lists( +\d+){4}\nreserve/);
  for (const p of objects) S.kmem_cache_free(s, p);
  for (const p of held) S.kfree(p);
  expect(slabinfo_text()).toMatch(/^things +0 /m);
  S.kmem_cache_destroy(s);
  expect(slabinfo_text()).not.toMatch(/^things/m);
});

describe('kmem_cache', () => {
  const warnings = (): number => ld(0x1028);
  test('objects are apart, aligned, and all come back', () => {
    const s = S.kmem_cache_create('aligned', 100, 64, 0);
    const objects = Array.from({ length: 500 }, () => S.kmem_cache_alloc(s, GFP_KERNEL));
    objects.sort((a, b) => a - b);
    for (let i = 0; i < objects.length; i++) {
      expect(objects[i]! % 64).toBe(0);
      if (i > 0) expect(objects[i]! - objects[i - 1]!).toBeGreaterThanOrEqual(100);
    }
    objects.forEach((p, i) => {
      enter_cpu(i & 3);
      S.kmem_cache_free(s, p);
    });
    enter_cpu(0);
    S.kmem_cache_destroy(s);
    expect(warnings()).toBe(0);
    drain_all_pages();
    expect(S.kmem_cache_create('next', 8, 0, 0)).not.toBe(0);
  });
  test.each([
    ['a double free', (s: number, p: number) => (S.kmem_cache_free(s, p), S.kmem_cache_free(s, p)), /double free/],
    ['a double free by kfree', (_s: number, p: number) => (S.kfree(p), S.kfree(p)), /kfree\(victims.*double free/],
    ['an address inside', (s: number, p: number) => S.kmem_cache_free(s, p + 8), /not the start of an object/],
    [
      'memory from kmalloc',
      (s: number) => S.kmem_cache_free(s, S.kmalloc(8, GFP_KERNEL)),
      /not an object of a kmem_cache/,
    ],
    [
      'a cache that is none',
      (_s: number, p: number) => S.kmem_cache_alloc(p, GFP_KERNEL),
      /no cache of kmem_cache_create/,
    ],
    [
      'a destroyed cache',
      (s: number, p: number) => (S.kmem_cache_free(s, p), S.kmem_cache_destroy(s), S.kmem_cache_alloc(s, GFP_KERNEL)),
      /or one that was destroyed/,
    ],
  ])('%s is named', (_what, f, message) => {
    const s = S.kmem_cache_create('victims', 48, 0, 0);
    const p = S.kmem_cache_alloc(s, GFP_KERNEL);
    expect(() => f(s, p)).toThrow(message);
  });
  test('an object of another cache goes back to its own, with a warning', () => {
    const s = S.kmem_cache_create('one', 48, 0, 0);
    const t = S.kmem_cache_create('other', 48, 0, 0);
    S.kmem_cache_free(s, S.kmem_cache_alloc(t, GFP_KERNEL));
    expect(warnings()).toBe(1);
    S.kmem_cache_destroy(t);
    S.kmem_cache_destroy(s);
    expect(warnings()).toBe(1);
  });
  test('a cache that is destroyed with objects in use names them', () => {
    const s = S.kmem_cache_create('left', 48, 0, 0);
    S.kmem_cache_alloc(s, GFP_KERNEL);
    S.kmem_cache_destroy(s);
    expect(warnings()).toBe(1);
  });
  test('a write after free is found with SLAB_POISON, and not without', () => {
    for (const [flags, found] of [
      [S.SLAB_POISON, true],
      [0, false],
    ] as const) {
      const s = S.kmem_cache_create('poisoned', 48, 0, flags);
      const p = S.kmem_cache_alloc(s, GFP_KERNEL);
      S.kmem_cache_free(s, p);
      st8(p + 20, 1);
      const again = (): number => S.kmem_cache_alloc(s, GFP_KERNEL);
      if (found) expect(again).toThrow(/written after it was freed: byte 20 is 0x1/);
      else expect(again()).toBe(p);
    }
  });
  test('memory that runs out gives NULL', () => {
    const s = S.kmem_cache_create('large', 65536, 0, 0);
    const held: number[] = [];
    for (let p; (p = S.kmem_cache_alloc(s, GFP_KERNEL | S.__GFP_NOWARN)) !== 0;) held.push(p);
    expect(held.length).toBeGreaterThan(100);
    for (const p of held) S.kmem_cache_free(s, p);
    S.kmem_cache_destroy(s);
    expect(warnings()).toBe(0);
  });
});
