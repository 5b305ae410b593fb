// kmem_cache: caches of objects of one size, made and destroyed by modules. linux/slab.ts has the public names.
//
// Who may call: kmem_cache_alloc and _free everybody, from any context that `gfp` allows; create, destroy and shrink only
// where sleeping is allowed. A cache has a list of free objects for each CPU, touched by that CPU alone and without a
// step in between, and slabs behind them under the cache's LOCK, interrupts off. LOCK_MM nests inside.
//
// A slab is a block of pages like those of kmalloc (slab_class.ts draws the metadata, slab_cache.ts the counters), but
// its first struct page has the cache's index in word 0, and its objects are OBJECTS from its start, SIZE apart.
// With a constructor a fresh slab is constructed whole before anybody sees it, and an object is constructed whenever
// it is free: that is the caller's part, when it frees.
import { my } from '../cpu/context.js';
import { memory_allocated, memory_freed } from '../cpu/order.js';
import { a_cas, copy_bytes, fill_bytes, ld, ld8, st, st8, STEPPED } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { BUG, panic, WARN, WARN_ONCE } from '../kernel/panic.js';
import { Event, trace_end, trace_fast } from '../kernel/trace.js';
import { atomic_text_handle, call_text } from '../kernel/text.js';
import { GFP_KERNEL, __GFP_ZERO } from '../linux/gfp_types.js';
import { LINE, Mach, PAGE_SIZE, PAGE_STRUCT, Pcpu, PERCPU, PERCPU_SIZE } from '../machine/memory-map.js';
import { SLAB_CPU_BYTES, SLAB_EMPTY_KEPT, SLAB_OBJECTS } from '../machine/params.js';
import { __might_sleep } from '../sched/debug.js';
import { kasan_print_history } from './kasan.js';
import { might_alloc } from './might_alloc.js';
import { count_owned, name_of_owner } from './owner.js';
import { get_block, put_pages } from './page_alloc.js';
import { address_of, hex, is_managed, Kind, KIND_MASK, Mm, OWNER_SHIFT, Page, page_of } from './page.js';
import { SlabDebug, slab_debug_flags } from './slab_debug.js';
import { kfree, kmalloc, type Pointer } from './slab.js';
import {
  META_NUMBER,
  META_OWNER,
  META_OWNER_SHIFT,
  NO_OBJECT,
  PAGES_SLOT,
  TAG_ALLOCATED,
  TAG_FREE,
  TAG_MASK,
} from './slab_class.js';

export const SLAB_POISON = 0x800;
export const SLAB_RED_ZONE = 0x400;
export const SLAB_STORE_USER = 0x10000;
export const SLAB_HWCACHE_ALIGN = 0x2000;
export const SLAB_PANIC = 0x40000;
export const SLAB_TYPESAFE_BY_RCU = 0x80000;
export const SLAB_ACCOUNT = 0x4000000;
export const SLAB_RECLAIM_ACCOUNT = 0x20000;
export const SLAB_NO_MERGE = 0x1000000;
export const SLAB_CONSISTENCY_CHECKS = 0x100;

/** struct kmem_cache. NAME is a NUL-terminated text; SLOTS a line for each CPU: a count, then so many free objects. */
export const enum Cache {
  MAGIC = 0,
  /** Bytes between objects, and those that were asked for. */
  SIZE = 4,
  OBJECT_SIZE = 8,
  ALIGN = 12,
  FLAGS = 16,
  /** Text handle of the constructor, or 0. */
  CTOR = 20,
  ORDER = 24,
  /** Objects of a slab, and where its metadata begins. */
  OBJECTS = 28,
  META = 32,
  LIMIT = 36,
  BATCH = 40,
  /** Its number in the struct pages of its slabs. */
  INDEX = 44,
  /** Next cache of the list. Under CACHES_LOCK. */
  NEXT = 48,
  OWNER = 52,
  /** Under LOCK: the slabs with something to give; how many there are; those that are empty. */
  LOCK = 56,
  PARTIAL = 64,
  SLABS = 68,
  EMPTY = 72,
  /** Objects of a slab that is full are found by this list: all slabs, linked by the word behind their metadata. */
  NAME = 76,
  SLOTS = LINE,
}
const NAME_SIZE = LINE - Cache.NAME;
const SLOT = LINE;
const MAX_LIMIT = SLOT / 4 - 1;
const MAGIC = 0x6b6d6361;
const TEN_BITS = 0x3ff;
const FRESH_SHIFT = 10;
const HEAD_SHIFT = 20;
const POISON_FREE = 0x6b;
const POISON_END = 0xa5;
export const KMEM_CACHE_MAX_SIZE = PAGE_SIZE << 10;

