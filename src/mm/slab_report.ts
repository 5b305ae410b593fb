// What is wrong with a pointer that was given to kfree or ksize. Context: any; ends in a BUG.
import { ld, STEPPED } from '../cpu/raw.js';
import { BUG } from '../kernel/panic.js';
import { PAGE_SIZE } from '../machine/memory-map.js';
import { address_of, hex, is_managed, Kind, KIND_MASK, order_of, OWNER_SHIFT, page_of } from './page.js';
import { kasan_print_history } from './kasan.js';
import { name_of_owner } from './owner.js';
import { slab_of } from './slab_cache.js';
import {
  CLASS_META,
  CLASS_OBJECTS,
  CLASS_SIZES,
  class_name,
  META_OWNER,
  META_OWNER_SHIFT,
  TAG_ALLOCATED,
  TAG_FREE,
  TAG_MASK,
} from './slab_class.js';

export function bad_kfree(address: number, what = 'kfree'): never {
  const message = fault(address, what);
  if (STEPPED) kasan_print_history(address);
  BUG(`${what}(${hex(address)}): ${message}`);
}

function fault(address: number, what: string): string {
  if (!is_managed(address)) return 'not an address that kmalloc returned';
  const slab = slab_of(address);
  if (slab !== 0) return slab_fault(slab, address, what);
  const page = page_of(address);
  const kind: Kind = ld(page) & KIND_MASK;
  if (kind === Kind.PAGES) return 'these pages are not from kmalloc; use free_pages';
  if (kind === Kind.LARGE) return `inside a block of ${PAGE_SIZE << order_of(page)} bytes, not its start`;
  if (kind === Kind.VMALLOC || kind === Kind.VMALLOC_TAIL) return 'it is from vmalloc; use vfree or kvfree';
  if (kind === Kind.PCP) return 'double free, or never allocated: the page is free';
  if (kind === Kind.FREE) return 'double free, or never allocated: the page is free';
  return 'not the start of an allocation, or its page is free already';
}

function slab_fault(slab: number, address: number, what: string): string {
  const k = ld(slab) >>> OWNER_SHIFT;
  const size = CLASS_SIZES[k]!;
  const base = address_of(slab);
  const index = Math.floor((address - base) / size);
  if (index >= CLASS_OBJECTS[k]!) return `behind the objects of a ${class_name(k)} slab`;
  const word = ld(base + CLASS_META[k]! + index * 4);
  const owner = name_of_owner((word & META_OWNER) >>> META_OWNER_SHIFT);
  const inside = (address - base) % size;
  const where = inside === 0 ? '' : `, ${inside} bytes inside the ${class_name(k)} object at ${hex(address - inside)}`;
  if ((word & TAG_MASK) === TAG_ALLOCATED)
    return inside === 0
      ? `freed by two CPUs at once (${class_name(k)}, allocated by ${owner})`
      : `not the start of an object${where}, allocated by ${owner}`;
  if (word === 0) return `never allocated${where || ` (${class_name(k)})`}`;
  if ((word & TAG_MASK) !== TAG_FREE) return `the object's metadata was overwritten (${class_name(k)})`;
  const verb = what === 'kfree' ? 'double free' : 'it is free';
  return `${verb}${where || ` (${class_name(k)})`}, allocated last by ${owner}`;
}
