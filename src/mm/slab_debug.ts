// Poison: freed objects are filled with a pattern, and a changed pattern is a write after free. Off unless the boot
// asks for it: it costs a pass over the object at kmalloc and at kfree. Context: any.
import { fill_bytes, ld, ld8, st, st8 } from '../cpu/raw.js';
import { BUG } from '../kernel/panic.js';
import { hex, Mm } from './page.js';
import { name_of_owner } from './owner.js';
import { CLASS_SIZES, class_name, META_OWNER, META_OWNER_SHIFT } from './slab_class.js';

export const enum SlabDebug {
  POISON = 1,
}
const POISON_FREE = 0x6b;
const POISON_END = 0xa5;

/** Sets the checks of slabs that are made from now on, `SlabDebug` bits. For all: at boot, after `mm_init`. */
export function slab_debug(flags: number): void {
  st(Mm.SLAB_DEBUG, flags);
}
export const slab_debug_flags = (): number => ld(Mm.SLAB_DEBUG);

export function poison(k: number, object: number): void {
  const size = CLASS_SIZES[k]!;
  fill_bytes(object, POISON_FREE, size - 1);
  st8(object + size - 1, POISON_END);
}

/** `meta` is the object's metadata from before it was allocated: it still names the last owner. */
export function check_poison(k: number, object: number, meta: number): void {
  const size = CLASS_SIZES[k]!;
  for (let i = 0; i < size; i++) {
    const byte = ld8(object + i);
    if (byte === (i === size - 1 ? POISON_END : POISON_FREE)) continue;
    BUG(
      `${class_name(k)}: object ${hex(object)} was written after it was freed: byte ${i} is 0x${byte.toString(16)}; ` +
        `allocated last by ${name_of_owner((meta & META_OWNER) >>> META_OWNER_SHIFT)}`,
    );
  }
}
