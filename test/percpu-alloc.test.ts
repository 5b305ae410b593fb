// alloc_percpu: per-CPU memory that is zeroed, apart, and checked when it is given back.
import { beforeEach, expect, test } from 'vitest';
import { enter_cpu, power_on } from './mm-setup.js';
import { nr_free_pages } from '../dist/mm/page_alloc.js';
import { PERCPU_SIZE } from '../src/machine/memory-map.js';
import { Struct, u32, u64 } from '../dist/linux/types.js';
import * as P from '../dist/linux/percpu.js';
import { GFP_ATOMIC, GFP_KERNEL } from '../dist/linux/gfp.js';
import { for_each_object_of } from '../dist/mm/leaks.js';
import { owned_objects, set_alloc_owner } from '../dist/mm/owner.js';

class stats extends Struct('stats', { packets: u32, bytes: u64 }) {}
beforeEach(() => power_on(4));

test('every CPU has its own zeroed copy, also after a free', () => {
  for (let round = 0; round < 2; round++) {
    const p = P.alloc_percpu(stats);
    for (let cpu = 0; cpu < 4; cpu++) {
      enter_cpu(cpu);
      const v = P.percpu_at(stats, p);
      expect(P.this_cpu_read(v, 'packets')).toBe(0);
      P.this_cpu_add(v, 'packets', cpu + 1);
      P.this_cpu_or(v, 'bytes', 1n << 40n);
      P.this_cpu_and(v, 'packets', 3);
      expect(P.this_cpu_ptr(p)).toBe(P.per_cpu_ptr(p, cpu));
    }
    const packets = [0, 1, 2, 3].map((cpu) => stats.at(P.per_cpu_ptr(p, cpu)).packets);
    expect(packets).toEqual([1, 2, 3, 0]);
    P.free_percpu(p);
  }
});

test('allocations do not overlap and have their alignment; all that was taken comes back', () => {
  const before = nr_free_pages();
  const held: number[] = [];
  const sizes = [1, 8, 100, 16, 4096, 24, 12000, 16384, 40];
  for (const size of sizes) held.push(P.__alloc_percpu(size, size === 100 ? 256 : 8));
  expect(held[2]! % 256).toBe(0);
  const ranges = held.map((p, i) => [P.per_cpu_ptr(p, 0), P.per_cpu_ptr(p, 0) + sizes[i]!] as const);
  ranges.sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < ranges.length; i++) expect(ranges[i]![0]).toBeGreaterThanOrEqual(ranges[i - 1]![1]);
  for (const p of held) P.free_percpu(p);
  // One empty chunk and its page may stay.
  expect(before - nr_free_pages()).toBeLessThanOrEqual((4 * PERCPU_SIZE) / 4096 + 1);
});

test('memory that runs out gives 0; an atomic caller gets only what the chunks have', () => {
  expect(P.alloc_percpu_gfp(stats, GFP_ATOMIC)).toBe(0);
  const held: number[] = [];
  for (let p; (p = P.__alloc_percpu_gfp(8192, 8, GFP_KERNEL | 0x2000)) !== 0;) held.push(p);
  expect(held.length).toBeGreaterThan(100);
  P.free_percpu(held.pop()!);
  expect(P.alloc_percpu_gfp(stats, GFP_ATOMIC)).not.toBe(0);
});

test('a module that forgets to free is named with what it forgot', () => {
  set_alloc_owner(5);
  const p = P.alloc_percpu(stats);
  set_alloc_owner(0);
  const found: [number, number, string][] = [];
  expect(for_each_object_of(5, (...x) => found.push(x))).toBe(1);
  expect([found, owned_objects()]).toEqual([[[p, 16, 'percpu']], 1]);
  P.free_percpu(p);
  expect(owned_objects()).toBe(0);
});

test.each([
  ['a double free', (p: number) => (P.free_percpu(p), P.free_percpu(p)), /double free/],
  ['an address inside', (p: number) => P.free_percpu(p + 16), /inside an allocation/],
  ['an address', (p: number) => P.free_percpu(P.per_cpu_ptr(p, 0)), /an address, not a per-CPU pointer/],
  ['something else', () => P.free_percpu(0x40800000), /not from alloc_percpu/],
  ['an address where a pointer is meant', (p: number) => P.this_cpu_ptr(P.per_cpu_ptr(p, 1)), /is an address/],
])('%s is named', (_what, f, message) => {
  const p = P.__alloc_percpu(64, 8);
  P.__alloc_percpu(64, 8);
  expect(() => f(p)).toThrow(message);
});
