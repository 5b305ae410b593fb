// The slabs behind the CPUs' own lists: where kmalloc's objects come from and go back to, a batch at a time.
//
// Who may call: mm/ only, from any context. Lock: one for each size class, with interrupts off; LOCK_MM nests inside.
// A slab's struct page has its class in word 0, its place in the class's list in words 1 and 2, and in word 3
//
//     30      29          20 19       10 9         0
//   | claimed | first free   | fresh     | taken     |
//
//   claimed     some CPU takes its objects from it (Pcpu.SLAB_CURRENT), nobody else does
//   taken       objects that are not the slab's: in use, or in some CPU's list
//   fresh       index of the first object that was never taken; those behind it have metadata 0
//   first free  head of the list of objects given back, linked through their metadata; NO_OBJECT if none
//
// The class's list holds the slabs that have something to give and are not claimed, the most recently used first. A CPU
// claims a slab to fill its list from, so that the objects that two CPUs work with, and above all their metadata, do not
// share lines: two CPUs that alternate in one slab are slower than one.
import { my } from '../cpu/context.js';
import { ld, st } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { BUG } from '../kernel/panic.js';
import { __GFP_ZERO } from '../linux/gfp_types.js';
import { PAGE_STRUCT, Pcpu } from '../machine/memory-map.js';
import { SLAB_EMPTY_KEPT } from '../machine/params.js';
import { get_block, put_pages } from './page_alloc.js';
import { SlabDebug } from './slab_debug.js';
import { address_of, hex, Kind, KIND_MASK, Mm, Page, page_of } from './page.js';
import {
  CLASS_BATCH,
  CLASS_LIMIT,
  CLASS_META,
  CLASS_OBJECTS,
  CLASS_ORDER,
  CLASS_RECIPROCAL,
  CLASS_SIZES,
  class_name,
  META_NUMBER,
  META_OWNER,
  NO_OBJECT,
  NR_CLASSES,
  SLAB_POISON,
  SLAB_SLOT,
  SLAB_SLOT_OBJECTS,
  TAG_FREE,
  TAG_MASK,
} from './slab_class.js';

/** A class's line at Mm.CLASSES. */
export const CLASS_LINE = 128;
const enum Class {
  LOCK = 0,
  /** First slab of the list. */
  PARTIAL = 8,
  SLABS = 12,
  /** Slabs of the list with nothing taken. */
  EMPTY = 16,
}
const TEN_BITS = 0x3ff;
const FRESH_SHIFT = 10;
const HEAD_SHIFT = 20;
const CLAIMED = 0x40000000;

const class_at = (k: number): number => Mm.CLASSES + k * CLASS_LINE;
export const slot_of = (k: number): number => my + Pcpu.SLAB + k * SLAB_SLOT;
/** Slabs of a class that exist. */
export const nr_slabs = (k: number): number => ld(class_at(k) + Class.SLABS);
/** Objects that a slab has handed out, in use or in a CPU's list. */
export const slab_fresh = (page: number): number => (ld(page + Page.COUNTERS) >>> FRESH_SHIFT) & TEN_BITS;

export function slab_init(): void {
  for (let k = 0; k < NR_CLASSES; k++) arch_spin_init(class_at(k) + Class.LOCK);
}

/** The slab that an address lies in: its first struct page, or 0. */
export function slab_of(address: number): number {
  let page = page_of(address);
  if ((ld(page) & KIND_MASK) === Kind.SLAB_TAIL) page = ld(page + Page.HEAD);
  return (ld(page) & KIND_MASK) === Kind.SLAB ? page : 0;
}

function push_slab(line: number, page: number): void {
  const next = ld(line + Class.PARTIAL);
  st(page + Page.NEXT, next);
  st(page + Page.PREV, 0);
  if (next !== 0) st(next + Page.PREV, page);
  st(line + Class.PARTIAL, page);
}
function unlink_slab(line: number, page: number): void {
  const next = ld(page + Page.NEXT);
  const prev = ld(page + Page.PREV);
  if (prev === 0) st(line + Class.PARTIAL, next);
  else st(prev + Page.NEXT, next);
  if (next !== 0) st(next + Page.PREV, prev);
}

