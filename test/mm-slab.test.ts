import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { U8, ld8, st8 } from '../dist/cpu/raw.js';
import * as slab from '../dist/linux/slab.js';
import { kmemdup, kstrdup, kstrndup } from '../dist/linux/mm.js';
import { for_each_object_of } from '../dist/mm/leaks.js';
import { nr_free_pages, totalram_pages } from '../dist/mm/page_alloc.js';
import { owned_objects, set_alloc_owner, set_owner_text } from '../dist/mm/owner.js';
import { kmalloc_requested } from '../dist/mm/slab.js';
import { nr_slabs, slab_reclaim } from '../dist/mm/slab_cache.js';
import { CLASS_LIMIT, CLASS_OBJECTS, CLASS_SIZE, NR_CLASSES } from '../dist/mm/slab_class.js';
import { slab_debug } from '../dist/mm/slab_debug.js';
import { enter_cpu, IRQ_OFF, ld, power_on, PREEMPT, REPORTS, st, word_of_cpu } from './mm-setup.js';

const {
  GFP_ATOMIC,
  GFP_KERNEL,
  kcalloc,
  kfree,
  kfree_sensitive,
  kmalloc,
  kmalloc_array,
  krealloc,
  ksize,
  kzalloc,
  ZERO_SIZE_PTR,
  __GFP_NOWARN,
  __GFP_ZERO,
} = slab;

beforeEach(() => power_on());

/** Everything that any CPU keeps goes back. */
function drain(cpus = 4): void {
  for (let cpu = 0; cpu < cpus; cpu++) {
    enter_cpu(cpu);
    slab_reclaim();
  }
  enter_cpu(0);
}

