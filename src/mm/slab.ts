// kmalloc and kfree.
//
// Who may call: everybody, from any context; with __GFP_DIRECT_RECLAIM only where sleeping is allowed, which is
// checked and never done. No lock on the short way: the list belongs to this CPU, and there is no step, so no
// interrupt, between the first access and the last. What is wrong with a pointer is found at every kfree, from the
// struct page and the object's metadata; see slab_class.ts and slab_cache.ts.
import { my } from '../cpu/context.js';
import { memory_allocated, memory_freed } from '../cpu/order.js';
import { a_cas, fill_bytes, ld, memory_size, st } from '../cpu/raw.js';
import { BUG } from '../kernel/panic.js';
import { Event, trace_end, trace_fast } from '../kernel/trace.js';
import { __GFP_DIRECT_RECLAIM, __GFP_NOWARN, __GFP_ZERO } from '../linux/gfp_types.js';
import { PAGE_SHIFT, PAGE_SIZE, Pcpu } from '../machine/memory-map.js';
import { __might_sleep } from '../sched/debug.js';
import { Task } from '../sched/task-layout.js';
import { alloc_failed } from './page_warn.js';
import { get_block, put_pages } from './page_alloc.js';
import {
  address_of,
  is_managed,
  Kind,
  KIND_MASK,
  MAX_PAGE_ORDER,
  order_of,
  OWNER_SHIFT,
  Page,
  page_of,
} from './page.js';
import { count_owned } from './owner.js';
import { bad_kfree } from './slab_report.js';
import { Cache, cache_of_slab, cache_slab_of, free_object } from './kmem_cache.js';
import { check_poison, poison } from './slab_debug.js';
import { corrupted, slab_flush, slab_refill } from './slab_cache.js';
import {
  CLASS_LIMIT,
  CLASS_META,
  CLASS_OBJECTS,
  CLASS_RECIPROCAL,
  CLASS_SIZES,
  KMALLOC_MAX_CACHE_SIZE,
  META_NUMBER,
  META_OWNER,
  META_OWNER_SHIFT,
  NO_OBJECT,
  PAGES_SLOT,
  SIZE_CLASS,
  SLAB_POISON,
  SLAB_SLOT,
  SLAB_SLOT_OBJECTS,
  SLAB_SLOT_OWNED,
  TAG_ALLOCATED,
  TAG_FREE,
  TAG_MASK,
} from './slab_class.js';

// Copies that are not exported: the compiler takes them for constants, and not for variables of another file. This, and
// that a slab's flags are in the struct page that has been read anyway, halves the time of a kmalloc.
const OF_SIZE = SIZE_CLASS;
const SIZES = CLASS_SIZES;
const META = CLASS_META;
const RECIPROCAL = CLASS_RECIPROCAL;
const OBJECTS = CLASS_OBJECTS;
const LIMIT = CLASS_LIMIT;

/** What kmalloc(0) returns: not NULL, and in the null page, so that an access is an oops. */
export const ZERO_SIZE_PTR = 16;
export const ZERO_OR_NULL_PTR = (p: number): boolean => p >= 0 && p <= ZERO_SIZE_PTR;
export const KMALLOC_MAX_SIZE = PAGE_SIZE << MAX_PAGE_ORDER;
/** An address, or a view of what lies there. */
export type Pointer = number | { readonly '@addr': number };

/**
 * `size` bytes, 0 to KMALLOC_MAX_SIZE; a power of two is aligned to itself, anything else to 8. The contents are
 * undefined unless __GFP_ZERO is given. Context: any that `gfp` allows. Return: the address; 0 when memory is short.
 */
