// <linux/slab.h>: kmalloc and kfree. See mm/slab.ts for the contexts.
import { kmem_cache_create } from '../mm/kmem_cache.js';
import { kcalloc, kmalloc, kmalloc_array } from '../mm/slab.js';
import type { AnyStruct } from './field.js';
import { __GFP_ZERO } from './gfp_types.js';

export * from './gfp.js';
export {
  get_order,
  kcalloc,
  kfree,
  kmalloc,
  kmalloc_array,
  KMALLOC_MAX_SIZE,
  ksize,
  kzalloc,
  type Pointer,
  ZERO_OR_NULL_PTR,
  ZERO_SIZE_PTR,
} from '../mm/slab.js';
export { kfree_const, kfree_sensitive, kmemdup, krealloc, krealloc_array } from '../mm/util.js';
export {
  kvcalloc,
  kvfree,
  kvfree_sensitive,
  kvmalloc,
  kvmalloc_array,
  kvmalloc_node,
  kvmemdup,
  kvrealloc,
  kvzalloc,
  kvzalloc_node,
} from '../mm/vmalloc.js';
export {
  kmem_cache_alloc,
  kmem_cache_alloc_bulk,
  kmem_cache_alloc_node,
  kmem_cache_create,
  kmem_cache_create_usercopy,
  kmem_cache_destroy,
  kmem_cache_free,
  kmem_cache_free_bulk,
  kmem_cache_shrink,
  kmem_cache_size,
  kmem_cache_zalloc,
  SLAB_ACCOUNT,
  SLAB_CONSISTENCY_CHECKS,
  SLAB_HWCACHE_ALIGN,
  SLAB_NO_MERGE,
  SLAB_PANIC,
  SLAB_POISON,
  SLAB_RECLAIM_ACCOUNT,
  SLAB_RED_ZONE,
  SLAB_STORE_USER,
  SLAB_TYPESAFE_BY_RCU,
} from '../mm/kmem_cache.js';

/** A cache of objects of this struct: `KMEM_CACHE(item, SLAB_PANIC)`. Context: task. Return: as kmem_cache_create(). */
export const KMEM_CACHE = (type: AnyStruct, flags: number): number =>
  kmem_cache_create(type.struct_name, type.size, type.align, flags);
/** There is one node of memory. */
export const kmalloc_node = (size: number, gfp: number, _node: number): number => kmalloc(size, gfp);
export const kzalloc_node = (size: number, gfp: number, _node: number): number => kmalloc(size, gfp | __GFP_ZERO);
export const kcalloc_node = (n: number, size: number, gfp: number, _node: number): number => kcalloc(n, size, gfp);
export const kmalloc_array_node = (n: number, size: number, gfp: number, _node: number): number =>
  kmalloc_array(n, size, gfp);
export { kmalloc_size_roundup } from '../mm/slab.js';