describe('kmalloc', () => {
  test('gives every size enough room, aligned to 8 and to itself when it is a power of two, without overlap', () => {
    const live: [number, number][] = [];
    for (let size = 1; size <= 9000; size = Math.ceil(size * 1.07)) {
      const p = kmalloc(size, GFP_KERNEL);
      expect(p % 8).toBe(0);
      if ((size & (size - 1)) === 0 && size >= 8) expect(p % size).toBe(0);
      expect(ksize(p)).toBeGreaterThanOrEqual(size);
      expect(kmalloc_requested(p)).toBe(size);
      live.push([p, ksize(p)]);
    }
    live.sort((a, b) => a[0] - b[0]);
    for (let i = 1; i < live.length; i++) expect(live[i - 1]![0] + live[i - 1]![1]).toBeLessThanOrEqual(live[i]![0]);
    for (const [p] of live) kfree(p);
    drain();
    expect(nr_free_pages()).toBe(totalram_pages());
  });

  test('a whole slab of each class is filled, and its metadata is not touched by the objects', () => {
    for (let k = 0; k < NR_CLASSES; k++) {
      const size = CLASS_SIZE[k]!;
      const objects = Array.from({ length: CLASS_OBJECTS[k]! * 2 + 3 }, () => kmalloc(size, GFP_KERNEL));
      expect(new Set(objects).size).toBe(objects.length);
      for (const p of objects) U8.fill(0xff, p, p + size);
      for (const p of objects) kfree(p);
    }
    drain();
    expect(nr_free_pages()).toBe(totalram_pages());
  });

  test('of size 0 is a pointer that is not NULL and that kfree ignores; kfree(NULL) is ignored too', () => {
    expect(kmalloc(0, GFP_KERNEL)).toBe(ZERO_SIZE_PTR);
    kfree(ZERO_SIZE_PTR);
    kfree(0);
    expect(ksize(0)).toBe(0);
  });

  test('takes more than 8 KiB from the page allocator, up to 4 MiB, and no more', () => {
    const p = kmalloc(100_000, GFP_KERNEL);
    expect(ksize(p)).toBe(131072);
    expect(kmalloc_requested(p)).toBe(100_000);
    kfree(p);
    const q = kmalloc(4 << 20, GFP_KERNEL);
    expect(q).not.toBe(0);
    kfree(q);
    expect(kmalloc((4 << 20) + 1, GFP_KERNEL | __GFP_NOWARN)).toBe(0);
    expect(kmalloc(-1, GFP_KERNEL | __GFP_NOWARN)).toBe(0);
    expect(() => kmalloc(undefined as never, GFP_KERNEL)).toThrow(/the size is undefined/);
    expect(nr_free_pages()).toBe(totalram_pages());
  });

  test('kzalloc and kcalloc clear; kmalloc does not', () => {
    for (const size of [8, 96, 300, 5000, 20000]) {
      const p = kmalloc(size, GFP_KERNEL);
      U8.fill(0xee, p, p + size);
      kfree(p);
      const q = kmalloc(size, GFP_KERNEL);
      expect([q, ld8(q)]).toEqual([p, 0xee]);
      kfree(q);
      const z = kzalloc(size, GFP_KERNEL);
      expect(z).toBe(p);
      expect(U8.subarray(z, z + size).every((b) => b === 0)).toBe(true);
      kfree(z);
    }
    expect(kcalloc(3, 0x7fffffff, GFP_KERNEL)).toBe(0);
    expect(kmalloc_array(0x10000, 0x10001, GFP_KERNEL)).toBe(0);
    expect(ksize(kcalloc(3, 30, GFP_KERNEL))).toBe(96);
  });

  test('returns the same addresses for the same calls', () => {
    const run = (): number[] => {
      power_on();
      const p = Array.from({ length: 40 }, (_, i) => kmalloc(1 + ((i * 37) % 600), GFP_KERNEL));
      for (let i = 0; i < 40; i += 3) kfree(p[i]!);
      enter_cpu(1);
      return [...p, ...Array.from({ length: 20 }, (_, i) => kmalloc(1 + ((i * 53) % 600), GFP_KERNEL))];
    };
    expect(run()).toEqual(run());
  });

  test('returns NULL when memory runs out, and everything can be had again after it was freed', () => {
    const take = (): number[] => {
      const all: number[] = [];
      for (let p; (p = kmalloc(2048, GFP_KERNEL | __GFP_NOWARN)) !== 0;) all.push(p);
      return all;
    };
    const all = take();
    const reserved = kmalloc(2048, GFP_ATOMIC);
    expect(reserved).not.toBe(0);
    expect(all.length * 2048).toBeGreaterThan(totalram_pages() * 4096 * 0.8);
    for (const p of [reserved, ...all]) kfree(p);
    expect(take().length).toBe(all.length);
  });

  test('gives back what this CPU keeps and all empty slabs when pages run short', () => {
    for (let k = 0; k < NR_CLASSES; k++) kfree(kmalloc(CLASS_SIZE[k]!, GFP_KERNEL));
    const pages: number[] = [];
    while (nr_free_pages() > Math.floor(totalram_pages() / 64)) pages.push(slab.__get_free_page(GFP_KERNEL));
    const kept = Array.from({ length: NR_CLASSES }, (_, k) => nr_slabs(k));
    expect(kept.every((n) => n === 1)).toBe(true);
    expect(slab.__get_free_page(GFP_KERNEL)).not.toBe(0);
    expect(Array.from({ length: NR_CLASSES }, (_, k) => nr_slabs(k)).every((n) => n === 0)).toBe(true);
  });

  test('agrees with a model over random sizes, CPUs and frees', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2), fc.oneof(fc.nat(9000), fc.nat(200)), fc.nat(3), fc.nat(1000)), { maxLength: 300 }),
        (steps) => {
          power_on();
          const live: [number, number, number][] = [];
          let stamp = 0;
          for (const [op, size, cpu, pick] of steps) {
            enter_cpu(cpu);
            if (op !== 0 || live.length === 0) {
              const p = kmalloc(size + 1, GFP_KERNEL);
              for (const [q, n] of live) expect(p + size + 1 <= q || q + n <= p).toBe(true);
              stamp = (stamp + 1) & 0xff;
              U8.fill(stamp, p, p + size + 1);
              live.push([p, size + 1, stamp]);
            } else {
              const [[p, n, s]] = live.splice(pick % live.length, 1) as [[number, number, number]];
              expect(U8[p] === s && U8[p + n - 1] === s).toBe(true);
              kfree(p);
            }
          }
          for (const [p] of live) kfree(p);
          drain();
          expect(nr_free_pages()).toBe(totalram_pages());
        },
      ),
      { numRuns: 60 },
    );
  });

  test('an object may be freed on another CPU than it was allocated on', () => {
    const objects = Array.from({ length: 200 }, () => kmalloc(64, GFP_KERNEL));
    enter_cpu(3);
    for (const p of objects) kfree(p);
    drain();
    expect(nr_free_pages()).toBe(totalram_pages());
  });
});

