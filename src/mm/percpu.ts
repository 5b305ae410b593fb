// Dynamic per-CPU memory: alloc_percpu. linux/percpu.ts has the typed names.
//
// A chunk is one block of pages with a unit of PERCPU_SIZE bytes for each CPU, so that what lies at `a` for CPU 0 lies at
// a + n * PERCPU_SIZE for CPU n, as in the static areas. A pointer to per-CPU data is CPU 0's address with PERCPU_MARK,
// which lies beyond all memory: using it as an address is an oops. A page beside the chunk has a word for every 16 bytes
// of a unit:
//
//   0  free      1  inside an allocation      | 1 | size in bytes :15 | owner :16 |  the start of one
//
// The chunk's struct page: word 1 the next chunk's struct page, word 2 the page with the words, word 3 words in use.
// All under Mm.PERCPU_LOCK, with interrupts off; LOCK_MM is not taken inside. Context: any; with GFP_KERNEL where
// sleeping is allowed.
import { my } from '../cpu/context.js';
import { memory_allocated, memory_freed } from '../cpu/order.js';
import { fill_bytes, ld, st } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { BUG, WARN } from '../kernel/panic.js';
import { printk } from '../kernel/printk.js';
import { __GFP_DIRECT_RECLAIM, __GFP_NOWARN } from '../linux/gfp_types.js';
import { Mach, PAGE_SHIFT, PAGE_SIZE, PERCPU, PERCPU_SIZE, Pcpu } from '../machine/memory-map.js';
import { might_alloc } from './might_alloc.js';
import { count_owned } from './owner.js';
import { get_block, put_pages } from './page_alloc.js';
import { address_of, hex, Kind, Mm, Page, order_of, page_of } from './page.js';
import { PAGES_SLOT } from './slab_class.js';

export const PERCPU_MARK = 0x40000000;
const GRANULE_SHIFT = 4;
const GRANULE = 1 << GRANULE_SHIFT;
const GRANULES = PERCPU_SIZE >> GRANULE_SHIFT;
const START = 0x80000000 | 0;
const SIZE_SHIFT = 16;
const OWNER = 0xffff;

export function percpu_init(): void {
  arch_spin_init(Mm.PERCPU_LOCK);
  st(Mm.PERCPU_CHUNKS, 0);
}

const chunk_order = (): number => 32 - Math.clz32((ld(Mach.CPUS) * (PERCPU_SIZE >> PAGE_SHIFT) - 1) | 0);

/** Finds room in a chunk: the number of its first word, or -1. Under the lock. */
function find_room(words: number, count: number, align: number): number {
  const step = Math.max(1, align >> GRANULE_SHIFT);
  for (let at = 0; at + count <= GRANULES;) {
    let n = 0;
    while (n < count && ld(words + (at + n) * 4) === 0) n++;
    if (n === count) return at;
    at = Math.ceil((at + n + 1) / step) * step;
  }
  return -1;
}

/** Takes room from the chunks that there are. Return: CPU 0's address, or 0. Under the lock. */
function take_room(size: number, align: number, owner: number): number {
  const count = (size + GRANULE - 1) >> GRANULE_SHIFT;
  for (let chunk = ld(Mm.PERCPU_CHUNKS); chunk !== 0; chunk = ld(chunk + Page.NEXT)) {
    const words = ld(chunk + Page.PREV);
    if (ld(chunk + Page.COUNTERS) + count > GRANULES) continue;
    const at = find_room(words, count, align);
    if (at < 0) continue;
    st(words + at * 4, START | (size << SIZE_SHIFT) | owner);
    for (let i = 1; i < count; i++) st(words + (at + i) * 4, 1);
    st(chunk + Page.COUNTERS, ld(chunk + Page.COUNTERS) + count);
    return address_of(chunk) + at * GRANULE;
  }
  return 0;
}

/** One more chunk. Return: whether there was memory. */
function add_chunk(gfp: number): boolean {
  const chunk = get_block(gfp, chunk_order(), Kind.PERCPU, 0);
  if (chunk === 0) return false;
  const page = get_block(gfp, 0, Kind.PERCPU, 0);
  if (page === 0) {
    put_pages(chunk, chunk_order());
    return false;
  }
  const words = address_of(page);
  fill_bytes(words, 0, PAGE_SIZE);
  st(chunk + Page.PREV, words);
  st(chunk + Page.COUNTERS, 0);
  const flags = lock_irqsave(Mm.PERCPU_LOCK);
  st(chunk + Page.NEXT, ld(Mm.PERCPU_CHUNKS));
  st(Mm.PERCPU_CHUNKS, chunk);
  unlock_irqrestore(Mm.PERCPU_LOCK, flags);
  return true;
}

/**
 * `size` bytes for each CPU, zeroed, at most PERCPU_SIZE; `align` is a power of two, at most PAGE_SIZE. A `gfp` that may
 * not sleep gets what is left in the chunks that there are. Return: the per-CPU pointer; 0 when there is no room.
 */
