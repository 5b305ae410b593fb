// <linux/mm.h>: pages and their addresses. There is one address space and no page table: the virtual address is the
// physical one. A `struct page *` is an address in the memory map.
import { no_step } from '../cpu/heap.js';
import { PAGE_SHIFT, PAGE_SIZE } from '../machine/memory-map.js';
import { address_of, is_managed, page_at, page_of, pfn_of } from '../mm/page.js';

export { PAGE_SHIFT, PAGE_SIZE };
export const PAGE_MASK = ~(PAGE_SIZE - 1);
/** Rounds up to a page. */
export const PAGE_ALIGN = (address: number): number => (address + PAGE_SIZE - 1) & PAGE_MASK;
export const PAGE_ALIGN_DOWN = (address: number): number => address & PAGE_MASK;
export const PAGE_ALIGNED = (address: number): boolean => (address & (PAGE_SIZE - 1)) === 0;
export const offset_in_page = (address: number): number => address & (PAGE_SIZE - 1);
export const virt_to_page = page_of;
export const page_address = address_of;
export const page_to_pfn = pfn_of;
export const pfn_to_page = page_at;
/** Is it an address of memory that the page allocator manages? */
export const virt_addr_valid = is_managed;
export const virt_to_phys = (address: number): number => address;
export const phys_to_virt = (address: number): number => address;

export * from './gfp.js';
export {
  is_vmalloc_addr,
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
export { drain_all_pages } from '../mm/page_pcp.js';
export { MAX_PAGE_ORDER } from '../mm/page.js';
export { get_page, nr_free_pages, page_count, put_page, totalram_pages } from '../mm/page_alloc.js';
export { get_order } from '../mm/slab.js';
export { kfree_const, kfree_sensitive, kmemdup, kstrdup, kstrdup_const, kstrndup } from '../mm/util.js';

no_step(
  PAGE_ALIGN,
  PAGE_ALIGN_DOWN,
  PAGE_ALIGNED,
  offset_in_page,
  virt_to_page,
  page_address,
  page_to_pfn,
  pfn_to_page,
);
no_step(virt_addr_valid, virt_to_phys, phys_to_virt);