export function kmem_cache_init(): void {
  arch_spin_init(Mm.CACHES_LOCK);
  st(Mm.CACHES, 0);
}

const addr = (p: Pointer): number => (typeof p === 'number' ? p : p['@addr']);
const slot_of = (s: number): number => s + Cache.SLOTS + ((my - PERCPU) / PERCPU_SIZE) * SLOT;

export function cache_name(s: number): string {
  let name = '';
  for (let i = 0, c; i < NAME_SIZE && (c = ld8(s + Cache.NAME + i)) !== 0; i++) name += String.fromCharCode(c);
  return name;
}
function check_cache(s: number, what: string): void {
  if (!is_managed(s) || ld(s + Cache.MAGIC) !== MAGIC)
    BUG(`${what}: ${hex(s)} is ${s === 0 ? 'NULL' : 'no cache of kmem_cache_create, or one that was destroyed'}`);
}
/** The cache of a number in a struct page; 0 if it is gone. Numbers are few. Context: any. */
export function cache_by_index(index: number): number {
  for (let s = ld(Mm.CACHES); s !== 0; s = ld(s + Cache.NEXT)) if (ld(s + Cache.INDEX) === index) return s;
  return 0;
}

/** Slabs of this order hold how many? */
const objects_in = (size: number, order: number): number =>
  Math.min(TEN_BITS - 1, Math.floor((PAGE_SIZE << order) / (size + 4)));

/**
 * A cache of objects of `size` bytes, aligned to `align` (0: to a word of 8 bytes; SLAB_HWCACHE_ALIGN: to a line as far
 * as that wastes no half). `ctor(object)` constructs each object of a fresh slab; it is an exported function that does
 * not sleep. SLAB_TYPESAFE_BY_RCU: memory of freed objects stays objects of this cache until it is destroyed.
 * Context: task. Return: the cache's address, to be given to kmem_cache_destroy(); 0 when memory is short (a panic with
 * SLAB_PANIC).
 */
export function kmem_cache_create(
  name: string,
  size: number,
  align: number,
  flags: number,
  ctor: ((object: number) => void) | null | 0 = null,
): number {
  __might_sleep('kmem_cache_create');
  if (
    typeof name !== 'string' ||
    name === '' ||
    !(size > 0 && size <= KMEM_CACHE_MAX_SIZE) ||
    (align & (align - 1)) !== 0
  ) {
    WARN(true, 'kmem_cache_create(%s): size %d or alignment %d is not possible\n', String(name), size, align);
    return 0;
  }
  const handle = ctor ? atomic_text_handle(ctor, 'a constructor of objects') : 0;
  let unit = Math.max(align, 8);
  if ((flags & SLAB_HWCACHE_ALIGN) !== 0) {
    let line = LINE;
    while (size <= line / 2 && line > 8) line >>= 1;
    unit = Math.max(unit, line);
  }
  const step = Math.ceil(size / unit) * unit;
  let order = 0;
  while (objects_in(step, order) < SLAB_OBJECTS && order < 4) order++;
  while (objects_in(step, order) < 1 && order < 10) order++;
  const cpus = ld(Mach.CPUS);
  const bytes = Cache.SLOTS + cpus * SLOT;
  const s = objects_in(step, order) < 1 ? 0 : kmalloc(bytes, GFP_KERNEL);
  if (s === 0) {
    if ((flags & SLAB_PANIC) !== 0) panic("kmem_cache_create: Failed to create slab '%s'", name);
    return 0;
  }
  fill_bytes(s, 0, bytes);
  const objects = objects_in(step, order);
  st(s + Cache.SIZE, step);
  st(s + Cache.OBJECT_SIZE, size);
  st(s + Cache.ALIGN, unit);
  st(s + Cache.FLAGS, flags | ((slab_debug_flags() & SlabDebug.POISON) !== 0 ? SLAB_POISON : 0));
  st(s + Cache.CTOR, handle);
  st(s + Cache.ORDER, order);
  st(s + Cache.OBJECTS, objects);
  st(s + Cache.META, (PAGE_SIZE << order) - objects * 4);
  const limit = Math.max(2, Math.min(MAX_LIMIT, Math.floor(SLAB_CPU_BYTES / step)));
  st(s + Cache.LIMIT, limit);
  st(s + Cache.BATCH, Math.max(1, limit >> 1));
  st(s + Cache.OWNER, ld(my + Pcpu.ALLOC_OWNER));
  arch_spin_init(s + Cache.LOCK);
  for (let i = 0; i < Math.min(name.length, NAME_SIZE - 1); i++) st8(s + Cache.NAME + i, name.charCodeAt(i) & 0x7f);
  st(s + Cache.MAGIC, MAGIC);
  const irq = lock_irqsave(Mm.CACHES_LOCK);
  let index = 1;
  while (cache_by_index(index) !== 0) index++;
  st(s + Cache.INDEX, index);
  st(s + Cache.NEXT, ld(Mm.CACHES));
  st(Mm.CACHES, s);
  unlock_irqrestore(Mm.CACHES_LOCK, irq);
  return s;
}

