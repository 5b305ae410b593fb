// vmalloc: large memory that is no power of two. There is no page table here, so an area is a run of pages that lie one
// behind the other: a block of the buddy allocator whose end is given back, or several of the largest blocks side by
// side. So a vmalloc can fail where Linux's finds scattered pages, and is no way round fragmentation.
//
// Behind each area lies a guard page, filled with a pattern that vfree() looks at: a write past the end is found then.
// Context: task, sleeping allowed; vfree() also in interrupts. struct page of an area: word 1 the bytes asked for, word 3
// the pages without the guard; of its other pages: word 1 the first struct page.
import { my } from '../cpu/context.js';
import { in_interrupt, in_nmi } from '../cpu/preempt.js';
import { a_cas, copy_bytes, fill_bytes, ld, ld8, st } from '../cpu/raw.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { BUG, WARN } from '../kernel/panic.js';
import { __GFP_DIRECT_RECLAIM, __GFP_NORETRY, __GFP_NOWARN, __GFP_ZERO, GFP_KERNEL } from '../linux/gfp_types.js';
import { Mach, PAGE_SHIFT, PAGE_SIZE, PAGE_STRUCT, Pcpu } from '../machine/memory-map.js';
import { __might_sleep } from '../sched/debug.js';
import { count_owned } from './owner.js';
import { put_block, take_block, touch, unlink_free } from './page_alloc.js';
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
  OWNER_SHIFT,
  Page,
  page_at,
  page_of,
  pfn_of,
} from './page.js';
import { drain_all_pages } from './page_pcp.js';
import { alloc_failed, floor_of } from './page_warn.js';
import { slab_reclaim } from './slab_cache.js';
import { get_order, kfree, kmalloc, ksize, type Pointer, ZERO_OR_NULL_PTR } from './slab.js';
import { PAGES_SLOT } from './slab_class.js';

const GUARD_BYTE = 0xbd;
const addr = (p: Pointer): number => (typeof p === 'number' ? p : p['@addr']);

/** Gives pages [pfn, end) to the buddy lists, in the largest blocks. Under LOCK_MM. */
function put_run(pfn: number, end: number): void {
  for (let at = pfn; at < end; at++) st(page_at(at), Kind.NONE);
  while (pfn < end) {
    let order = Math.min(MAX_PAGE_ORDER, 31 - Math.clz32(pfn & -pfn));
    while (pfn + (1 << order) > end) order--;
    put_block(page_at(pfn), order);
    pfn += 1 << order;
  }
}

/** More than the largest block: blocks of that size side by side. Under LOCK_MM. Return: the first page number, or 0. */
function take_large(pages: number, floor: number): number {
  const size = 1 << MAX_PAGE_ORDER;
  const blocks = Math.ceil(pages / size);
  if (ld(Mm.NR_FREE) - blocks * size < floor) return 0;
  const end = ld(Mm.END);
  let run = 0;
  for (let pfn = Math.ceil(ld(Mm.FIRST) / size) * size; pfn + size <= end; pfn += size) {
    const free = (ld(page_at(pfn)) & KIND_ORDER_MASK) === (Kind.FREE | (MAX_PAGE_ORDER << ORDER_SHIFT));
    run = free ? run + 1 : 0;
    if (run < blocks) continue;
    const first = pfn - (blocks - 1) * size;
    for (let b = 0; b < blocks; b++) unlink_free(page_at(first + b * size), MAX_PAGE_ORDER);
    st(Mm.NR_FREE, ld(Mm.NR_FREE) - blocks * size);
    return first;
  }
  return 0;
}

