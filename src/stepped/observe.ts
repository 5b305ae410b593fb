// noinstr: never transformed, never interrupted.
// What a schedule did, up to the order of what does not matter: a hash over which step read and wrote what after whom.
// Two schedules, or two beginnings of one, in which each CPU made the same steps and all steps that touch a common word
// (one of them writing it) came in the same order have the same hash, and left the same memory: the other order of two
// steps that touch nothing in common is no other behaviour. For the coverage of a search, and to leave out what was
// covered already.
//
// Only a kernel that was loaded with `observe` in its address notes accesses; in any other one `step_order` alone is
// called, which costs next to nothing and knows only what modules access themselves, by the places that steps name.
// Called by raw.ts at each access, by core.ts at the borders of steps. All state is this thread's.
//
// A step's hash is made of that of the step before it on the same CPU and, for each word that it touched, of that of the
// step that wrote the word last. (That a write came after a read shows in the read's: it did not see the write.) The hash
// of a schedule is the sum of its steps' hashes. Twice 32 bits, because a search compares millions.
import { MAX_CPUS } from '../machine/params.js';
import { STATIC_END } from '../machine/memory-map.js';

/**
 * What is kept of each word of memory up to STATIC_END, and of each 32 bytes of what the allocators give out. 8 words:
 * one line of the host's cache holds two.
 */
const enum Word {
  /** Number of the step that read it last, and of the one that wrote it last. */
  READ = 0,
  WRITTEN = 1,
  /** Hash of the step that wrote it last. */
  WRITER = 2,
  WRITER2 = 3,
  /** The schedule that the hashes belong to. */
  SCHEDULE = 4,
}
const SHIFT = 3;
const FINE = STATIC_END >> 2;
const BLOCK_SHIFT = 5;
const COARSE = FINE - (STATIC_END >> BLOCK_SHIFT);
const index_of = (a: number): number => (a < STATIC_END ? a >> 2 : COARSE + (a >> BLOCK_SHIFT));
const enum Count {
  /** Number of this step: never used twice, so that nothing has to be cleared. */
  STEP = 0,
  SCHEDULE,
  READS,
  WRITES,
  TOTAL,
  TOTAL2,
  /** The site where the step began, and the CPU. */
  SITE,
  CHAIN,
}
const count = new Int32Array(32);
let words = new Int32Array(0);
let reads = new Int32Array(0);
let writes = new Int32Array(0);
/** By CPU, and for what happens by itself between the CPUs' steps: the hash of its last step. */
const NOBODY = MAX_CPUS;
const chain = new Int32Array(MAX_CPUS + 1);
const chain2 = new Int32Array(MAX_CPUS + 1);
/** For a memory of this many bytes. */
export function observe_memory(bytes: number): void {
  const n = index_of(bytes);
  words = new Int32Array(n << SHIFT);
  reads = new Int32Array(n);
  writes = new Int32Array(n);
  count[Count.STEP] = 1;
}

/** The word at `a` is read. Addresses that are none are refused elsewhere. */
export function see(a: number): void {
  const w = index_of(a);
  const at = w << SHIFT;
  if (words[at + Word.READ] === count[Count.STEP]) return;
  words[at + Word.READ] = count[Count.STEP]!;
  reads[count[Count.READS]!++] = w;
}
/** The word at `a` is written. */
export function wrote(a: number): void {
  const w = index_of(a);
  const at = w << SHIFT;
  if (words[at + Word.WRITTEN] === count[Count.STEP]) return;
  words[at + Word.WRITTEN] = count[Count.STEP]!;
  writes[count[Count.WRITES]!++] = w;
}

/** `n` bytes from `a` on are read, or written. */
export function see_range(a: number, n: number): void {
  for (let at = a & ~3; at < a + n; at += at < STATIC_END ? 4 : 1 << BLOCK_SHIFT) see(at);
  if (n > 0) see(a + n - 1);
}
export function wrote_range(a: number, n: number): void {
  for (let at = a & ~3; at < a + n; at += at < STATIC_END ? 4 : 1 << BLOCK_SHIFT) wrote(at);
  if (n > 0) wrote(a + n - 1);
}

/** A schedule begins. */
export function observe_schedule(): void {
  count[Count.SCHEDULE]!++;
  count[Count.TOTAL] = 0;
  count[Count.TOTAL2] = 0;
  for (let c = 0; c <= NOBODY; c++) {
    chain[c] = c + 1;
    chain2[c] = c + 1;
  }
  discard();
}
function discard(): void {
  count[Count.STEP]!++;
  count[Count.READS] = 0;
  count[Count.WRITES] = 0;
}
/** CPU `c` (-1: none, time passes) goes on with the step at `site` (-1: none); what was touched before is nobody's. */
export function begin_step(c: number, site: number): void {
  discard();
  count[Count.CHAIN] = c < 0 ? NOBODY : c;
  count[Count.SITE] = site;
}

