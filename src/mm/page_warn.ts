// When there is no memory: how deep an allocation may reach, and what is said when it fails. Context: any.
import { ld, st } from '../cpu/raw.js';
import { panic } from '../kernel/panic.js';
import {
  __GFP_DIRECT_RECLAIM,
  __GFP_HIGH,
  __GFP_MEMALLOC,
  __GFP_NOFAIL,
  __GFP_NOMEMALLOC,
  __GFP_NOWARN,
  gfp_name,
} from '../linux/gfp_types.js';
import { printk } from '../kernel/printk.js';
import { Mach } from '../machine/memory-map.js';
import { HZ, MM_WARN_INTERVAL_S } from '../machine/params.js';
import { MAX_PAGE_ORDER, Mm, NR_ORDERS, Page } from './page.js';

/**
 * How many pages must stay free after this allocation. As in Linux: __GFP_HIGH may use half of the reserve, five
 * eighths when it can't sleep either; __GFP_MEMALLOC, and __GFP_NOFAIL when all else failed, may use all of it.
 */
export function floor_of(gfp: number, attempt: number): number {
  const reserve = ld(Mm.RESERVE);
  if ((gfp & __GFP_NOMEMALLOC) !== 0) return reserve;
  if ((gfp & __GFP_MEMALLOC) !== 0 || ((gfp & __GFP_NOFAIL) !== 0 && attempt > 0)) return 0;
  if ((gfp & __GFP_HIGH) === 0) return reserve;
  return (gfp & __GFP_DIRECT_RECLAIM) !== 0 ? reserve >> 1 : (reserve * 3) >> 3;
}

/** Says that an allocation failed, unless it was asked not to or has just said so. Always 0, the failed result. */
export function alloc_failed(gfp: number, order: number): 0 {
  if ((gfp & __GFP_NOFAIL) !== 0 && order >= 0 && order <= MAX_PAGE_ORDER)
    panic(
      `Out of memory: an allocation of order ${order} with __GFP_NOFAIL found none of the ${ld(Mm.NR_PAGES)} pages`,
    );
  if ((gfp & __GFP_NOWARN) !== 0) return 0;
  const now = ld(Mach.JIFFIES);
  if (ld(Mm.WARN_NEXT) !== 0 && now - ld(Mm.WARN_NEXT) < 0) {
    st(Mm.WARN_MISSED, ld(Mm.WARN_MISSED) + 1);
    return 0;
  }
  const missed = ld(Mm.WARN_MISSED);
  st(Mm.WARN_NEXT, (now + MM_WARN_INTERVAL_S * HZ) | 0 || 1);
  st(Mm.WARN_MISSED, 0);
  if (missed !== 0) printk('\x014page allocation failure: %d callbacks suppressed\n', missed);
  printk('\x014page allocation failure: order:%d, mode:%#x(%s)%s\n', order, gfp, gfp_name(gfp), reason(order));
  return 0;
}

function reason(order: number): string {
  if (order > MAX_PAGE_ORDER) return `: more than the largest order, ${MAX_PAGE_ORDER}`;
  if (order < 0) return ': not an order';
  return `: ${ld(Mm.NR_FREE)} of ${ld(Mm.NR_PAGES)} pages free, ${ld(Mm.RESERVE)} in reserve, free blocks by order ${free_blocks().join(' ')}`;
}

/** How many free blocks of each order there are, as /proc/buddyinfo shows them. A look without the lock. */
export function free_blocks(): number[] {
  const counts: number[] = [];
  for (let k = 0; k < NR_ORDERS; k++) {
    let n = 0;
    // Bounded: another CPU may change the list under us.
    for (let page = ld(Mm.FREE_HEAD + k * 4); page !== 0 && n < ld(Mm.NR_PAGES); page = ld(page + Page.NEXT)) n++;
    counts.push(n);
  }
  return counts;
}