/** A run of pages, marked as an area with its guard. Return: its first page number, 0 if there is none. */
function take_run(pages: number, owner: number, floor: number, used: { value: boolean }): number {
  const flags = lock_irqsave(Mach.LOCK_MM);
  const order = get_order(pages * PAGE_SIZE);
  const block = order <= MAX_PAGE_ORDER ? take_block(order, floor) : 0;
  const pfn = order > MAX_PAGE_ORDER ? take_large(pages, floor) : block === 0 ? 0 : pfn_of(block);
  if (pfn !== 0) {
    const taken = order > MAX_PAGE_ORDER ? Math.ceil(pages / (1 << MAX_PAGE_ORDER)) << MAX_PAGE_ORDER : 1 << order;
    put_run(pfn + pages, pfn + taken);
    used.value = touch(pfn, pages);
    const first = page_at(pfn);
    st(first, Kind.VMALLOC | (owner << OWNER_SHIFT));
    for (let i = 1; i < pages - 1; i++) {
      st(first + i * PAGE_STRUCT, Kind.VMALLOC_TAIL);
      st(first + i * PAGE_STRUCT + Page.HEAD, first);
    }
    st(first + (pages - 1) * PAGE_STRUCT, Kind.GUARD);
  }
  unlock_irqrestore(Mach.LOCK_MM, flags);
  return pfn;
}

/** As vmalloc(), by these flags; one that may not sleep is reported, as Linux's vmalloc can't do it. */
export function __vmalloc(size: number, gfp: number): number {
  __might_sleep('vmalloc');
  if (WARN(in_interrupt(), 'vmalloc in an interrupt\n')) return 0;
  if (!(size > 0) || size > ld(Mm.NR_PAGES) * PAGE_SIZE) {
    if ((gfp & __GFP_NOWARN) === 0) WARN(true, 'vmalloc error: size %d, exceeds total pages, mode:%#x\n', size, gfp);
    return 0;
  }
  const pages = ((size + PAGE_SIZE - 1) >>> PAGE_SHIFT) + 1;
  const owner = ld(my + Pcpu.ALLOC_OWNER);
  const used = { value: false };
  let pfn = take_run(pages, owner, floor_of(gfp, 0), used);
  if (pfn === 0 && slab_reclaim() + drain_all_pages() > 0) pfn = take_run(pages, owner, floor_of(gfp, 0), used);
  if (pfn === 0) return alloc_failed(gfp, get_order(pages * PAGE_SIZE));
  const page = page_at(pfn);
  st(page + Page.SIZE, size);
  st(page + Page.REFS, pages - 1);
  const a = address_of(page);
  if ((gfp & __GFP_ZERO) !== 0 && used.value) fill_bytes(a, 0, (pages - 1) * PAGE_SIZE);
  fill_bytes(a + (pages - 1) * PAGE_SIZE, GUARD_BYTE, PAGE_SIZE);
  if (owner !== 0) count_owned(PAGES_SLOT, 1);
  return a;
}
/** `size` bytes in whole pages; contents undefined. Context: task. Return: the address, 0 when there is no such run. */
export const vmalloc = (size: number): number => __vmalloc(size, GFP_KERNEL);
export const vzalloc = (size: number): number => __vmalloc(size, GFP_KERNEL | __GFP_ZERO);
export const vmalloc_array = (n: number, size: number): number => (n * size > 0xffffffff ? 0 : vmalloc(n * size));
export const vcalloc = (n: number, size: number): number => (n * size > 0xffffffff ? 0 : vzalloc(n * size));

/** Does it lie in an area of vmalloc()? Context: any. */
export function is_vmalloc_addr(p: Pointer): boolean {
  const a = addr(p);
  if (!is_managed(a)) return false;
  const kind: Kind = ld(page_of(a)) & KIND_MASK;
  return kind === Kind.VMALLOC || kind === Kind.VMALLOC_TAIL;
}