/** `useroffset` and `usersize` say what may be copied to user space, which there is none of here. */
export const kmem_cache_create_usercopy = (
  name: string,
  size: number,
  align: number,
  flags: number,
  _useroffset: number,
  _usersize: number,
  ctor: ((object: number) => void) | null | 0 = null,
): number => kmem_cache_create(name, size, align, flags, ctor);

function push_slab(s: number, page: number): void {
  const next = ld(s + Cache.PARTIAL);
  st(page + Page.NEXT, next);
  st(page + Page.PREV, 0);
  if (next !== 0) st(next + Page.PREV, page);
  st(s + Cache.PARTIAL, page);
}
function unlink_slab(s: number, page: number): void {
  const next = ld(page + Page.NEXT);
  const prev = ld(page + Page.PREV);
  if (prev === 0) st(s + Cache.PARTIAL, next);
  else st(prev + Page.NEXT, next);
  if (next !== 0) st(next + Page.PREV, prev);
}

/** The slab of one of our objects: its first struct page; 0 for any other address. */
export function cache_slab_of(address: number): number {
  if (!is_managed(address)) return 0;
  let page = page_of(address);
  if ((ld(page) & KIND_MASK) === Kind.CACHE_TAIL) page = ld(page + Page.HEAD);
  return (ld(page) & KIND_MASK) === Kind.CACHE ? page : 0;
}
export const cache_of_slab = (page: number): number => cache_by_index(ld(page) >>> OWNER_SHIFT);
const poisons = (s: number): boolean =>
  (ld(s + Cache.FLAGS) & (SLAB_POISON | SLAB_TYPESAFE_BY_RCU)) === SLAB_POISON && ld(s + Cache.CTOR) === 0;

/** Turns fresh pages into a slab that nobody knows yet; not constructed. */
function make_slab(s: number, page: number): void {
  const order = ld(s + Cache.ORDER);
  for (let i = 1; i < 1 << order; i++) {
    st(page + i * PAGE_STRUCT, Kind.CACHE_TAIL);
    st(page + i * PAGE_STRUCT + Page.HEAD, page);
  }
  fill_bytes(address_of(page) + ld(s + Cache.META), 0, ld(s + Cache.OBJECTS) * 4);
  st(page + Page.COUNTERS, NO_OBJECT << HEAD_SHIFT);
}
function free_slab(s: number, page: number): void {
  const order = ld(s + Cache.ORDER);
  for (let i = 1; i < 1 << order; i++) st(page + i * PAGE_STRUCT, Kind.NONE);
  put_pages(page, order);
}