export function kmalloc(size: number, gfp: number): number {
  if ((gfp & __GFP_DIRECT_RECLAIM) !== 0 && may_not_sleep()) __might_sleep('kmalloc');
  if (!(size > 0 && size <= KMALLOC_MAX_CACHE_SIZE)) return kmalloc_large(size, gfp);
  const k = OF_SIZE[(size + 7) >> 3]!;
  const slot = my + Pcpu.SLAB + k * SLAB_SLOT;
  const count = ld(slot);
  let object;
  if (count !== 0) {
    object = ld(slot + count * 4);
    st(slot, count - 1);
  } else {
    object = slab_refill(k, gfp);
    if (object === 0) return 0;
  }
  let page = page_of(object);
  let word0 = ld(page);
  if ((word0 & KIND_MASK) === Kind.SLAB_TAIL) {
    page = ld(page + Page.HEAD);
    word0 = ld(page);
  }
  const base = address_of(page);
  const index = Math.imul(object - base, RECIPROCAL[k]!) >>> 21;
  const meta = base + META[k]! + index * 4;
  const word = ld(meta);
  if ((word & TAG_MASK) !== TAG_FREE && word !== 0) corrupted(k, base, index);
  const owner = ld(my + Pcpu.ALLOC_OWNER);
  st(meta, TAG_ALLOCATED | (owner << META_OWNER_SHIFT) | (SIZES[k]! - size));
  if (owner !== 0) st(slot + SLAB_SLOT_OWNED, ld(slot + SLAB_SLOT_OWNED) + 1);
  if ((word0 & SLAB_POISON) !== 0 && word !== 0) check_poison(k, object, word);
  if ((gfp & __GFP_ZERO) !== 0) clear_object(object, SIZES[k]!);
  trace_fast(Event.KMALLOC, object, size);
  memory_allocated(object, SIZES[k]!);
  return object;
}

/** In atomic context or, what Linux reports too, in an RCU reader. */
const may_not_sleep = (): boolean =>
  (ld(my + Pcpu.PREEMPT) | ld(my + Pcpu.IRQ_OFF) | ld(ld(my + Pcpu.CURRENT) + Task.RCU_NESTING)) !== 0;

/** For small objects a loop is several times faster than a call to a built-in. */
function clear_object(object: number, size: number): void {
  if (size > 256) fill_bytes(object, 0, size);
  else for (let a = object; a < object + size; a += 4) st(a, 0);
}

/** Too large for a slab, and the sizes that are no sizes. */
function kmalloc_large(size: number, gfp: number): number {
  if (size === 0) return ZERO_SIZE_PTR;
  if (typeof size !== 'number' || size !== size) BUG(`kmalloc: the size is ${String(size)}, not a number`);
  // A negative size is a huge one in Linux, whose size_t has no sign.
  if (size < 0 || size > KMALLOC_MAX_SIZE) return alloc_failed(gfp, MAX_PAGE_ORDER + 1);
  const order = get_order(size);
  const owner = ld(my + Pcpu.ALLOC_OWNER);
  const page = get_block(gfp, order, Kind.LARGE, owner);
  if (page === 0) return 0;
  st(page + Page.SIZE, size);
  st(page + Page.REFS, 1);
  if (owner !== 0) count_owned(PAGES_SLOT, 1);
  trace_fast(Event.KMALLOC, address_of(page), size);
  memory_allocated(address_of(page), size);
  return address_of(page);
}

/** The smallest order whose block holds `size` bytes. */
export const get_order = (size: number): number => (size <= PAGE_SIZE ? 0 : 32 - Math.clz32((size - 1) >> PAGE_SHIFT));

/**
 * Frees what kmalloc and its kin returned; NULL and ZERO_SIZE_PTR are ignored. Anything else, freed twice or never
 * allocated, is a BUG that names it. Context: any.
 */
export function kfree(p: Pointer): void {
  const object = typeof p === 'number' ? p : p['@addr'];
  if (object === 0 || object === ZERO_SIZE_PTR) return;
  // A page that the allocator does not manage is of no kind: only what has no struct page must not be looked at.
  if (object >>> 0 >= memory_size) bad_kfree(object);
  let page = page_of(object);
  let word0 = ld(page);
  if ((word0 & KIND_MASK) === Kind.SLAB_TAIL) {
    page = ld(page + Page.HEAD);
    word0 = ld(page);
  }
  if ((word0 & KIND_MASK) !== Kind.SLAB) return kfree_large(object, page);
  const k = word0 >>> OWNER_SHIFT;
  const base = address_of(page);
  const index = Math.imul(object - base, RECIPROCAL[k]!) >>> 21;
  if (base + index * SIZES[k]! !== object || index >= OBJECTS[k]!) bad_kfree(object);
  const meta = base + META[k]! + index * 4;
  const word = ld(meta);
  // One atomic change, so that of two CPUs that free the object at the same time one is told.
  if ((word & TAG_MASK) !== TAG_ALLOCATED || a_cas(meta, word, (word & META_OWNER) | TAG_FREE | NO_OBJECT) !== word)
    bad_kfree(object);
  trace_end(Event.KFREE, object);
  memory_freed(object, SIZES[k]!);
  const slot = my + Pcpu.SLAB + k * SLAB_SLOT;
  if ((word & META_OWNER) !== 0) st(slot + SLAB_SLOT_OWNED, ld(slot + SLAB_SLOT_OWNED) - 1);
  if ((word0 & SLAB_POISON) !== 0) poison(k, object);
  let count = ld(slot);
  if (count >= LIMIT[k]!) {
    slab_flush(k);
    count = ld(slot);
  }
  st(slot + SLAB_SLOT_OBJECTS + count * 4, object);
  st(slot, count + 1);
}

