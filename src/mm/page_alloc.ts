// The page allocator: buddies of 2^0 to 2^10 pages, a doubly linked list of free blocks for each order.
//
// Who may call: everybody, from any context; with __GFP_DIRECT_RECLAIM only where sleeping is allowed, which is
// checked and never done. Lock: LOCK_MM, with interrupts off, a leaf. The first of a split block is given out and the
// rest queued at the heads of the lists, so the same sequence of calls gets the same addresses.
import { arch_spin_init, lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { my } from '../cpu/context.js';
import { memory_allocated, memory_freed } from '../cpu/order.js';
import { a_add, a_sub, fill_bytes, ld, st } from '../cpu/raw.js';
import { BUG } from '../kernel/panic.js';
import { Event, trace_fast } from '../kernel/trace.js';
import { __GFP_NOFAIL, __GFP_ZERO } from '../linux/gfp_types.js';
import { Mach, MEM_MAP, PAGE_SHIFT, PAGE_SIZE, PAGE_STRUCT, Pcpu } from '../machine/memory-map.js';
import { MM_RESERVE_MAX, MM_RESERVE_PART } from '../machine/params.js';
import { might_alloc } from './might_alloc.js';
import { count_owned } from './owner.js';
import {
  address_of,
  hex,
  is_managed,
  Kind,
  KIND_MASK,
  KIND_ORDER_MASK,
  MAX_PAGE_ORDER,
  Mm,
  ORDER_SHIFT,
  order_of,
  OWNER_SHIFT,
  Page,
  page_at,
  page_of,
  pfn_of,
} from './page.js';
import { drain_all_pages, pcp_init, pcp_pages, pcp_put, pcp_take } from './page_pcp.js';
import { alloc_failed, floor_of } from './page_warn.js';
import { kmem_cache_init } from './kmem_cache.js';
import { percpu_init } from './percpu.js';
import { slab_init, slab_reclaim } from './slab_cache.js';
import { PAGES_SLOT } from './slab_class.js';

/** Gives the allocator all memory behind MEM_MAP. Context: boot, once, on cleared memory, before any allocation. */
export function mm_init(memory_size: number): void {
  const end = memory_size >>> PAGE_SHIFT;
  const touched = MEM_MAP + end * PAGE_STRUCT;
  const first = (touched + ((end + 31) >>> 5) * 4 + PAGE_SIZE - 1) >>> PAGE_SHIFT;
  arch_spin_init(Mach.LOCK_MM);
  st(Mm.FIRST, first);
  st(Mm.END, end);
  st(Mm.TOUCHED, touched);
  st(Mm.NR_PAGES, end - first);
  st(Mm.NR_FREE, end - first);
  st(Mm.RESERVE, Math.min(MM_RESERVE_MAX, Math.floor((end - first) / MM_RESERVE_PART)));
  // From the end down, so that each list begins with its lowest block.
  for (let pfn = end; pfn > first;) {
    let order = 0;
    while (order < MAX_PAGE_ORDER && (pfn & (1 << order)) === 0 && pfn - (2 << order) >= first) order++;
    pfn -= 1 << order;
    push_free(page_at(pfn), order);
  }
  slab_init();
  pcp_init();
  percpu_init();
  kmem_cache_init();
}

/** Free pages of the machine now, those in the CPUs' lists included. Context: any. */
export const nr_free_pages = (): number => ld(Mm.NR_FREE) + pcp_pages();
/** All pages that the allocator manages. */
export const totalram_pages = (): number => ld(Mm.NR_PAGES);

function push_free(page: number, order: number): void {
  const head = Mm.FREE_HEAD + order * 4;
  const next = ld(head);
  st(page, Kind.FREE | (order << ORDER_SHIFT));
  st(page + Page.NEXT, next);
  st(page + Page.PREV, 0);
  if (next !== 0) st(next + Page.PREV, page);
  st(head, page);
}

export function unlink_free(page: number, order: number): void {
  const next = ld(page + Page.NEXT);
  const prev = ld(page + Page.PREV);
  if (prev === 0) st(Mm.FREE_HEAD + order * 4, next);
  else st(prev + Page.NEXT, next);
  if (next !== 0) st(next + Page.PREV, prev);
}

/** Takes a block of 2^order pages off the lists: its struct page, or 0. Under LOCK_MM. */
export function take_block(order: number, floor: number): number {
  const left = ld(Mm.NR_FREE) - (1 << order);
  if (left < floor) return 0;
  let k = order;
  while (k < MAX_PAGE_ORDER && ld(Mm.FREE_HEAD + k * 4) === 0) k++;
  const page = ld(Mm.FREE_HEAD + k * 4);
  if (page === 0) return 0;
  if ((ld(page) & KIND_ORDER_MASK) !== (Kind.FREE | (k << ORDER_SHIFT)))
    BUG(
      `page allocator: the list of free blocks of order ${k} leads to ${hex(page)}, which is no such block; a struct page was overwritten`,
    );
  unlink_free(page, k);
  while (k > order) {
    k--;
    push_free(page + (PAGE_STRUCT << k), k);
  }
  st(Mm.NR_FREE, left);
  return page;
}

/** Merges with free buddies as far as possible. Under LOCK_MM. */
export function put_block(page: number, order: number): void {
  const first = ld(Mm.FIRST);
  const end = ld(Mm.END);
  let pfn = pfn_of(page);
  let k = order;
  st(Mm.NR_FREE, ld(Mm.NR_FREE) + (1 << order));
  while (k < MAX_PAGE_ORDER) {
    const buddy = pfn ^ (1 << k);
    if (buddy < first || buddy + (1 << k) > end) break;
    const other = page_at(buddy);
    if ((ld(other) & KIND_ORDER_MASK) !== (Kind.FREE | (k << ORDER_SHIFT))) break;
    unlink_free(other, k);
    st(buddy > pfn ? other : page_at(pfn), Kind.NONE);
    pfn &= ~(1 << k);
    k++;
  }
  push_free(page_at(pfn), k);
}

/** Marks pages that were never given out before. Under LOCK_MM. Returns whether any of them was used before. */
export function touch(pfn: number, count: number): boolean {
  const map = ld(Mm.TOUCHED);
  let used = false;
  for (let p = pfn; p < pfn + count;) {
    const word = map + (p >>> 5) * 4;
    const bits = Math.min(32 - (p & 31), pfn + count - p);
    const mask = bits === 32 ? -1 : ((1 << bits) - 1) << (p & 31);
    const old = ld(word);
    if ((old & mask) !== 0) used = true;
    if ((old & mask) !== mask) st(word, old | mask);
    p += bits;
  }
  return used;
}

/**
 * Kernel-internal: a block of 2^order pages of the given kind, charged to `owner`. Context: any that `gfp` allows,
 * already checked by the caller. Return: its struct page; 0 when there is none.
 */
export function get_block(gfp: number, order: number, kind: Kind, owner: number): number {
  if (order < 0 || order > MAX_PAGE_ORDER) return alloc_failed(gfp, order);
  if (order === 0) {
    const clean = { value: true };
    const page = pcp_take(kind | (owner << OWNER_SHIFT), clean);
    if (page !== 0) {
      memory_allocated(address_of(page), PAGE_SIZE);
      if ((gfp & __GFP_ZERO) !== 0 && !clean.value) fill_bytes(address_of(page), 0, PAGE_SIZE);
      return page;
    }
  }
  for (let attempt = 0; ; attempt++) {
    const floor = floor_of(gfp, attempt);
    const flags = lock_irqsave(Mach.LOCK_MM);
    const page = take_block(order, floor);
    let used = false;
    if (page !== 0) {
      st(page, kind | (order << ORDER_SHIFT) | (owner << OWNER_SHIFT));
      used = touch(pfn_of(page), 1 << order);
    }
    unlock_irqrestore(Mach.LOCK_MM, flags);
    if (page !== 0) {
      trace_fast(Event.PAGES_ALLOC, address_of(page), order);
      memory_allocated(address_of(page), PAGE_SIZE << order);
      // What was never given out is still as the host cleared it.
      if ((gfp & __GFP_ZERO) !== 0 && used) fill_bytes(address_of(page), 0, PAGE_SIZE << order);
      return page;
    }
    const last_resort = (gfp & __GFP_NOFAIL) !== 0 && attempt === 0;
    if (drain_all_pages() === 0 && slab_reclaim() === 0 && !last_resort) return alloc_failed(gfp, order);
  }
}

/** Kernel-internal: gives back a block that the caller has looked at. Context: any. */
export function put_pages(page: number, order: number): void {
  memory_freed(address_of(page), PAGE_SIZE << order);
  if (order === 0) {
    const put = pcp_put(page, ld(page));
    if (put < 0) bad_free(address_of(page), order);
    if (put > 0) return;
  }
  const flags = lock_irqsave(Mach.LOCK_MM);
  // Checked again: of two CPUs that free one block at the same time both may have come this far.
  const kind = ld(page) & KIND_MASK;
  if (kind === Kind.FREE || kind === Kind.NONE || kind === Kind.PCP) {
    unlock_irqrestore(Mach.LOCK_MM, flags);
    bad_free(address_of(page), order);
  }
  trace_fast(Event.PAGES_FREE, address_of(page), order);
  put_block(page, order);
  unlock_irqrestore(Mach.LOCK_MM, flags);
}

/**
 * 2^order pages, order 0 to 10, aligned to their size. Context: any that `gfp` allows.
 * Return: the struct page's address, to be given to `page_address`; 0 when memory is short.
 */
export function alloc_pages(gfp: number, order: number): number {
  might_alloc(gfp, 'alloc_pages');
  const owner = ld(my + Pcpu.ALLOC_OWNER);
  const page = get_block(gfp, order, Kind.PAGES, owner);
  if (page === 0) return 0;
  st(page + Page.REFS, 1);
  if (owner !== 0) count_owned(PAGES_SLOT, 1);
  return page;
}
export const alloc_page = (gfp: number): number => alloc_pages(gfp, 0);

/** As `alloc_pages`. Return: the address of the memory; 0 when memory is short. */
export function __get_free_pages(gfp: number, order: number): number {
  const page = alloc_pages(gfp, order);
  return page === 0 ? 0 : address_of(page);
}
export const __get_free_page = (gfp: number): number => __get_free_pages(gfp, 0);
export const get_zeroed_page = (gfp: number): number => __get_free_pages(gfp | __GFP_ZERO, 0);

/** Gives back what `__get_free_pages` returned, with the order it was asked for; 0 is ignored. Context: any. */
export function free_pages(address: number, order: number): void {
  if (address === 0) return;
  if ((address & (PAGE_SIZE - 1)) !== 0 || !is_managed(address)) bad_free(address, order);
  __free_pages(page_of(address), order);
}
export const free_page = (address: number): void => free_pages(address, 0);

/** As `free_pages`, on a struct page. The pages are freed when the last reference is dropped. */
export function __free_pages(page: number, order: number): void {
  const word = ld(page);
  if ((word & KIND_ORDER_MASK) !== (Kind.PAGES | (order << ORDER_SHIFT))) bad_free(address_of(page), order);
  const refs = a_sub(page + Page.REFS, 1);
  if (refs > 1) return;
  if (refs < 1) bad_free(address_of(page), order);
  if (word >>> OWNER_SHIFT !== 0) count_owned(PAGES_SLOT, -1);
  put_pages(page, order);
}
export const __free_page = (page: number): void => __free_pages(page, 0);

/** One more reference to pages from `alloc_pages`. Context: any. */
export function get_page(page: number): void {
  if ((ld(page) & KIND_MASK) !== Kind.PAGES || a_add(page + Page.REFS, 1) < 1)
    BUG(`get_page: ${hex(address_of(page))} is not the start of allocated pages`);
}
export const put_page = (page: number): void => __free_pages(page, order_of(page));
export const page_count = (page: number): number => ((ld(page) & KIND_MASK) === Kind.PAGES ? ld(page + Page.REFS) : 0);

function bad_free(address: number, order: number): never {
  const what = `free_pages(${hex(address)}, order ${order}): `;
  if (!is_managed(address)) BUG(what + 'not an address that the page allocator gave out');
  if ((address & (PAGE_SIZE - 1)) !== 0) BUG(what + 'not the start of a page');
  const page = page_of(address);
  const word = ld(page);
  switch ((word & KIND_MASK) as Kind) {
    case Kind.PAGES:
      if (order_of(page) !== order) BUG(what + `it was allocated with order ${order_of(page)}`);
      return BUG(what + 'freed by two CPUs at once, or its reference count was overwritten');
    case Kind.FREE:
      return BUG(what + `double free: it is the start of a free block of order ${order_of(page)}`);
    case Kind.PCP:
      return BUG(what + 'double free: the page is free');
    case Kind.LARGE:
    case Kind.SLAB:
    case Kind.SLAB_TAIL:
      return BUG(what + 'it belongs to kmalloc; use kfree');
    case Kind.CACHE:
    case Kind.CACHE_TAIL:
      return BUG(what + 'it belongs to a kmem_cache; use kmem_cache_free');
    case Kind.VMALLOC:
    case Kind.VMALLOC_TAIL:
    case Kind.GUARD:
      return BUG(what + 'it belongs to vmalloc; use vfree');
    default:
      return BUG(
        what + (inside_free(page) ? 'double free: it lies in a free block' : 'not the start of an allocation'),
      );
  }
}

/** Does the page lie inside a free block? A look without the lock, for the report. */
function inside_free(page: number): boolean {
  const pfn = pfn_of(page);
  for (let k = 1; k <= MAX_PAGE_ORDER; k++) {
    const head = pfn & ~((1 << k) - 1);
    if (head < ld(Mm.FIRST)) return false;
    const word = ld(page_at(head));
    if ((word & KIND_MASK) === Kind.FREE && order_of(page_at(head)) >= k) return true;
  }
  return false;
}
