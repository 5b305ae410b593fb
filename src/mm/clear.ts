// Host side: clearing the pages that a machine has used, so that its memory can serve the next boot. No CPU runs then.
// Works on plain arrays: in the process of the host nothing need be attached.
import { MEM_MAP, PAGE_SHIFT } from '../machine/memory-map.js';
import { Mm } from './page.js';

/**
 * Zeroes every page that the allocator ever gave out since `mm_init`, then the memory map itself. What lies below
 * MEM_MAP is left to the caller. Return: pages cleared, 0 when the allocator was never started.
 */
export function clear_used(I32: Int32Array, U8: Uint8Array): number {
  const first = I32[Mm.FIRST >> 2]!;
  const end = I32[Mm.END >> 2]!;
  const map = I32[Mm.TOUCHED >> 2]!;
  // A wild write may have hit these words: then everything is cleared.
  if (end === 0 && first === 0 && map === 0) return 0;
  if (end !== U8.length >>> PAGE_SHIFT || first <= MEM_MAP >>> PAGE_SHIFT || first > end || map < MEM_MAP) {
    U8.fill(0, MEM_MAP);
    return end;
  }
  let cleared = 0;
  for (let pfn = first; pfn < end; pfn++) {
    const word = I32[(map >> 2) + (pfn >>> 5)]!;
    if (word === 0) {
      pfn |= 31;
      continue;
    }
    if ((word & (1 << (pfn & 31))) === 0) continue;
    U8.fill(0, pfn << PAGE_SHIFT, (pfn + 1) << PAGE_SHIFT);
    cleared++;
  }
  U8.fill(0, MEM_MAP, first << PAGE_SHIFT);
  return cleared;
}
