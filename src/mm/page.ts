// What the memory managers keep in the machine's memory: `struct page`, and the words at MM.
//
// struct page (16 bytes, at MEM_MAP + (address >> 12) * 16; `page` below is always its address):
//
//   word 0   | owner or class :16 | order :8 | kind :8 |
//   word 1   FREE, SLAB: next in the list    LARGE: bytes asked for    SLAB_TAIL: the slab's first struct page
//   word 2   FREE, SLAB: previous in the list, 0 for the first
//   word 3   PAGES, LARGE: reference count   SLAB: counters, see slab_cache.ts
//
// Word 0 of FREE, and words 1 and 2 of FREE, are written under LOCK_MM; those of a slab under its class's lock. The
// words of allocated pages are written by whoever owns the pages. Only the first page of a block has a kind; the
// others keep NONE, so that freeing an address inside a block is noticed.
import { MEM_MAP, MM, PAGE_SHIFT, PAGE_STRUCT } from '../machine/memory-map.js';
import { ld } from '../cpu/raw.js';

export const MAX_PAGE_ORDER = 10;
export const NR_ORDERS = MAX_PAGE_ORDER + 1;

export const enum Kind {
  /** Inside a block, or memory that is never given out. */
  NONE = 0,
  /** First page of a free block of the buddy allocator. */
  FREE = 1,
  /** First page of what `__get_free_pages` returned. */
  PAGES = 2,
  /** The same, for a kmalloc too large for a slab. */
  LARGE = 3,
  /** First page of a slab. */
  SLAB = 4,
  SLAB_TAIL = 5,
  /** A page in some CPU's list of free pages: mm/page_pcp.ts. */
  PCP = 6,
  /** First page of a vmalloc area, the others of it, and the page behind it: mm/vmalloc.ts. */
  VMALLOC = 7,
  VMALLOC_TAIL = 8,
  GUARD = 9,
  /** As SLAB and SLAB_TAIL, of a cache made by kmem_cache_create: mm/kmem_cache.ts. */
  CACHE = 10,
  CACHE_TAIL = 11,
  /** A chunk of per-CPU memory, and the page that describes it: mm/percpu.ts. */
  PERCPU = 12,
}
export const KIND_MASK = 0xff;
export const KIND_ORDER_MASK = 0xffff;
export const ORDER_SHIFT = 8;
export const OWNER_SHIFT = 16;

export const enum Page {
  WORD0 = 0,
  NEXT = 4,
  /** LARGE: how many bytes were asked for. */
  SIZE = 4,
  /** SLAB_TAIL */
  HEAD = 4,
  PREV = 8,
  REFS = 12,
  /** SLAB */
  COUNTERS = 12,
}

/** The words at MM. Written under LOCK_MM, those of `mm_init` once. */
export const enum Mm {
  /** First struct page of each order's list of free blocks, 0 if empty. */
  FREE_HEAD = MM,
  /** Pages free now. Read without the lock by statistics. */
  NR_FREE = MM + 44,
  /** Pages that the allocator was given. */
  NR_PAGES = MM + 48,
  /** Page numbers: the first that can be given out, one past the last. */
  FIRST = MM + 52,
  END = MM + 56,
  /** Pages that only callers who can't wait may take. */
  RESERVE = MM + 60,
  /** Bit map of pages that were ever given out: its address. */
  TOUCHED = MM + 64,
  /** Rate limit of the failure warning: jiffy before which it is kept back, how many were kept back. */
  WARN_NEXT = MM + 68,
  WARN_MISSED = MM + 72,
  /** See `SlabDebug`. */
  SLAB_DEBUG = MM + 76,
  /** Chunks of per-CPU memory: the first one's struct page; their lock. */
  PERCPU_CHUNKS = MM + 80,
  PERCPU_LOCK = MM + 0x100,
  /** kmem_caches: the first one's address; the lock of the list. */
  CACHES = MM + 84,
  CACHES_LOCK = MM + 0x180,
  /** One line of 128 bytes for each size class: see slab_cache.ts. */
  CLASSES = MM + 0x1000,
}

export const page_of = (address: number): number => MEM_MAP + (address >>> PAGE_SHIFT) * PAGE_STRUCT;
/** A struct page is 2^4 bytes and stands for 2^12. */
export const address_of = (page: number): number => (page - MEM_MAP) << (PAGE_SHIFT - 4);
export const pfn_of = (page: number): number => (page - MEM_MAP) >>> 4;
export const page_at = (pfn: number): number => MEM_MAP + (pfn << 4);
export const kind_of = (page: number): Kind => ld(page) & KIND_MASK;
export const order_of = (page: number): number => (ld(page) >>> ORDER_SHIFT) & 0xff;

/** Is this the address of a page that the allocator manages? False for every address below MEM_MAP's end. */
export function is_managed(address: number): boolean {
  const pfn = address >>> PAGE_SHIFT;
  return pfn >= ld(Mm.FIRST) && pfn < ld(Mm.END);
}

export const hex = (address: number): string => '0x' + (address >>> 0).toString(16).padStart(8, '0');
