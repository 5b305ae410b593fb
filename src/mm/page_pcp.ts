// Per-CPU lists of single free pages, in front of the buddy lists: most pages are taken and given back one at a time, and
// LOCK_MM would be one line that all CPUs write.
//
// Each CPU's list (Pcpu.PCP): a lock, a count, then so many struct pages, last in first out. The lock is the CPU's own
// but when memory is short: then whoever needs pages empties all lists. It nests outside LOCK_MM. Pages in a list are of
// kind PCP and are free: nr_free_pages() counts them. While little memory is free (PCP_LOW) the lists are not used, so that
// the reserve is exact.
import { my } from '../cpu/context.js';
import { a_cas, copy_bytes, ld, st } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { PCP_BATCH, PCP_HIGH, PCP_LOW } from '../machine/params.js';
import { Kind, KIND_MASK, Mm, pfn_of } from './page.js';
import { put_block, take_block, touch } from './page_alloc.js';

const LOCK = Pcpu.PCP;
const COUNT = Pcpu.PCP + 8;
const PAGES = Pcpu.PCP + 12;
/** In a PCP page's word: the page was given out before, so it is not zero. */
const USED = 0x100;

export function pcp_init(): void {
  for (let n = 0; n < ld(Mach.CPUS); n++) {
    arch_spin_init(percpu_base(n) + LOCK);
    st(percpu_base(n) + COUNT, 0);
  }
}
/** Is there so much memory that lists of free pages do no harm? */
const plenty = (): boolean => ld(Mm.NR_FREE) >= ld(Mm.RESERVE) + PCP_LOW;

/** Pages in all lists now. A look without the locks. */
export function pcp_pages(): number {
  let n = 0;
  for (let c = 0; c < ld(Mach.CPUS); c++) n += ld(percpu_base(c) + COUNT);
  return n;
}

/** A free page, its word set to `word`: its struct page; 0 to ask the buddy lists. `clean` says that it is all zeros. */
export function pcp_take(word: number, clean: { value: boolean }): number {
  if (!plenty()) return 0;
  const area = my;
  const flags = lock_irqsave(area + LOCK);
  let count = ld(area + COUNT);
  if (count === 0) count = fill(area);
  let page = 0;
  if (count !== 0) {
    page = ld(area + PAGES + (count - 1) * 4);
    st(area + COUNT, count - 1);
    clean.value = (ld(page) & USED) === 0;
    st(page, word);
  }
  unlock_irqrestore(area + LOCK, flags);
  return page;
}
/** Takes a batch from the buddy lists, in one go with LOCK_MM; the lowest is given out first. */
function fill(area: number): number {
  const flags = lock_irqsave(Mach.LOCK_MM);
  let n = 0;
  for (let page; n < PCP_BATCH && (page = take_block(0, ld(Mm.RESERVE))) !== 0; n++) {
    st(page, Kind.PCP | (touch(pfn_of(page), 1) ? USED : 0));
    st(area + PAGES + (PCP_BATCH - 1 - n) * 4, page);
  }
  unlock_irqrestore(Mach.LOCK_MM, flags);
  if (n < PCP_BATCH) copy_bytes(area + PAGES, area + PAGES + (PCP_BATCH - n) * 4, n * 4);
  st(area + COUNT, n);
  return n;
}

/** Puts a page whose word is `word` into this CPU's list. Return: 1; 0 to give it to the buddy lists; -1 if it was free. */
export function pcp_put(page: number, word: number): number {
  if (!plenty()) return 0;
  const kind = word & KIND_MASK;
  if (kind === Kind.FREE || kind === Kind.NONE || kind === Kind.PCP) return -1;
  // One atomic change: of two CPUs that free the page at the same time one is told.
  if (a_cas(page, word, Kind.PCP | USED) !== word) return -1;
  const area = my;
  const flags = lock_irqsave(area + LOCK);
  if (ld(area + COUNT) >= PCP_HIGH) drain(area, PCP_BATCH);
  const count = ld(area + COUNT);
  st(area + PAGES + count * 4, page);
  st(area + COUNT, count + 1);
  unlock_irqrestore(area + LOCK, flags);
  return 1;
}

/** Gives the `n` pages that have been longest in a list to the buddy lists. Under the list's lock. Return: how many. */
function drain(area: number, n: number): number {
  const count = ld(area + COUNT);
  const out = Math.min(n, count);
  const flags = lock_irqsave(Mach.LOCK_MM);
  for (let i = 0; i < out; i++) put_block(ld(area + PAGES + i * 4), 0);
  unlock_irqrestore(Mach.LOCK_MM, flags);
  copy_bytes(area + PAGES, area + PAGES + out * 4, (count - out) * 4);
  st(area + COUNT, count - out);
  return out;
}
/** Empties the lists of all CPUs: memory is short, or too many small blocks are in the way of a large one. Return: pages. */
export function drain_all_pages(): number {
  let pages = 0;
  for (let n = 0; n < ld(Mach.CPUS); n++) {
    const area = percpu_base(n);
    if (ld(area + COUNT) === 0) continue;
    const flags = lock_irqsave(area + LOCK);
    pages += drain(area, PCP_HIGH);
    unlock_irqrestore(area + LOCK, flags);
  }
  return pages;
}