function take_object(s: number, page: number): number {
  const counters = ld(page + Page.COUNTERS);
  const taken = (counters & TEN_BITS) + 1;
  let fresh = (counters >>> FRESH_SHIFT) & TEN_BITS;
  let head = counters >>> HEAD_SHIFT;
  const base = address_of(page);
  let index = head;
  if (index !== NO_OBJECT) {
    const meta = ld(base + ld(s + Cache.META) + index * 4);
    head = meta & META_NUMBER;
    if ((meta & TAG_MASK) !== TAG_FREE || (head >= fresh && head !== NO_OBJECT)) overwritten(s, base, index);
  } else {
    index = fresh++;
  }
  st(page + Page.COUNTERS, taken | (fresh << FRESH_SHIFT) | (head << HEAD_SHIFT));
  if (taken === 1) st(s + Cache.EMPTY, ld(s + Cache.EMPTY) - 1);
  if (taken === ld(s + Cache.OBJECTS)) unlink_slab(s, page);
  return base + index * ld(s + Cache.SIZE);
}
function overwritten(s: number, base: number, index: number): never {
  BUG(
    `${cache_name(s)}: the metadata of object ${hex(base + index * ld(s + Cache.SIZE))} was overwritten; ` +
      `something wrote past the end of an object of the slab at ${hex(base)}`,
  );
}
/** Gives an object, whose metadata says FREE, back to its slab. Under LOCK. */
function return_object(s: number, object: number): void {
  const page = cache_slab_of(object);
  const base = address_of(page);
  const index = ((object - base) / ld(s + Cache.SIZE)) | 0;
  const counters = ld(page + Page.COUNTERS);
  const taken = (counters & TEN_BITS) - 1;
  const meta = base + ld(s + Cache.META) + index * 4;
  st(meta, (ld(meta) & META_OWNER) | TAG_FREE | (counters >>> HEAD_SHIFT));
  st(page + Page.COUNTERS, taken | (counters & (TEN_BITS << FRESH_SHIFT)) | (index << HEAD_SHIFT));
  if (taken === ld(s + Cache.OBJECTS) - 1) push_slab(s, page);
  if (taken !== 0) return;
  // Readers under rcu_read_lock() may still look at objects of a type-stable cache: its slabs go with the cache.
  if (ld(s + Cache.EMPTY) < SLAB_EMPTY_KEPT || (ld(s + Cache.FLAGS) & SLAB_TYPESAFE_BY_RCU) !== 0) {
    st(s + Cache.EMPTY, ld(s + Cache.EMPTY) + 1);
    return;
  }
  unlink_slab(s, page);
  st(s + Cache.SLABS, ld(s + Cache.SLABS) - 1);
  free_slab(s, page);
}

/** This CPU's list is empty: fills it from the slabs. Return: one object, 0 if a new slab is needed. */
function refill(s: number): number {
  const flags = lock_irqsave(s + Cache.LOCK);
  let object = 0;
  if (ld(s + Cache.PARTIAL) !== 0) {
    object = take_object(s, ld(s + Cache.PARTIAL));
    const slot = slot_of(s);
    let n = ld(slot);
    for (const batch = ld(s + Cache.BATCH) - 1; n < batch && ld(s + Cache.PARTIAL) !== 0; n++)
      st(slot + 4 + n * 4, take_object(s, ld(s + Cache.PARTIAL)));
    st(slot, n);
  }
  unlock_irqrestore(s + Cache.LOCK, flags);
  return object;
}
/** A slab that nobody knows yet, to be constructed and then given to add_slab(). Return: its struct page, or 0. */
function fresh_slab(s: number, gfp: number): number {
  const page = get_block(gfp & ~__GFP_ZERO, ld(s + Cache.ORDER), Kind.CACHE, ld(s + Cache.INDEX));
  if (page !== 0) make_slab(s, page);
  return page;
}
function add_slab(s: number, page: number): void {
  const flags = lock_irqsave(s + Cache.LOCK);
  push_slab(s, page);
  st(s + Cache.SLABS, ld(s + Cache.SLABS) + 1);
  st(s + Cache.EMPTY, ld(s + Cache.EMPTY) + 1);
  unlock_irqrestore(s + Cache.LOCK, flags);
}
function construct(s: number, page: number): void {
  const ctor = ld(s + Cache.CTOR);
  const base = address_of(page);
  for (let i = 0; i < ld(s + Cache.OBJECTS); i++) {
    // The constructor may write it: to the address checks it is allocated meanwhile.
    const meta = base + ld(s + Cache.META) + i * 4;
    const word = ld(meta);
    st(meta, TAG_ALLOCATED);
    call_text(ctor, base + i * ld(s + Cache.SIZE));
    st(meta, word);
  }
}