const mixed = (a: number, b: number): number => {
  const x = Math.imul(a ^ b, 0x21f0aaad);
  return x ^ (x >>> 15);
};
const mixed2 = (a: number, b: number): number => {
  const x = Math.imul(a + b, 0x735a2d97);
  return x ^ (x >>> 13);
};
/** The record of a word, without what an earlier schedule left. */
function record(w: number): number {
  const at = w << SHIFT;
  if (words[at + Word.SCHEDULE] !== count[Count.SCHEDULE]) {
    words[at + Word.SCHEDULE] = count[Count.SCHEDULE]!;
    words[at + Word.WRITER] = 0;
    words[at + Word.WRITER2] = 0;
  }
  return at;
}

/** The step that was begun is over. */
export function end_step(): void {
  const c = count[Count.CHAIN]!;
  const step = count[Count.STEP]!;
  const nr_reads = count[Count.READS]!;
  const nr_writes = count[Count.WRITES]!;
  let h = mixed(chain[c]!, count[Count.SITE]!);
  let h2 = mixed2(chain2[c]!, count[Count.SITE]!);
  for (let i = 0; i < nr_reads; i++) {
    const at = record(reads[i]!);
    if (words[at + Word.WRITTEN] === step) continue;
    h = mixed(h ^ reads[i]!, words[at + Word.WRITER]!);
    h2 = mixed2(h2, words[at + Word.WRITER2]!);
  }
  for (let i = 0; i < nr_writes; i++) {
    const at = record(writes[i]!);
    h = mixed(h ^ ~writes[i]!, words[at + Word.WRITER]!);
    h2 = mixed2(h2, words[at + Word.WRITER2]!);
  }
  for (let i = 0; i < nr_writes; i++) {
    const at = writes[i]! << SHIFT;
    words[at + Word.WRITER] = h;
    words[at + Word.WRITER2] = h2;
  }
  chain[c] = h;
  chain2[c] = h2;
  count[Count.TOTAL]! += mixed(h, 0x5bd1e995);
  count[Count.TOTAL2]! += mixed2(h2, 0x1b873593);
  discard();
}

// ---- the order of what modules access themselves ----------------------------------------------------------------------
/** Places share a slot where their hashes do: then their order counts though it does not matter. */
const SLOT_BITS = 12;
/** The hash of the last step at the places of a slot, and the schedule in which it was made. */
const slots = new Int32Array(2 << SLOT_BITS);
const order = new Int32Array(MAX_CPUS);
const sums = new Int32Array(32);
const enum Sum {
  FIRST = 0,
  SECOND,
  SCHEDULE,
}

/** A schedule begins. */
export function order_schedule(): void {
  sums[Sum.FIRST] = 0;
  sums[Sum.SECOND] = 0;
  sums[Sum.SCHEDULE]!++;
  order.fill(0);
}
/** CPU `c` makes the step at `site`, which touches `place`: see `place_of` in transform/context.ts. */
export function step_order(c: number, site: number, place: number): void {
  const at = (Math.imul(place >> 1, 0x9e3779b1) >>> (32 - SLOT_BITS)) << 1;
  const before = slots[at + 1] === sums[Sum.SCHEDULE] ? slots[at]! : 0;
  const h = mixed(order[c]! + site, before);
  order[c] = h;
  slots[at] = (place & 1) === 0 ? before : h;
  slots[at + 1] = sums[Sum.SCHEDULE]!;
  sums[Sum.FIRST]! += h;
  sums[Sum.SECOND]! += Math.imul(h ^ (h >>> 16), 0x45d9f3b);
}
/** A number for the order of the accesses of modules in the schedule so far: 53 bits. */
export const order_signature = (): number => (sums[Sum.SECOND]! & 0x1fffff) * 0x100000000 + (sums[Sum.FIRST]! >>> 0);

/** The hash of the schedule so far, with a number mixed in: 53 bits, never 0. */
export function signature(extra: number): number {
  const low = mixed(count[Count.TOTAL]! ^ Math.imul(extra | 0, 0x9e3779b9), extra / 0x100000000) >>> 0;
  const high = mixed2(count[Count.TOTAL2]!, extra | 0) & 0x1fffff;
  return high * 0x100000000 + low + 1;
}
