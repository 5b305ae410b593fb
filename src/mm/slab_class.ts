// The size classes of kmalloc: pure numbers, computed once.
//
// A slab is a block of pages. Objects lie from its start, so a class whose size is a power of two is aligned to its
// size as Linux promises; one word of metadata for each object lies at the slab's end, out of the objects' way:
//
//    31     28 27            14 13           0
//   | tag     | owner          | number       |
//
//   tag     ALLOCATED or FREE; anything else was written by somebody with a wild pointer
//   owner   who allocated it, kept after the free for the report of a second one
//   number  ALLOCATED: bytes of the object that were not asked for
//           FREE: index of the slab's next free object, NO_OBJECT at the end
//
// Metadata outside the objects means that a write after free can't corrupt the allocator.
import { PAGE_SIZE } from '../machine/memory-map.js';
import { SLAB_CPU_BYTES, SLAB_OBJECTS } from '../machine/params.js';

export const NR_CLASSES = 13;
export const CLASS_SIZE: readonly number[] = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192];
export const KMALLOC_MAX_CACHE_SIZE = 8192;

/** Pcpu.SLAB: a slot for each class. Word 0 is a count, then so many free objects' addresses, last in first out. */
export const SLAB_SLOT = 64;
export const SLAB_SLOT_OBJECTS = 4;
/** Last word of a slot: objects of modules allocated less freed on this CPU. */
export const SLAB_SLOT_OWNED = 60;
export const SLAB_SLOTS = NR_CLASSES + 1;
/** The slot that counts pages and large blocks. */
export const PAGES_SLOT = NR_CLASSES;

/** In the byte of a slab's struct page that other blocks have their order in: its objects are poisoned when free. */
export const SLAB_POISON = 0x8000;

export const TAG_MASK = 0xf0000000 | 0;
export const TAG_ALLOCATED = 0xa0000000 | 0;
export const TAG_FREE = 0x50000000;
export const META_OWNER_SHIFT = 14;
export const META_OWNER = 0x0fffc000;
export const META_NUMBER = 0x3fff;
export const NO_OBJECT = 0x3ff;

function order_for(size: number): number {
  let order = 0;
  while (Math.floor((PAGE_SIZE << order) / (size + 4)) < SLAB_OBJECTS && order < 4) order++;
  return order;
}

/**
 * A number for each class. More than 64 bytes, because the compiler takes the place of a larger array for a constant; a
 * smaller one may be moved by the collector.
 */
function of_classes(f: (size: number, k: number) => number): Int32Array {
  const numbers = new Int32Array(32);
  CLASS_SIZE.forEach((size, k) => (numbers[k] = f(size, k)));
  return numbers;
}

export const CLASS_ORDER = of_classes(order_for);
export const CLASS_SIZES = of_classes((size) => size);
/** Objects of a slab. */
export const CLASS_OBJECTS = of_classes((size, k) => Math.floor((PAGE_SIZE << CLASS_ORDER[k]!) / (size + 4)));
/** Where the metadata begins in a slab. */
export const CLASS_META = of_classes((_, k) => (PAGE_SIZE << CLASS_ORDER[k]!) - CLASS_OBJECTS[k]! * 4);
/** offset * this >>> 21 is the object's index: exact for offsets below 32 KiB, and for every power of two. */
export const CLASS_RECIPROCAL = of_classes((size) => Math.ceil((1 << 21) / size));
/** Free objects that a CPU keeps, and how many go to or come from the slabs at a time. */
export const CLASS_LIMIT = of_classes((size) => Math.max(2, Math.min(14, Math.floor(SLAB_CPU_BYTES / size))));
export const CLASS_BATCH = of_classes((_, k) => Math.max(1, CLASS_LIMIT[k]! >> 1));

/** By (size + 7) >> 3. */
export const SIZE_CLASS = new Uint8Array(KMALLOC_MAX_CACHE_SIZE / 8 + 1);
for (let i = 1, k = 0; i < SIZE_CLASS.length; i++) {
  if (i * 8 > CLASS_SIZE[k]!) k++;
  SIZE_CLASS[i] = k;
}

export const class_name = (k: number): string => {
  const size = CLASS_SIZE[k]!;
  return 'kmalloc-' + (size >= 1024 ? `${size >> 10}k` : `${size}`);
};
