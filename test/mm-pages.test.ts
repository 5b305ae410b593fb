import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { I32, U8, ld8, st8 } from '../dist/cpu/raw.js';
import * as gfp from '../dist/linux/gfp.js';
import {
  __get_free_pages,
  free_page,
  free_pages,
  get_page,
  get_zeroed_page,
  nr_free_pages,
  page_count,
  put_page,
  totalram_pages,
  __get_free_page,
  alloc_pages,
} from '../dist/mm/page_alloc.js';
import { clear_used } from '../dist/mm/clear.js';
import { drain_all_pages } from '../dist/mm/page_pcp.js';
import { PCP_BATCH } from '../src/machine/params.js';
import { free_blocks } from '../dist/mm/page_warn.js';
import { page_address, virt_addr_valid, virt_to_page } from '../dist/linux/mm.js';
import { enter_cpu, IRQ_OFF, ld, MEMORY, power_on, PREEMPT, REPORTS, st, word_of_cpu } from './mm-setup.js';

const { GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT, __GFP_NOWARN, __GFP_MEMALLOC, __GFP_NOMEMALLOC } = gfp;
const QUIET = GFP_KERNEL | __GFP_NOWARN;

beforeEach(() => power_on());

describe('the page allocator', () => {
  test('gives out blocks of every order that are aligned to their size and lie in managed memory', () => {
    for (let order = 0; order <= 10; order++) {
      const a = __get_free_pages(GFP_KERNEL, order);
      expect(a).not.toBe(0);
      expect(a % (4096 << order)).toBe(0);
      expect(virt_addr_valid(a)).toBe(true);
      expect(a + (4096 << order)).toBeLessThanOrEqual(MEMORY);
      expect(page_address(virt_to_page(a))).toBe(a);
      free_pages(a, order);
    }
    expect(nr_free_pages()).toBe(totalram_pages());
  });

  test('is back in its first state after blocks of every order were taken in one order and freed in another', () => {
    const before = free_blocks();
    const taken: [number, number][] = [];
    for (let round = 0; round < 5; round++)
      for (let order = 0; order <= 8; order++) {
        const a = __get_free_pages(QUIET, order);
        if (a !== 0) taken.push([a, order]);
      }
    taken.sort((x, y) => ((x[0] * 7919) % 10007) - ((y[0] * 7919) % 10007));
    for (const [a, order] of taken) free_pages(a, order);
    drain_all_pages();
    expect(free_blocks()).toEqual(before);
    expect(nr_free_pages()).toBe(totalram_pages());
  });

  test('returns the same addresses for the same calls', () => {
    const run = (): number[] => {
      power_on();
      const a = [0, 3, 1, 0, 0, 2].map((order) => __get_free_pages(GFP_KERNEL, order));
      free_pages(a[1]!, 3);
      free_pages(a[3]!, 0);
      return [...a, __get_free_page(GFP_KERNEL), __get_free_pages(GFP_KERNEL, 2)];
    };
    expect(run()).toEqual(run());
  });

  test('agrees with a model over random allocations and frees: no block overlaps another', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(6), fc.nat(1000)), { maxLength: 150 }), (steps) => {
        power_on();
        const before = free_blocks();
        const used = new Set<number>();
        const live: [number, number][] = [];
        for (const [allocate, order, pick] of steps) {
          if (allocate || live.length === 0) {
            const a = __get_free_pages(QUIET, order);
            if (a === 0) continue;
            for (let p = a >> 12; p < (a >> 12) + (1 << order); p++) {
              expect(used.has(p)).toBe(false);
              used.add(p);
            }
            live.push([a, order]);
          } else {
            const [[a, o]] = live.splice(pick % live.length, 1) as [[number, number]];
            free_pages(a, o);
            for (let p = a >> 12; p < (a >> 12) + (1 << o); p++) used.delete(p);
          }
          expect(nr_free_pages()).toBe(totalram_pages() - used.size);
        }
        for (const [a, o] of live) free_pages(a, o);
        drain_all_pages();
        expect(free_blocks()).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });

  test('zeroes what get_zeroed_page gives out, used before or not', () => {
    const fresh = get_zeroed_page(GFP_KERNEL);
    U8.fill(0xff, fresh, fresh + 4096);
    free_page(fresh);
    const again = get_zeroed_page(GFP_KERNEL);
    expect(again).toBe(fresh);
    expect(U8.subarray(again, again + 4096).every((b) => b === 0)).toBe(true);
    free_page(again);
    const dirty = __get_free_page(GFP_KERNEL);
    st8(dirty, 7);
    free_page(dirty);
    expect(ld8(__get_free_page(GFP_KERNEL))).toBe(7); // the control: without __GFP_ZERO nothing is cleared
  });

  test('frees pages with the last reference', () => {
    const page = alloc_pages(GFP_KERNEL, 1);
    get_page(page);
    expect(page_count(page)).toBe(2);
    put_page(page);
    expect(nr_free_pages()).toBe(totalram_pages() - 2);
    put_page(page);
    expect(nr_free_pages()).toBe(totalram_pages());
  });
});

