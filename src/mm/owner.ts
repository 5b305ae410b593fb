// Who allocated: a module's number, 0 for the kernel. The running code's number is in Pcpu.ALLOC_OWNER; whoever enters
// module code sets it. What is allocated keeps the number, so that an unload can list what the module left behind.
// Context: any.
import { my } from '../cpu/context.js';
import { ld, st } from '../cpu/raw.js';
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { SLAB_SLOT, SLAB_SLOT_OWNED, SLAB_SLOTS } from './slab_class.js';

/** Slabs keep 14 bits of it. */
export const MAX_OWNER = 0x3fff;

let owner_text: (owner: number) => string = (owner) => `module ${owner}`;
/** The module loader says how reports name an owner. */
export function set_owner_text(f: (owner: number) => string): void {
  owner_text = f;
}
export const name_of_owner = (owner: number): string => (owner === 0 ? 'the kernel' : owner_text(owner));

/** Makes `owner` responsible for what this CPU allocates from now on; returns who was. */
export function set_alloc_owner(owner: number): number {
  const old = ld(my + Pcpu.ALLOC_OWNER);
  st(my + Pcpu.ALLOC_OWNER, owner & MAX_OWNER);
  return old;
}

/** Counts a live object of a module, or the end of one: on whichever CPU it happens, so only the sum means something. */
export function count_owned(slot: number, n: number): void {
  const a = my + Pcpu.SLAB + slot * SLAB_SLOT + SLAB_SLOT_OWNED;
  st(a, ld(a) + n);
}

/**
 * How many objects and page blocks the modules hold, all of them together: 0 means that no unload leaked, without
 * looking through the slabs. Exact when no CPU allocates.
 */
export function owned_objects(): number {
  let sum = 0;
  const cpus = ld(Mach.CPUS);
  for (let cpu = 0; cpu < cpus; cpu++) {
    const base = percpu_base(cpu) + Pcpu.SLAB + SLAB_SLOT_OWNED;
    for (let slot = 0; slot < SLAB_SLOTS; slot++) sum += ld(base + slot * SLAB_SLOT);
  }
  return sum;
}
