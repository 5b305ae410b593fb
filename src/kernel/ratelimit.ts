// noinstr: never transformed, never interrupted.
// How often a place may print: ten times in five seconds, as Linux's default. A table of the machine, open addressing by a
// hash of the place in the source; an entry is claimed by a compare-exchange and never given back. When it is full, other
// places are not limited. Context: any, on any CPU at once.
//
//   +0  hash of the place   +4  jiffy at which the interval began, + 1   +8  asked for in it   +12  not printed
import { a_add, a_cas, a_ld, a_st, a_xchg } from '../cpu/raw.js';
import { Mach } from '../machine/memory-map.js';
import { HZ, RATELIMIT_BURST, RATELIMIT_SECONDS } from '../machine/params.js';
import { printing_site } from './panic.js';
import { printk_emit } from './printk.js';

const ENTRIES = 64;
const ENTRY = 16;
const KERN_WARNING = 4;

function entry_of(site: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < site.length; i++) hash = Math.imul(hash ^ site.charCodeAt(i), 0x01000193);
  hash |= 1;
  for (let i = 0; i < ENTRIES; i++) {
    const at = Mach.RATELIMITED + (((hash >>> 8) + i) & (ENTRIES - 1)) * ENTRY;
    const old = a_cas(at, 0, hash);
    if (old === hash || old === 0) return at;
  }
  return 0;
}

/** Return: true if the place that called printk's kin may print now. */
export function may_print(): boolean {
  const site = printing_site();
  const at = entry_of(site);
  if (at === 0) return true;
  const now = (a_ld(Mach.JIFFIES) + 1) | 0;
  const began = a_ld(at + 4);
  if ((began === 0 || ((now - began) | 0) > RATELIMIT_SECONDS * HZ) && a_cas(at + 4, began, now) === began) {
    a_st(at + 8, 0);
    const missed = a_xchg(at + 12, 0);
    if (missed !== 0) printk_emit(KERN_WARNING, `${site.split(' ')[0]}: ${missed} callbacks suppressed`);
  }
  if (a_add(at + 8, 1) < RATELIMIT_BURST) return true;
  a_add(at + 12, 1);
  return false;
}
