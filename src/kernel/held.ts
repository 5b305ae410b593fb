// noinstr: never transformed, never interrupted.
// Which spin locks a CPU holds, and which rwlocks it holds for writing, for reports. A lock says so itself, by its magic word and its holder, so the answer is
// looked for where it is asked and costs nothing at each lock and unlock. Context: any.
import { Mach, PAGE_SHIFT, PAGE_SIZE, STATIC } from '../machine/memory-map.js';
import { MAX_HELD } from '../machine/params.js';
import { ld } from '../cpu/raw.js';
import { HOLDER, LOCK_MAGIC } from '../cpu/spinlock.js';
import { RWLOCK_MAGIC } from '../cpu/rwlock.js';
import { Mm } from '../mm/page.js';

/**
 * Addresses of the locks in modules' static data and in allocated memory that CPU `of` holds, ascending, MAX_HELD at most.
 * Locks that other CPUs take and release meanwhile may be missed.
 */
export function held_locks(of: number): number[] {
  const found: number[] = [];
  look(STATIC, ld(Mach.STATIC_NEXT), of + 1, found);
  const map = ld(Mm.TOUCHED);
  const end = ld(Mm.END);
  for (let pfn = ld(Mm.FIRST); map !== 0 && pfn < end && found.length < MAX_HELD; pfn++)
    if ((ld(map + (pfn >>> 5) * 4) & (1 << (pfn & 31))) !== 0)
      look(pfn << PAGE_SHIFT, (pfn << PAGE_SHIFT) + PAGE_SIZE, of + 1, found);
  return found;
}

function look(from: number, to: number, holder: number, found: number[]): void {
  for (let a = from; a < to && found.length < MAX_HELD; a += 4)
    if ((ld(a) & HOLDER) === holder && (ld(a + 4) === LOCK_MAGIC || ld(a + 4) === RWLOCK_MAGIC)) found.push(a);
}