function take(s: number): number {
  const slot = slot_of(s);
  const count = ld(slot);
  if (count === 0) return refill(s);
  st(slot, count - 1);
  return ld(slot + count * 4);
}
/** Marks the object as given out. */
function give(s: number, object: number, gfp: number): number {
  const page = cache_slab_of(object);
  const base = address_of(page);
  const index = ((object - base) / ld(s + Cache.SIZE)) | 0;
  const meta = base + ld(s + Cache.META) + index * 4;
  const word = ld(meta);
  if ((word & TAG_MASK) !== TAG_FREE && word !== 0) overwritten(s, base, index);
  const owner = ld(my + Pcpu.ALLOC_OWNER);
  st(meta, TAG_ALLOCATED | (owner << META_OWNER_SHIFT));
  if (owner !== 0) count_owned(PAGES_SLOT, 1);
  if (word !== 0 && poisons(s)) check_poison(s, object, word);
  if ((gfp & __GFP_ZERO) !== 0) {
    WARN_ONCE(ld(s + Cache.CTOR) !== 0, '%s: __GFP_ZERO on a cache with a constructor\n', cache_name(s));
    fill_bytes(object, 0, ld(s + Cache.OBJECT_SIZE));
  }
  trace_fast(Event.KMEM_CACHE_ALLOC, object, ld(s + Cache.OBJECT_SIZE));
  return object;
}

/** One object: as its constructor or the last user left it, undefined without one. Return: its address; 0 without memory. */
export function kmem_cache_alloc(cache: Pointer, gfp: number): number {
  const s = addr(cache);
  check_cache(s, 'kmem_cache_alloc');
  might_alloc(gfp, 'kmem_cache_alloc');
  for (;;) {
    const object = take(s);
    if (object !== 0) return give(s, object, gfp);
    const page = fresh_slab(s, gfp);
    if (page === 0) return 0;
    if (ld(s + Cache.CTOR) !== 0) construct(s, page);
    add_slab(s, page);
  }
}
export const kmem_cache_zalloc = (cache: Pointer, gfp: number): number => kmem_cache_alloc(cache, gfp | __GFP_ZERO);
/** There is one node of memory. */
export const kmem_cache_alloc_node = (cache: Pointer, gfp: number, _node: number): number =>
  kmem_cache_alloc(cache, gfp);

/** `size` objects, their addresses into the array of pointers at `p`. Return: `size`, or 0 and none. */
export function kmem_cache_alloc_bulk(cache: Pointer, gfp: number, size: number, p: Pointer): number {
  const array = addr(p);
  for (let i = 0; i < size; i++) {
    const object = kmem_cache_alloc(cache, gfp);
    if (object === 0) {
      kmem_cache_free_bulk(cache, i, array);
      return 0;
    }
    st(array + i * 4, object);
  }
  return size;
}

/**
 * Gives an object back; NULL is ignored. One of another cache is freed there, with a warning; freed twice or no object
 * is a BUG that names it. Context: any.
 */