describe('a wrong kfree is a BUG that names address, cache and owner', () => {
  test('double free: at once, after the object went back to its slab, and on another CPU', () => {
    const p = kmalloc(50, GFP_KERNEL);
    kfree(p);
    expect(() => kfree(p)).toThrow(
      new RegExp(`0x${p.toString(16).padStart(8, '0')}\\): double free \\(kmalloc-64\\), allocated last by the kernel`),
    );
    enter_cpu(2);
    expect(() => kfree(p)).toThrow(/double free/);
    enter_cpu(0);
    const keep = kmalloc(50, GFP_KERNEL);
    const more = kmalloc(50, GFP_KERNEL);
    kfree(more);
    slab_reclaim();
    expect(() => kfree(more)).toThrow(/double free/);
    kfree(keep);
    slab_reclaim();
    expect(() => kfree(more)).toThrow(/double free/);
  });
  test('an address inside an object, in the metadata, or never allocated', () => {
    const p = kmalloc(100, GFP_KERNEL);
    expect(() => kfree(p + 8)).toThrow(/8 bytes inside the kmalloc-128 object at/);
    expect(() => kfree(p + 128 * 20)).toThrow(/never allocated \(kmalloc-128\)/);
    expect(() => kfree((p & ~4095) + 4088)).toThrow(/behind the objects of a kmalloc-128 slab/);
    kfree(p);
  });
  test('pages, addresses outside of memory and error pointers', () => {
    const a = slab.__get_free_pages(GFP_KERNEL, 1);
    expect(() => kfree(a)).toThrow(/use free_pages/);
    expect(() => kfree(a + 4096)).toThrow(/not the start of an allocation/);
    expect(() => kfree(-12)).toThrow(/0xfffffff4\): not an address that kmalloc returned/);
    expect(() => kfree(0x2000)).toThrow(/not an address that kmalloc returned/);
    slab.free_pages(a, 1);
    const p = kmalloc(64, GFP_KERNEL);
    expect(() => slab.free_pages(p & ~4095, 0)).toThrow(/it belongs to kmalloc; use kfree/);
    kfree(p);
  });
  test('large blocks: double free, inside, and free_pages on them', () => {
    const p = kmalloc(20_000, GFP_KERNEL);
    expect(() => kfree(p + 64)).toThrow(/inside a block of 32768 bytes/);
    expect(() => slab.free_pages(p, 3)).toThrow(/use kfree/);
    kfree(p);
    expect(() => kfree(p)).toThrow(/double free/);
  });
  test('a write past the end of the last object is told from a double free', () => {
    const objects = Array.from({ length: CLASS_OBJECTS[6]! }, () => kmalloc(192, GFP_KERNEL));
    const last = Math.max(...objects);
    // 192 * 20 = 3840, the metadata begins at 4096 - 80.
    U8.fill(0, last + 192, (last & ~4095) + 4096);
    expect(() => kfree(last)).toThrow(/kmalloc-192/);
  });
  test('takes a view as well as an address', () => {
    const p = kmalloc(64, GFP_KERNEL);
    kfree({ '@addr': p });
    expect(() => kfree({ '@addr': p })).toThrow(/double free/);
  });
});

describe('poison', () => {
  test('finds a write after free; without a write the object is reused silently', () => {
    slab_debug(1);
    const p = kmalloc(64, GFP_KERNEL);
    kfree(p);
    expect(kmalloc(64, GFP_KERNEL)).toBe(p);
    kfree(p);
    st8(p + 5, 1);
    expect(() => kmalloc(64, GFP_KERNEL)).toThrow(
      /kmalloc-64: object 0x[0-9a-f]+ was written after it was freed: byte 5 is 0x1/,
    );
  });
  test('is off by default', () => {
    const p = kmalloc(64, GFP_KERNEL);
    kfree(p);
    st8(p + 5, 1);
    expect(kmalloc(64, GFP_KERNEL)).toBe(p);
  });
});

describe('owners', () => {
  test('what a module holds is listed with address, size asked for and cache, and nothing after it was freed', () => {
    kmalloc(64, GFP_KERNEL);
    expect(set_alloc_owner(7)).toBe(0);
    const a = kmalloc(50, GFP_KERNEL);
    const b = kmalloc(9000, GFP_KERNEL);
    const c = slab.__get_free_pages(GFP_KERNEL, 1);
    const d = kmalloc(5, GFP_ATOMIC);
    expect(set_alloc_owner(0)).toBe(7);
    kmalloc(64, GFP_KERNEL);
    const list: unknown[] = [];
    expect(owned_objects()).toBe(4);
    expect(for_each_object_of(7, (address, size, cache) => list.push([address, size, cache]))).toBe(4);
    expect(list).toContainEqual([a, 50, 'kmalloc-64']);
    expect(list).toContainEqual([b, 9000, 'kmalloc-large']);
    expect(list).toContainEqual([c, 8192, 'pages']);
    expect(list).toContainEqual([d, 5, 'kmalloc-8']);
    enter_cpu(3); // freed elsewhere and by somebody else
    kfree(a);
    kfree(b);
    slab.free_pages(c, 1);
    kfree(d);
    expect(owned_objects()).toBe(0);
    expect(for_each_object_of(7, () => expect.fail('nothing is left'))).toBe(0);
  });
  test('a double free names the module by the name that the loader gives', () => {
    set_owner_text((owner) => `module mod${owner}`);
    set_alloc_owner(3);
    const p = kmalloc(64, GFP_KERNEL);
    set_alloc_owner(0);
    kfree(p);
    expect(() => kfree(p)).toThrow(/allocated last by module mod3/);
    set_owner_text((owner) => `module ${owner}`);
  });
});