/** Frees what vmalloc() returned; NULL is ignored. Context: task that may sleep, or an interrupt; not an NMI. */
export function vfree(p: Pointer): void {
  if (!in_interrupt()) __might_sleep('vfree');
  vfree_atomic(p);
}
/** As vfree(), in any context but an NMI. */
export function vfree_atomic(p: Pointer): void {
  const a = addr(p);
  if (in_nmi()) BUG('vfree in an NMI');
  if (a === 0) return;
  const page = is_managed(a) ? page_of(a) : 0;
  const word = page === 0 ? 0 : ld(page);
  if ((word & KIND_MASK) !== Kind.VMALLOC || address_of(page) !== a) bad_vfree(a, word);
  const pages = ld(page + Page.REFS);
  const guard = a + pages * PAGE_SIZE;
  for (let i = 0; i < PAGE_SIZE; i++)
    if (ld8(guard + i) !== GUARD_BYTE)
      BUG(
        `vfree(${hex(a)}): byte ${i} of the guard page behind the area of ${pages} pages was written: ` +
          `something wrote past the end of its ${ld(page + Page.SIZE)} bytes`,
      );
  if (a_cas(page, word, (word & ~KIND_MASK) | Kind.VMALLOC_TAIL) !== word) bad_vfree(a, ld(page));
  if (word >>> OWNER_SHIFT !== 0) count_owned(PAGES_SLOT, -1);
  const flags = lock_irqsave(Mach.LOCK_MM);
  put_run(pfn_of(page), pfn_of(page) + pages + 1);
  unlock_irqrestore(Mach.LOCK_MM, flags);
}
function bad_vfree(a: number, word: number): never {
  const kind: Kind = word & KIND_MASK;
  BUG(
    `vfree(${hex(a)}): Trying to vfree() ${
      kind === Kind.VMALLOC_TAIL || kind === Kind.VMALLOC
        ? 'an address inside an area, or one that another CPU frees'
        : kind === Kind.FREE || kind === Kind.NONE || kind === Kind.PCP
          ? 'nonexistent vm area: freed twice, or never allocated'
          : 'memory that is not from vmalloc'
    }`,
  );
}

/** kmalloc() if that has it, else vmalloc(). Context: as `gfp` allows; one that can't sleep gets only kmalloc's. */
export function kvmalloc(size: number, gfp: number): number {
  const large = size > PAGE_SIZE;
  const p = kmalloc(size, large ? gfp | __GFP_NOWARN | __GFP_NORETRY : gfp);
  if (p !== 0 || !large || (gfp & __GFP_DIRECT_RECLAIM) === 0) return p;
  return __vmalloc(size, gfp);
}
export const kvzalloc = (size: number, gfp: number): number => kvmalloc(size, gfp | __GFP_ZERO);
export const kvmalloc_array = (n: number, size: number, gfp: number): number =>
  n < 0 || size < 0 || n * size > 0xffffffff ? 0 : kvmalloc(n * size, gfp);
export const kvcalloc = (n: number, size: number, gfp: number): number => kvmalloc_array(n, size, gfp | __GFP_ZERO);
export const kvmalloc_node = (size: number, gfp: number, _node: number): number => kvmalloc(size, gfp);
export const kvzalloc_node = (size: number, gfp: number, _node: number): number => kvzalloc(size, gfp);

/** Frees what kmalloc(), vmalloc() or their kin returned. Context: as the one that it was. */
export function kvfree(p: Pointer): void {
  if (is_vmalloc_addr(p)) vfree(p);
  else kfree(p);
}
/** Zeroes `n` bytes first. */
export function kvfree_sensitive(p: Pointer, n: number): void {
  if (ZERO_OR_NULL_PTR(addr(p))) return;
  fill_bytes(addr(p), 0, n);
  kvfree(p);
}
/** Moves the contents to memory of `size` bytes. Return: its address; 0 without memory, and then the old is untouched. */
export function kvrealloc(p: Pointer, size: number, gfp: number): number {
  const old = addr(p);
  if (size === 0) {
    kvfree(old);
    return kmalloc(0, gfp);
  }
  const has = ZERO_OR_NULL_PTR(old) ? 0 : is_vmalloc_addr(old) ? ld(page_of(old) + Page.REFS) * PAGE_SIZE : ksize(old);
  if (has >= size) return old;
  const fresh = kvmalloc(size, gfp);
  if (fresh === 0) return 0;
  copy_bytes(fresh, old, has);
  if (has !== 0) kvfree(old);
  return fresh;
}
/** A copy of `size` bytes. */
export function kvmemdup(source: Pointer, size: number, gfp: number): number {
  const copy = kvmalloc(size, gfp);
  if (copy !== 0) copy_bytes(copy, addr(source), size);
  return copy;
}