export function kmem_cache_free(cache: Pointer, p: Pointer): void {
  const s = addr(cache);
  check_cache(s, 'kmem_cache_free');
  const object = addr(p);
  if (object === 0) return;
  const page = cache_slab_of(object);
  const of = page === 0 ? 0 : cache_of_slab(page);
  if (of === 0) BUG(`kmem_cache_free(${cache_name(s)}, ${hex(object)}): not an object of a kmem_cache`);
  WARN(of !== s, 'cache_from_obj: Wrong slab cache. %s but object is from %s\n', cache_name(s), cache_name(of));
  free_object(of, page, object, 'kmem_cache_free');
}
/** For kfree() too, which takes objects of any cache. */
export function free_object(s: number, page: number, object: number, what: string): void {
  const base = address_of(page);
  const index = ((object - base) / ld(s + Cache.SIZE)) | 0;
  const meta = base + ld(s + Cache.META) + index * 4;
  if (base + index * ld(s + Cache.SIZE) !== object || index >= ld(s + Cache.OBJECTS))
    BUG(`${what}(${cache_name(s)}, ${hex(object)}): not the start of an object`);
  const word = ld(meta);
  // One atomic change, so that of two CPUs that free the object at the same time one is told.
  if ((word & TAG_MASK) !== TAG_ALLOCATED || a_cas(meta, word, (word & META_OWNER) | TAG_FREE | NO_OBJECT) !== word) {
    if (STEPPED) kasan_print_history(object);
    BUG(
      `${what}(${cache_name(s)}, ${hex(object)}): ` +
        (word === 0
          ? 'never allocated'
          : (ld(meta) & TAG_MASK) === TAG_FREE
            ? `double free, allocated last by ${name_of_owner((word & META_OWNER) >>> META_OWNER_SHIFT)}`
            : "the object's metadata was overwritten"),
    );
  }
  trace_end(Event.KMEM_CACHE_FREE, object);
  // Readers may still look at an object of such a cache, and find that it is another one.
  if ((ld(s + Cache.FLAGS) & SLAB_TYPESAFE_BY_RCU) !== 0) memory_allocated(object, ld(s + Cache.SIZE));
  else memory_freed(object, ld(s + Cache.SIZE));
  if ((word & META_OWNER) !== 0) count_owned(PAGES_SLOT, -1);
  if (poisons(s)) poison(s, object);
  const slot = slot_of(s);
  if (ld(slot) >= ld(s + Cache.LIMIT)) flush_slot(s, slot, ld(s + Cache.BATCH));
  const count = ld(slot);
  st(slot + 4 + count * 4, object);
  st(slot, count + 1);
}
export function kmem_cache_free_bulk(cache: Pointer, size: number, p: Pointer): void {
  for (let i = 0; i < size; i++) kmem_cache_free(cache, ld(addr(p) + i * 4));
}

/** Sends the `n` objects that have been longest in a CPU's list back to their slabs. */
function flush_slot(s: number, slot: number, n: number): void {
  const flags = lock_irqsave(s + Cache.LOCK);
  const count = ld(slot);
  const out = Math.min(n, count);
  for (let i = 0; i < out; i++) return_object(s, ld(slot + 4 + i * 4));
  copy_bytes(slot + 4, slot + 4 + out * 4, (count - out) * 4);
  st(slot, count - out);
  unlock_irqrestore(s + Cache.LOCK, flags);
}

function poison(s: number, object: number): void {
  const size = ld(s + Cache.OBJECT_SIZE);
  fill_bytes(object, POISON_FREE, size - 1);
  st8(object + size - 1, POISON_END);
}
function check_poison(s: number, object: number, meta: number): void {
  const size = ld(s + Cache.OBJECT_SIZE);
  for (let i = 0; i < size; i++) {
    const byte = ld8(object + i);
    if (byte === (i === size - 1 ? POISON_END : POISON_FREE)) continue;
    BUG(
      `${cache_name(s)}: object ${hex(object)} was written after it was freed: byte ${i} is 0x${byte.toString(16)}; ` +
        `allocated last by ${name_of_owner((meta & META_OWNER) >>> META_OWNER_SHIFT)}`,
    );
  }
}

