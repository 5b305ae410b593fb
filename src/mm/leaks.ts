// What a module has not given back. Context: process, at unload, when nothing of that module runs any more; other
// CPUs may allocate meanwhile, which at worst hides or shows an object that is just being moved.
import { ld } from '../cpu/raw.js';
import { PAGE_SIZE } from '../machine/memory-map.js';
import { address_of, Kind, KIND_MASK, Mm, order_of, OWNER_SHIFT, Page, page_at } from './page.js';
import { for_each_in_slab } from './kmem_cache.js';
import { for_each_percpu_of } from './percpu.js';
import { slab_fresh } from './slab_cache.js';
import {
  CLASS_META,
  CLASS_SIZES,
  class_name,
  META_NUMBER,
  META_OWNER,
  META_OWNER_SHIFT,
  TAG_ALLOCATED,
  TAG_MASK,
} from './slab_class.js';

/**
 * Calls `f` with the address, the bytes asked for and the cache (`kmalloc-64`, `kmalloc-large`, `pages`) of
 * everything that `owner` holds, by ascending address. `owned_objects() === 0` says without a search that there is
 * nothing. Return: how many.
 */
export function for_each_object_of(owner: number, f: (address: number, size: number, cache: string) => void): number {
  const map = ld(Mm.TOUCHED);
  const first = ld(Mm.FIRST);
  const end = ld(Mm.END);
  let found = 0;
  for (let pfn = first & ~31; pfn < end; pfn += 32) {
    let bits = ld(map + (pfn >>> 5) * 4);
    while (bits !== 0) {
      const bit = 31 - Math.clz32(bits & -bits);
      bits &= bits - 1;
      found += look_at(page_at(pfn + bit), owner, f);
    }
  }
  return found + for_each_percpu_of(owner, f);
}

function look_at(page: number, owner: number, f: (address: number, size: number, cache: string) => void): number {
  const word = ld(page);
  const kind: Kind = word & KIND_MASK;
  if (kind === Kind.SLAB) return look_at_slab(page, owner, f);
  if (kind === Kind.CACHE) return for_each_in_slab(page, owner, f);
  if ((kind !== Kind.PAGES && kind !== Kind.LARGE && kind !== Kind.VMALLOC) || word >>> OWNER_SHIFT !== owner) return 0;
  if (kind === Kind.LARGE) f(address_of(page), ld(page + Page.SIZE), 'kmalloc-large');
  else if (kind === Kind.VMALLOC) f(address_of(page), ld(page + Page.SIZE), 'vmalloc');
  else f(address_of(page), PAGE_SIZE << order_of(page), 'pages');
  return 1;
}

function look_at_slab(page: number, owner: number, f: (address: number, size: number, cache: string) => void): number {
  const k = ld(page) >>> OWNER_SHIFT;
  const base = address_of(page);
  const objects = slab_fresh(page);
  let found = 0;
  for (let i = 0; i < objects; i++) {
    const word = ld(base + CLASS_META[k]! + i * 4);
    if ((word & TAG_MASK) !== TAG_ALLOCATED || (word & META_OWNER) >>> META_OWNER_SHIFT !== owner) continue;
    f(base + i * CLASS_SIZES[k]!, CLASS_SIZES[k]! - (word & META_NUMBER), class_name(k));
    found++;
  }
  return found;
}
