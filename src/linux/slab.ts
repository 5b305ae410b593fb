// <linux/slab.h>: kmalloc and kfree. See mm/slab.ts for the contexts.
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
export { kfree_sensitive, krealloc, krealloc_array } from '../mm/util.js';