function free_empty(s: number): number {
  let left = 0;
  const flags = lock_irqsave(s + Cache.LOCK);
  for (let page = ld(s + Cache.PARTIAL); page !== 0;) {
    const next = ld(page + Page.NEXT);
    if ((ld(page + Page.COUNTERS) & TEN_BITS) === 0) {
      unlink_slab(s, page);
      st(s + Cache.EMPTY, ld(s + Cache.EMPTY) - 1);
      st(s + Cache.SLABS, ld(s + Cache.SLABS) - 1);
      free_slab(s, page);
    }
    page = next;
  }
  left = ld(s + Cache.SLABS);
  unlock_irqrestore(s + Cache.LOCK, flags);
  return left;
}
/**
 * Gives back the slabs without an object in use. Context: task. Return: 0 if none is left, else 1. Of the CPUs' own
 * lists only this CPU's is emptied; Linux empties all. A type-stable cache keeps its slabs.
 */
export function kmem_cache_shrink(cache: Pointer): number {
  const s = addr(cache);
  check_cache(s, 'kmem_cache_shrink');
  __might_sleep('kmem_cache_shrink');
  flush_slot(s, slot_of(s), MAX_LIMIT);
  if ((ld(s + Cache.FLAGS) & SLAB_TYPESAFE_BY_RCU) !== 0) return ld(s + Cache.SLABS) === 0 ? 0 : 1;
  return free_empty(s) === 0 ? 0 : 1;
}
/** Bytes of an object, as it was asked for. */
export function kmem_cache_size(cache: Pointer): number {
  check_cache(addr(cache), 'kmem_cache_size');
  return ld(addr(cache) + Cache.OBJECT_SIZE);
}

/**
 * Ends a cache that nobody uses any more; NULL is ignored. Objects that were not freed are a warning that names them,
 * and their memory is never used again. Context: task.
 */
export function kmem_cache_destroy(cache: Pointer): void {
  const s = addr(cache);
  if (s === 0) return;
  check_cache(s, 'kmem_cache_destroy');
  __might_sleep('kmem_cache_destroy');
  // Nobody allocates or frees here now, so the other CPUs' lists can be read.
  for (let n = 0; n < ld(Mach.CPUS); n++) flush_slot(s, s + Cache.SLOTS + n * SLOT, MAX_LIMIT);
  if (free_empty(s) !== 0) {
    const objects: string[] = [];
    const left = for_each_in_cache(s, -1, (a) => void (objects.length < 8 && objects.push(hex(a))));
    WARN(
      true,
      'kmem_cache_destroy %s: Slab cache still has objects: %d left: %s%s\n',
      cache_name(s),
      left,
      objects.join(', '),
      left > objects.length ? ', ...' : '',
    );
    // As in Linux the cache stays: its slabs say that it is theirs.
    return;
  }
  const flags = lock_irqsave(Mm.CACHES_LOCK);
  let before: number = Mm.CACHES;
  while (ld(before) !== s && ld(before) !== 0) before = ld(before) + Cache.NEXT;
  st(before, ld(s + Cache.NEXT));
  unlock_irqrestore(Mm.CACHES_LOCK, flags);
  st(s + Cache.MAGIC, 0);
  kfree(s);
}

/** Calls `f` for each object in use, of one owner or (-1) of all. Return: how many. Context: as mm/leaks.ts. */
export function for_each_in_cache(
  s: number,
  owner: number,
  f: (a: number, size: number, cache: string) => void,
): number {
  let found = 0;
  const end = ld(Mm.END);
  for (let pfn = ld(Mm.FIRST); pfn < end; pfn++) {
    const page = page_of(pfn * PAGE_SIZE);
    if ((ld(page) & KIND_MASK) === Kind.CACHE && cache_of_slab(page) === s) found += for_each_in_slab(page, owner, f);
  }
  return found;
}
export function for_each_in_slab(
  page: number,
  owner: number,
  f: (a: number, size: number, cache: string) => void,
): number {
  const s = cache_of_slab(page);
  if (s === 0) return 0;
  const base = address_of(page);
  let found = 0;
  for (let i = 0; i < ld(s + Cache.OBJECTS); i++) {
    const word = ld(base + ld(s + Cache.META) + i * 4);
    if ((word & TAG_MASK) !== TAG_ALLOCATED) continue;
    if (owner !== -1 && (word & META_OWNER) >>> META_OWNER_SHIFT !== owner) continue;
    f(base + i * ld(s + Cache.SIZE), ld(s + Cache.OBJECT_SIZE), cache_name(s));
    found++;
  }
  return found;
}