describe('exhaustion', () => {
  const take_all = (mask: number): number => {
    let n = 0;
    while (__get_free_page(mask) !== 0) n++;
    return n;
  };
  test('GFP_KERNEL returns NULL at the reserve, GFP_ATOMIC reaches into it, __GFP_MEMALLOC takes the last page', () => {
    const total = totalram_pages();
    take_all(QUIET);
    const reserve = nr_free_pages();
    expect(reserve).toBe(Math.floor(total / 64));
    expect(__get_free_page(GFP_NOWAIT)).toBe(0);
    expect(take_all(GFP_ATOMIC | __GFP_NOWARN)).toBe(reserve - ((reserve * 3) >> 3));
    expect(take_all(GFP_ATOMIC | __GFP_NOWARN | __GFP_NOMEMALLOC)).toBe(0);
    expect(take_all(GFP_ATOMIC | __GFP_NOWARN | __GFP_MEMALLOC)).toBe((reserve * 3) >> 3);
    expect(nr_free_pages()).toBe(0);
  });
  test('an order above 10 is never satisfied', () => {
    expect(__get_free_pages(QUIET, 11)).toBe(0);
  });
  test('__GFP_NOFAIL takes the reserve and then panics, while the same call without it returns NULL', () => {
    take_all(QUIET);
    while (nr_free_pages() > 0) expect(__get_free_page(GFP_KERNEL | gfp.__GFP_NOFAIL)).not.toBe(0);
    expect(__get_free_page(QUIET)).toBe(0);
    expect(() => __get_free_page(GFP_KERNEL | gfp.__GFP_NOFAIL)).toThrow();
    expect(ld(0x1100)).toBe(3); // State.PANIC
  });
});

describe('a wrong free is a BUG that names address and order', () => {
  test('double free, while one free is silent', () => {
    const a = __get_free_pages(GFP_KERNEL, 2);
    free_pages(a, 2);
    expect(() => free_pages(a, 2)).toThrow(new RegExp(`0x${a.toString(16).padStart(8, '0')}, order 2\\): double free`));
  });
  test('wrong order', () => {
    const a = __get_free_pages(GFP_KERNEL, 2);
    expect(() => free_pages(a, 1)).toThrow(/order 1\): it was allocated with order 2/);
    free_pages(a, 2);
  });
  test('addresses that were never allocated', () => {
    const a = __get_free_pages(GFP_KERNEL, 2);
    for (const [bad, message] of [
      [0x1000, /not an address that the page allocator gave out/],
      [MEMORY, /not an address that the page allocator gave out/],
      [-4, /not an address that the page allocator gave out/],
      [a + 8, /not the start of a page/],
      [a + 4096, /not the start of an allocation/],
      [MEMORY - 4096, /it lies in a free block/],
    ] as const)
      expect(() => free_page(bad)).toThrow(message);
    free_pages(a, 2);
    free_page(0);
  });
});

describe('contexts', () => {
  test('GFP_KERNEL with preemption or interrupts off is reported; GFP_ATOMIC and a plain context are not', () => {
    const reports = (set: number, mask: number): number => {
      power_on();
      if (set !== 0) st(word_of_cpu(0, set), 1);
      __get_free_page(mask);
      return ld(REPORTS);
    };
    expect(reports(PREEMPT, GFP_KERNEL)).toBe(1);
    expect(reports(IRQ_OFF, GFP_KERNEL)).toBe(1);
    expect(reports(PREEMPT, GFP_ATOMIC)).toBe(0);
    expect(reports(IRQ_OFF, GFP_NOWAIT)).toBe(0);
    expect(reports(0, GFP_KERNEL)).toBe(0);
  });
});

describe('power-off', () => {
  test('clears exactly the pages that were ever given out, and what is cleared is all that was written', () => {
    const a = __get_free_pages(GFP_KERNEL, 3);
    const b = __get_free_page(GFP_KERNEL);
    U8.fill(1, a, a + 32768);
    st8(b, 1);
    free_pages(a, 3);
    enter_cpu(0);
    // The single page came with a batch for this CPU's list.
    expect(clear_used(I32, U8)).toBe(8 + PCP_BATCH);
    expect(I32.subarray(0x300000 >> 2).every((w) => w === 0)).toBe(true);
  });
  test('clears everything when its own words were overwritten', () => {
    const a = __get_free_page(GFP_KERNEL);
    st8(a, 1);
    st(0x60000 + 56, 5);
    clear_used(I32, U8);
    expect(ld8(a)).toBe(0);
  });
  test('a memory that was never started has nothing to clear', () => {
    U8.fill(0);
    expect(clear_used(I32, U8)).toBe(0);
  });
});
