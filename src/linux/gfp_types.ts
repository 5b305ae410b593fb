// <linux/gfp_types.h>: what an allocation may do to get its memory. Bit values are those of Linux 6.12.
//
// The two that matter most here: __GFP_DIRECT_RECLAIM says that the caller may sleep, so it is checked against the
// context at every allocation, whether or not memory is short; __GFP_HIGH opens the reserve that is kept for callers
// who can't wait.
import { no_step } from '../cpu/heap.js';

export const __GFP_DMA = 0x1;
export const __GFP_HIGHMEM = 0x2;
export const __GFP_DMA32 = 0x4;
export const __GFP_MOVABLE = 0x8;
export const __GFP_RECLAIMABLE = 0x10;
/** May use half of the reserve; more when it can't sleep either. */
export const __GFP_HIGH = 0x20;
export const __GFP_IO = 0x40;
export const __GFP_FS = 0x80;
export const __GFP_ZERO = 0x100;
export const __GFP_DIRECT_RECLAIM = 0x400;
export const __GFP_KSWAPD_RECLAIM = 0x800;
export const __GFP_RECLAIM = __GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM;
export const __GFP_WRITE = 0x1000;
/** No warning in the log when the allocation fails. */
export const __GFP_NOWARN = 0x2000;
export const __GFP_RETRY_MAYFAIL = 0x4000;
/** Never returns NULL: uses the whole reserve, then the machine panics. */
export const __GFP_NOFAIL = 0x8000;
export const __GFP_NORETRY = 0x10000;
/** May use the whole reserve. */
export const __GFP_MEMALLOC = 0x20000;
export const __GFP_COMP = 0x40000;
/** No reserve at all, whatever else is set. */
export const __GFP_NOMEMALLOC = 0x80000;
export const __GFP_HARDWALL = 0x100000;
export const __GFP_THISNODE = 0x200000;
export const __GFP_ACCOUNT = 0x400000;

export const GFP_ATOMIC = __GFP_HIGH | __GFP_KSWAPD_RECLAIM;
export const GFP_KERNEL = __GFP_RECLAIM | __GFP_IO | __GFP_FS;
export const GFP_KERNEL_ACCOUNT = GFP_KERNEL | __GFP_ACCOUNT;
export const GFP_NOWAIT = __GFP_KSWAPD_RECLAIM | __GFP_NOWARN;
export const GFP_NOIO = __GFP_RECLAIM;
export const GFP_NOFS = __GFP_RECLAIM | __GFP_IO;
export const GFP_USER = __GFP_RECLAIM | __GFP_IO | __GFP_FS | __GFP_HARDWALL;
export const GFP_DMA = __GFP_DMA;
export const GFP_DMA32 = __GFP_DMA32;
export const GFP_HIGHUSER = GFP_USER | __GFP_HIGHMEM;

/** May the caller sleep for memory? Context: any. */
export const gfpflags_allow_blocking = (gfp: number): boolean => (gfp & __GFP_DIRECT_RECLAIM) !== 0;

/** Composites first, so that a mask is named by the largest part of it that has a name. */
const NAMES: readonly (readonly [string, number])[] = [
  ['GFP_HIGHUSER', GFP_HIGHUSER],
  ['GFP_USER', GFP_USER],
  ['GFP_KERNEL_ACCOUNT', GFP_KERNEL_ACCOUNT],
  ['GFP_KERNEL', GFP_KERNEL],
  ['GFP_NOFS', GFP_NOFS],
  ['GFP_ATOMIC', GFP_ATOMIC],
  ['GFP_NOIO', GFP_NOIO],
  ['GFP_NOWAIT', GFP_NOWAIT],
  ['GFP_DMA', GFP_DMA],
  ['GFP_DMA32', GFP_DMA32],
  ['__GFP_HIGHMEM', __GFP_HIGHMEM],
  ['__GFP_MOVABLE', __GFP_MOVABLE],
  ['__GFP_RECLAIMABLE', __GFP_RECLAIMABLE],
  ['__GFP_HIGH', __GFP_HIGH],
  ['__GFP_IO', __GFP_IO],
  ['__GFP_FS', __GFP_FS],
  ['__GFP_ZERO', __GFP_ZERO],
  ['__GFP_DIRECT_RECLAIM', __GFP_DIRECT_RECLAIM],
  ['__GFP_KSWAPD_RECLAIM', __GFP_KSWAPD_RECLAIM],
  ['__GFP_WRITE', __GFP_WRITE],
  ['__GFP_NOWARN', __GFP_NOWARN],
  ['__GFP_RETRY_MAYFAIL', __GFP_RETRY_MAYFAIL],
  ['__GFP_NOFAIL', __GFP_NOFAIL],
  ['__GFP_NORETRY', __GFP_NORETRY],
  ['__GFP_MEMALLOC', __GFP_MEMALLOC],
  ['__GFP_COMP', __GFP_COMP],
  ['__GFP_NOMEMALLOC', __GFP_NOMEMALLOC],
  ['__GFP_HARDWALL', __GFP_HARDWALL],
  ['__GFP_THISNODE', __GFP_THISNODE],
  ['__GFP_ACCOUNT', __GFP_ACCOUNT],
];

/** A mask as `%pGg` prints it: `GFP_KERNEL|__GFP_ZERO`; bits without a name in hexadecimal, `none` for 0. */
export function gfp_name(gfp: number): string {
  let rest = gfp;
  let text = '';
  for (const [name, mask] of NAMES) {
    if ((rest & mask) !== mask) continue;
    text += (text === '' ? '' : '|') + name;
    rest &= ~mask;
  }
  if (rest !== 0) text += (text === '' ? '' : '|') + '0x' + (rest >>> 0).toString(16);
  return text === '' ? 'none' : text;
}

no_step(gfpflags_allow_blocking, gfp_name);
