// <linux/gfp.h>: allocation flags and the page allocator. See mm/page_alloc.ts for the contexts.
export * from './gfp_types.js';
export {
  __get_free_page,
  __get_free_pages,
  alloc_page,
  alloc_pages,
  free_page,
  free_pages,
  __free_page,
  __free_pages,
  get_zeroed_page,
} from '../mm/page_alloc.js';