/** Turns fresh pages into a slab. Nobody else knows them yet. */
function make_slab(k: number, page: number): void {
  const pages = 1 << CLASS_ORDER[k]!;
  for (let i = 1; i < pages; i++) {
    st(page + i * PAGE_STRUCT, Kind.SLAB_TAIL);
    st(page + i * PAGE_STRUCT + Page.HEAD, page);
  }
  const meta = address_of(page) + CLASS_META[k]!;
  for (let a = meta; a < meta + CLASS_OBJECTS[k]! * 4; a += 4) if (ld(a) !== 0) st(a, 0);
  st(page + Page.COUNTERS, NO_OBJECT << HEAD_SHIFT);
  if ((ld(Mm.SLAB_DEBUG) & SlabDebug.POISON) !== 0) st(page, ld(page) | SLAB_POISON);
}

function free_slab(k: number, page: number): void {
  const order = CLASS_ORDER[k]!;
  for (let i = 1; i < 1 << order; i++) st(page + i * PAGE_STRUCT, Kind.NONE);
  put_pages(page, order);
}

const current_of = (k: number): number => my + Pcpu.SLAB_CURRENT + k * 4;

/** The slab that this CPU takes objects from; 0 if the class has none to give. Under the class's lock. */
function claim(k: number, line: number): number {
  const current = ld(current_of(k));
  if (current !== 0) return current;
  const page = ld(line + Class.PARTIAL);
  if (page === 0) return 0;
  unlink_slab(line, page);
  const counters = ld(page + Page.COUNTERS);
  if ((counters & TEN_BITS) === 0) st(line + Class.EMPTY, ld(line + Class.EMPTY) - 1);
  st(page + Page.COUNTERS, counters | CLAIMED);
  st(current_of(k), page);
  return page;
}
/** Gives the slab that this CPU has claimed back to the class. */
function unclaim(k: number): void {
  const line = class_at(k);
  const flags = lock_irqsave(line + Class.LOCK);
  const page = ld(current_of(k));
  if (page !== 0) {
    const counters = ld(page + Page.COUNTERS) & ~CLAIMED;
    st(current_of(k), 0);
    st(page + Page.COUNTERS, counters);
    push_slab(line, page);
    if ((counters & TEN_BITS) === 0) st(line + Class.EMPTY, ld(line + Class.EMPTY) + 1);
  }
  unlock_irqrestore(line + Class.LOCK, flags);
}

/** Takes one object from the slab that this CPU has claimed. Under the class's lock. */
function take_object(k: number, page: number): number {
  const counters = ld(page + Page.COUNTERS);
  const taken = (counters & TEN_BITS) + 1;
  let fresh = (counters >>> FRESH_SHIFT) & TEN_BITS;
  let head = (counters >>> HEAD_SHIFT) & TEN_BITS;
  const base = address_of(page);
  let index = head;
  if (index !== NO_OBJECT) {
    const meta = ld(base + CLASS_META[k]! + index * 4);
    head = meta & META_NUMBER;
    if ((meta & TAG_MASK) !== TAG_FREE || (head >= fresh && head !== NO_OBJECT)) corrupted(k, base, index);
  } else {
    index = fresh++;
  }
  const full = taken === CLASS_OBJECTS[k]!;
  st(page + Page.COUNTERS, taken | (fresh << FRESH_SHIFT) | (head << HEAD_SHIFT) | (full ? 0 : CLAIMED));
  if (full) st(current_of(k), 0);
  return base + index * CLASS_SIZES[k]!;
}

export function corrupted(k: number, base: number, index: number): never {
  BUG(
    `${class_name(k)}: the metadata of object ${hex(base + index * CLASS_SIZES[k]!)} was overwritten; ` +
      `something wrote past the end of an object of the slab at ${hex(base)}`,
  );
}

/** Gives an object, whose metadata says FREE, back to its slab. Under the class's lock. Returns pages freed. */
function return_object(k: number, line: number, object: number): number {
  const page = slab_of(object);
  if (page === 0) BUG(`${class_name(k)}: CPU's free list holds ${hex(object)}, which lies in no slab`);
  const base = address_of(page);
  const index = Math.imul(object - base, CLASS_RECIPROCAL[k]!) >>> 21;
  const counters = ld(page + Page.COUNTERS);
  const taken = (counters & TEN_BITS) - 1;
  const meta = base + CLASS_META[k]! + index * 4;
  st(meta, (ld(meta) & META_OWNER) | TAG_FREE | ((counters >>> HEAD_SHIFT) & TEN_BITS));
  st(page + Page.COUNTERS, taken | (counters & ((TEN_BITS << FRESH_SHIFT) | CLAIMED)) | (index << HEAD_SHIFT));
  if ((counters & CLAIMED) !== 0) return 0;
  if (taken === CLASS_OBJECTS[k]! - 1) push_slab(line, page);
  if (taken !== 0) return 0;
  if (ld(line + Class.EMPTY) < SLAB_EMPTY_KEPT) {
    st(line + Class.EMPTY, ld(line + Class.EMPTY) + 1);
    return 0;
  }
  unlink_slab(line, page);
  st(line + Class.SLABS, ld(line + Class.SLABS) - 1);
  free_slab(k, page);
  return 1 << CLASS_ORDER[k]!;
}

