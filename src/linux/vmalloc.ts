// <linux/vmalloc.h>: see mm/vmalloc.ts.
import { no_step } from '../cpu/heap.js';
import { page_of, pfn_of } from '../mm/page.js';

export {
  __vmalloc,
  is_vmalloc_addr,
  vcalloc,
  vfree,
  vfree_atomic,
  vmalloc,
  vmalloc_array,
  vzalloc,
} from '../mm/vmalloc.js';
/** The struct page of an address in an area. */
export const vmalloc_to_page = (address: number): number => page_of(address);
export const vmalloc_to_pfn = (address: number): number => pfn_of(page_of(address));
no_step(vmalloc_to_page, vmalloc_to_pfn);