function kfree_large(object: number, page: number): void {
  const word = ld(page);
  // Objects of kmem_caches may be given to kfree, too.
  const slab = cache_slab_of(object);
  if (slab !== 0) return free_object(cache_of_slab(slab), slab, object, 'kfree');
  if ((word & KIND_MASK) !== Kind.LARGE || address_of(page) !== object) bad_kfree(object);
  if (a_cas(page, word, (word & ~KIND_MASK) | Kind.PAGES) !== word) bad_kfree(object);
  trace_end(Event.KFREE, object);
  memory_freed(object, ld(page + Page.SIZE));
  if (word >>> OWNER_SHIFT !== 0) count_owned(PAGES_SLOT, -1);
  put_pages(page, order_of(page));
}

/** Bytes that may be used of what kmalloc returned: at least what was asked for. 0 for NULL and ZERO_SIZE_PTR. */
export function ksize(p: Pointer): number {
  return allocation(p, true);
}

/** What ksize() would say of kmalloc(size): asking for so much at once costs nothing more. */
export function kmalloc_size_roundup(size: number): number {
  if (size > 0 && size <= KMALLOC_MAX_CACHE_SIZE) return SIZES[OF_SIZE[(size + 7) >> 3]!]!;
  return size > 0 && size <= KMALLOC_MAX_SIZE ? PAGE_SIZE << get_order(size) : size;
}

/** Bytes that were asked for: what a report or a check of bounds wants. */
export function kmalloc_requested(p: Pointer): number {
  return allocation(p, false);
}

function allocation(p: Pointer, usable: boolean): number {
  const object = typeof p === 'number' ? p : p['@addr'];
  if (object === 0 || object === ZERO_SIZE_PTR) return 0;
  if (!is_managed(object)) bad_kfree(object, 'ksize');
  let page = page_of(object);
  if ((ld(page) & KIND_MASK) === Kind.SLAB_TAIL) page = ld(page + Page.HEAD);
  const base = address_of(page);
  if ((ld(page) & KIND_MASK) === Kind.LARGE && base === object)
    return usable ? PAGE_SIZE << order_of(page) : ld(page + Page.SIZE);
  const slab = cache_slab_of(object);
  if (slab !== 0) return ld(cache_of_slab(slab) + Cache.OBJECT_SIZE);
  if ((ld(page) & KIND_MASK) !== Kind.SLAB) bad_kfree(object, 'ksize');
  const k = ld(page) >>> OWNER_SHIFT;
  const index = Math.imul(object - base, RECIPROCAL[k]!) >>> 21;
  const word = ld(base + META[k]! + index * 4);
  if (base + index * SIZES[k]! !== object || (word & TAG_MASK) !== TAG_ALLOCATED) bad_kfree(object, 'ksize');
  return usable ? SIZES[k]! : SIZES[k]! - (word & META_NUMBER);
}

/** Notes that an object is now used for `size` bytes of those it has. For krealloc. */
export function resize_object(object: number, size: number): void {
  let page = page_of(object);
  if ((ld(page) & KIND_MASK) === Kind.LARGE) return st(page + Page.SIZE, size);
  if ((ld(page) & KIND_MASK) === Kind.SLAB_TAIL) page = ld(page + Page.HEAD);
  const k = ld(page) >>> OWNER_SHIFT;
  const base = address_of(page);
  const meta = base + META[k]! + (Math.imul(object - base, RECIPROCAL[k]!) >>> 21) * 4;
  st(meta, (ld(meta) & ~META_NUMBER) | (SIZES[k]! - size));
}

/** As kmalloc, but no warning when `n * size` is more than there can be. */
export function kmalloc_array(n: number, size: number, gfp: number): number {
  const bytes = n * size;
  if (n < 0 || size < 0 || bytes > 0xffffffff) return 0;
  return kmalloc(bytes, bytes > KMALLOC_MAX_SIZE ? gfp | __GFP_NOWARN : gfp);
}
export const kzalloc = (size: number, gfp: number): number => kmalloc(size, gfp | __GFP_ZERO);
export const kcalloc = (n: number, size: number, gfp: number): number => kmalloc_array(n, size, gfp | __GFP_ZERO);