export function __alloc_percpu_gfp(size: number, align: number, gfp: number): number {
  might_alloc(gfp, 'alloc_percpu');
  if (
    WARN(
      !(size > 0 && size <= PERCPU_SIZE && align > 0 && align <= PAGE_SIZE && (align & (align - 1)) === 0),
      'illegal size (%d) or align (%d) for percpu allocation\n',
      size,
      align,
    )
  )
    return 0;
  const owner = ld(my + Pcpu.ALLOC_OWNER);
  for (let attempt = 0; ; attempt++) {
    const flags = lock_irqsave(Mm.PERCPU_LOCK);
    const a = take_room(size, align, owner);
    unlock_irqrestore(Mm.PERCPU_LOCK, flags);
    if (a !== 0) {
      const cpus = ld(Mach.CPUS);
      for (let n = 0; n < cpus; n++) {
        memory_allocated(a + n * PERCPU_SIZE, size);
        fill_bytes(a + n * PERCPU_SIZE, 0, size);
      }
      if (owner !== 0) count_owned(PAGES_SLOT, 1);
      return a | PERCPU_MARK;
    }
    const atomic = (gfp & __GFP_DIRECT_RECLAIM) === 0;
    if (atomic || attempt > 0 || !add_chunk(gfp)) {
      if (atomic && (gfp & __GFP_NOWARN) === 0)
        printk('\x014percpu: allocation failed, size=%d align=%d atomic=1, no space left in the chunks\n', size, align);
      return 0;
    }
  }
}

/** Gives back what alloc_percpu() returned; 0 is ignored. Context: any. */
export function free_percpu(pointer: number): void {
  if (pointer === 0) return;
  const a = pointer & ~PERCPU_MARK;
  const flags = lock_irqsave(Mm.PERCPU_LOCK);
  let before: number = Mm.PERCPU_CHUNKS;
  let chunk = ld(before);
  while (chunk !== 0 && (a < address_of(chunk) || a >= address_of(chunk) + PERCPU_SIZE)) {
    before = chunk + Page.NEXT;
    chunk = ld(before);
  }
  const at = chunk === 0 ? 0 : ld(chunk + Page.PREV) + ((a - address_of(chunk)) >> GRANULE_SHIFT) * 4;
  const word = chunk === 0 ? 0 : ld(at);
  if ((pointer & PERCPU_MARK) === 0 || (a & (GRANULE - 1)) !== 0 || word >= 0) {
    unlock_irqrestore(Mm.PERCPU_LOCK, flags);
    BUG(`free_percpu(${hex(pointer)}): ${percpu_fault(pointer, chunk, word)}`);
  }
  const count = (size_of(word) + GRANULE - 1) >> GRANULE_SHIFT;
  for (let n = ld(Mach.CPUS) - 1; n >= 0; n--) memory_freed(a + n * PERCPU_SIZE, count << GRANULE_SHIFT);
  for (let i = 0; i < count; i++) st(at + i * 4, 0);
  const used = ld(chunk + Page.COUNTERS) - count;
  st(chunk + Page.COUNTERS, used);
  // One empty chunk is kept, the newest.
  const surplus = used === 0 && ld(Mm.PERCPU_CHUNKS) !== chunk;
  if (surplus) st(before, ld(chunk + Page.NEXT));
  unlock_irqrestore(Mm.PERCPU_LOCK, flags);
  if ((word & OWNER) !== 0) count_owned(PAGES_SLOT, -1);
  if (!surplus) return;
  const words = page_of(ld(chunk + Page.PREV));
  put_pages(words, 0);
  put_pages(chunk, order_of(chunk));
}
const size_of = (word: number): number => ((word & ~START) >>> SIZE_SHIFT) & 0x7fff;

function percpu_fault(pointer: number, chunk: number, word: number): string {
  const a = pointer & ~PERCPU_MARK;
  if ((pointer & PERCPU_MARK) === 0) return 'an address, not a per-CPU pointer';
  if (chunk === 0)
    return a >= PERCPU && a < PERCPU + PERCPU_SIZE
      ? 'it is of DEFINE_PER_CPU, not from alloc_percpu'
      : 'not from alloc_percpu, or freed already';
  return word === 1 ? 'inside an allocation, not its start' : 'double free, or never allocated';
}

/** Calls `f` for everything that a module holds; for the report at unload. Return: how many. Context: task. */
export function for_each_percpu_of(owner: number, f: (pointer: number, size: number, cache: string) => void): number {
  let found = 0;
  for (let chunk = ld(Mm.PERCPU_CHUNKS); chunk !== 0; chunk = ld(chunk + Page.NEXT)) {
    const words = ld(chunk + Page.PREV);
    for (let i = 0; i < GRANULES; i++) {
      const word = ld(words + i * 4);
      if (word >= 0 || (word & OWNER) !== owner) continue;
      f((address_of(chunk) + i * GRANULE) | PERCPU_MARK, size_of(word), 'percpu');
      found++;
    }
  }
  return found;
}