/** This CPU's list is empty: fetches a batch. Return: one object; 0 when memory is short. */
export function slab_refill(k: number, gfp: number): number {
  const line = class_at(k);
  const slot = slot_of(k);
  let flags = lock_irqsave(line + Class.LOCK);
  while (claim(k, line) === 0) {
    unlock_irqrestore(line + Class.LOCK, flags);
    const page = get_block(gfp & ~__GFP_ZERO, CLASS_ORDER[k]!, Kind.SLAB, k);
    if (page === 0) return 0;
    make_slab(k, page);
    flags = lock_irqsave(line + Class.LOCK);
    push_slab(line, page);
    st(line + Class.SLABS, ld(line + Class.SLABS) + 1);
    st(line + Class.EMPTY, ld(line + Class.EMPTY) + 1);
  }
  const object = take_object(k, claim(k, line));
  // An interrupt may have filled the list while its lock was free.
  if (ld(slot) === 0) fill_slot(k, line, slot);
  unlock_irqrestore(line + Class.LOCK, flags);
  return object;
}

/** The first object taken becomes the last word, so that kmalloc hands them out in the slab's order. */
function fill_slot(k: number, line: number, slot: number): void {
  let n = 0;
  while (n < CLASS_BATCH[k]! - 1) {
    const page = claim(k, line);
    if (page === 0) break;
    st(slot + SLAB_SLOT_OBJECTS + n * 4, take_object(k, page));
    n++;
  }
  for (let i = 0, j = n - 1; i < j; i++, j--) {
    const a = slot + SLAB_SLOT_OBJECTS + i * 4;
    const b = slot + SLAB_SLOT_OBJECTS + j * 4;
    const t = ld(a);
    st(a, ld(b));
    st(b, t);
  }
  st(slot, n);
}

/** Sends the `n` objects that have been longest in this CPU's list back to their slabs. Returns pages freed. */
function flush_slot(k: number, n: number): number {
  const line = class_at(k);
  const slot = slot_of(k);
  const first = slot + SLAB_SLOT_OBJECTS;
  const flags = lock_irqsave(line + Class.LOCK);
  const count = ld(slot);
  const out = Math.min(n, count);
  let pages = 0;
  for (let i = 0; i < out; i++) pages += return_object(k, line, ld(first + i * 4));
  for (let i = out; i < count; i++) st(first + (i - out) * 4, ld(first + i * 4));
  st(slot, count - out);
  unlock_irqrestore(line + Class.LOCK, flags);
  return pages;
}

/** This CPU's list is full: makes room. */
export function slab_flush(k: number): void {
  flush_slot(k, CLASS_BATCH[k]!);
}

/** Gives back what this CPU keeps, and all empty slabs. Context: any. Return: pages freed. */
export function slab_reclaim(): number {
  let pages = 0;
  for (let k = 0; k < NR_CLASSES; k++) {
    if (ld(slot_of(k)) !== 0) pages += flush_slot(k, CLASS_LIMIT[k]!);
    if (ld(current_of(k)) !== 0) unclaim(k);
    if (ld(class_at(k) + Class.EMPTY) !== 0) pages += free_empty(k);
  }
  return pages;
}

function free_empty(k: number): number {
  const line = class_at(k);
  let pages = 0;
  const flags = lock_irqsave(line + Class.LOCK);
  for (let page = ld(line + Class.PARTIAL); page !== 0;) {
    const next = ld(page + Page.NEXT);
    if ((ld(page + Page.COUNTERS) & TEN_BITS) === 0) {
      unlink_slab(line, page);
      st(line + Class.EMPTY, ld(line + Class.EMPTY) - 1);
      st(line + Class.SLABS, ld(line + Class.SLABS) - 1);
      free_slab(k, page);
      pages += 1 << CLASS_ORDER[k]!;
    }
    page = next;
  }
  unlock_irqrestore(line + Class.LOCK, flags);
  return pages;
}