describe('krealloc and copies', () => {
  test('krealloc keeps the contents, moves only when it must, and frees what it left', () => {
    const p = kmalloc(20, GFP_KERNEL);
    for (let i = 0; i < 20; i++) st8(p + i, i);
    expect(krealloc(p, 30, GFP_KERNEL)).toBe(p);
    const q = krealloc(p, 1000, GFP_KERNEL);
    expect(q).not.toBe(p);
    expect(Array.from(U8.subarray(q, q + 20))).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(() => kfree(p)).toThrow(/double free/);
    expect(krealloc(q, 0, GFP_KERNEL)).toBe(ZERO_SIZE_PTR);
    expect(() => kfree(q)).toThrow(/double free/);
    expect(ksize(krealloc(0, 10, GFP_KERNEL))).toBe(16);
  });
  test('krealloc with __GFP_ZERO clears the bytes that are new', () => {
    const p = kzalloc(4, GFP_KERNEL);
    U8.fill(0xff, p, p + 8);
    expect(krealloc(p, 8, GFP_KERNEL | __GFP_ZERO)).toBe(p);
    expect(Array.from(U8.subarray(p, p + 8))).toEqual([255, 255, 255, 255, 0, 0, 0, 0]);
  });
  test('kmemdup, kstrdup and kstrndup copy', () => {
    const p = kmalloc(16, GFP_KERNEL);
    U8.set([104, 101, 108, 108, 111, 0, 9, 9], p);
    const text = (a: number): string => Buffer.from(U8.slice(a, U8.indexOf(0, a))).toString();
    expect(text(kstrdup(p, GFP_KERNEL))).toBe('hello');
    expect(text(kstrndup(p, 3, GFP_KERNEL))).toBe('hel');
    expect(kstrdup(0, GFP_KERNEL)).toBe(0);
    const d = kmemdup(p, 8, GFP_KERNEL);
    expect(Array.from(U8.subarray(d, d + 8))).toEqual([104, 101, 108, 108, 111, 0, 9, 9]);
  });
  test('kfree_sensitive leaves zeros behind', () => {
    const p = kmalloc(100, GFP_KERNEL);
    U8.fill(0xaa, p, p + 128);
    kfree_sensitive(p);
    expect(U8.subarray(p, p + 128).every((b) => b === 0)).toBe(true);
    kfree_sensitive(0);
  });
});

describe('contexts', () => {
  test('GFP_KERNEL with preemption or interrupts off is reported; GFP_ATOMIC, a plain context and kfree are not', () => {
    const reports = (set: number, mask: number): number => {
      power_on();
      if (set !== 0) st(word_of_cpu(0, set), 1);
      kfree(kmalloc(64, mask));
      return ld(REPORTS);
    };
    expect(reports(PREEMPT, GFP_KERNEL)).toBe(1);
    expect(reports(IRQ_OFF, GFP_KERNEL)).toBe(1);
    expect(reports(PREEMPT, GFP_ATOMIC)).toBe(0);
    expect(reports(IRQ_OFF, GFP_ATOMIC)).toBe(0);
    expect(reports(0, GFP_KERNEL)).toBe(0);
  });
});

test('a CPU keeps no more objects than its limit', () => {
  for (let k = 0; k < NR_CLASSES; k++) {
    const objects = Array.from({ length: 60 }, () => kmalloc(CLASS_SIZE[k]!, GFP_KERNEL | __GFP_NOWARN)).filter(
      (p) => p !== 0,
    );
    for (const p of objects) kfree(p);
    expect(ld(word_of_cpu(0, 12 * 128 + k * 64))).toBeLessThanOrEqual(CLASS_LIMIT[k]!);
  }
});
