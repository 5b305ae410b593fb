// noinstr: never transformed, never interrupted.
// In which order a schedule's steps touched what modules share, as a hash: two schedules have the same if each CPU made
// the same steps and those that touch the same field, one of them writing it, came in the same order. The other order of
// two steps that touch nothing in common is no other behaviour. For the coverage of a search; costs next to nothing.
// Called by core.ts at each step. All state is this thread's.
//
// A step's hash is made of that of the step before it on the same CPU and of that of the step that wrote the same field
// last. (That a write came after a read shows in the read's: it did not see the write.) The hash of a schedule is the sum
// of its steps' hashes.
import { MAX_CPUS } from '../machine/params.js';
import { own_words } from '../stepped/raw.js';

/** Fields share a slot where their hashes do: then their order counts though it does not matter. */
const SLOT_BITS = 12;
/** By slot: the hash of the step that wrote one of its fields last, and the schedule in which it did. */
const slots = own_words(2 << SLOT_BITS);
/** By CPU: the hash of its last step. */
const last = own_words(MAX_CPUS);
const sums = own_words(4);
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
  last.fill(0);
}
/** CPU `c` makes the step at `site`, which touches `place`: see `place_of` in transform/context.ts. */
export function step_order(c: number, site: number, place: number): void {
  const at = (Math.imul(place >> 1, 0x9e3779b1) >>> (32 - SLOT_BITS)) << 1;
  const before = slots[at + 1] === sums[Sum.SCHEDULE] ? slots[at]! : 0;
  const x = Math.imul((last[c]! + site) ^ before, 0x21f0aaad);
  const h = x ^ (x >>> 15);
  last[c] = h;
  if ((place & 1) !== 0) {
    slots[at] = h;
    slots[at + 1] = sums[Sum.SCHEDULE]!;
  }
  sums[Sum.FIRST]! += h;
  sums[Sum.SECOND]! += Math.imul(h ^ (h >>> 16), 0x45d9f3b);
}
/** The hash of the schedule so far: 53 bits. */
export const order_signature = (): number => (sums[Sum.SECOND]! & 0x1fffff) * 0x100000000 + (sums[Sum.FIRST]! >>> 0);
