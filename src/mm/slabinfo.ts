// What the memory managers tell about themselves, in the manner of /proc/slabinfo, /proc/buddyinfo and the lists of
// /proc/zoneinfo. A look without locks: numbers of different lines need not belong to the same moment. Context: task.
import { ld } from '../cpu/raw.js';
import { Mach, PAGE_SHIFT, Pcpu, percpu_base } from '../machine/memory-map.js';
import { Cache, cache_name } from './kmem_cache.js';
import { Kind, KIND_MASK, Mm, OWNER_SHIFT, Page, page_at } from './page.js';
import { free_blocks } from './page_warn.js';
import {
  CLASS_BATCH,
  CLASS_LIMIT,
  CLASS_OBJECTS,
  CLASS_ORDER,
  CLASS_SIZES,
  class_name,
  NR_CLASSES,
  SLAB_SLOT,
} from './slab_class.js';

const TEN_BITS = 0x3ff;
interface Row {
  name: string;
  size: number;
  objects: number;
  order: number;
  limit: number;
  batch: number;
  /** Objects in the CPUs' lists, which the slabs count as taken. */
  cached: number;
  taken: number;
  slabs: number;
  active: number;
}

function rows(): { classes: Row[]; caches: Map<number, Row> } {
  const cpus = ld(Mach.CPUS);
  const sum = (f: (cpu: number) => number): number =>
    Array.from({ length: cpus }, (_, c) => f(c)).reduce((a, b) => a + b, 0);
  const classes = Array.from({ length: NR_CLASSES }, (_, k) => ({
    name: class_name(k),
    size: CLASS_SIZES[k]!,
    objects: CLASS_OBJECTS[k]!,
    order: CLASS_ORDER[k]!,
    limit: CLASS_LIMIT[k]!,
    batch: CLASS_BATCH[k]!,
    cached: sum((c) => ld(percpu_base(c) + Pcpu.SLAB + k * SLAB_SLOT)),
    taken: 0,
    slabs: 0,
    active: 0,
  }));
  const caches = new Map<number, Row>();
  for (let s = ld(Mm.CACHES); s !== 0; s = ld(s + Cache.NEXT))
    caches.set(ld(s + Cache.INDEX), {
      name: cache_name(s),
      size: ld(s + Cache.SIZE),
      objects: ld(s + Cache.OBJECTS),
      order: ld(s + Cache.ORDER),
      limit: ld(s + Cache.LIMIT),
      batch: ld(s + Cache.BATCH),
      cached: sum((c) => ld(s + Cache.SLOTS + c * Cache.SLOTS)),
      taken: 0,
      slabs: 0,
      active: 0,
    });
  const end = ld(Mm.END);
  for (let pfn = ld(Mm.FIRST); pfn < end; pfn++) {
    const page = page_at(pfn);
    const word = ld(page);
    const kind: Kind = word & KIND_MASK;
    const row =
      kind === Kind.SLAB
        ? classes[word >>> OWNER_SHIFT]
        : kind === Kind.CACHE
          ? caches.get(word >>> OWNER_SHIFT)
          : undefined;
    if (row === undefined) continue;
    const taken = ld(page + Page.COUNTERS) & TEN_BITS;
    row.taken += taken;
    row.slabs++;
    if (taken !== 0) row.active++;
  }
  return { classes, caches };
}

/** As /proc/slabinfo: the caches that modules made, then those of kmalloc, the largest first. */
export function slabinfo_text(): string {
  const { classes, caches } = rows();
  const lines = [
    'slabinfo - version: 2.1',
    '# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>',
  ];
  const pad = (n: number, to: number): string => String(n).padStart(to);
  for (const r of [...caches.values(), ...classes.reverse()])
    lines.push(
      `${r.name.padEnd(17)} ${pad(Math.max(0, r.taken - r.cached), 6)} ${pad(r.slabs * r.objects, 6)} ${pad(r.size, 6)} ` +
        `${pad(r.objects, 4)} ${pad(1 << r.order, 4)} : tunables ${pad(r.limit, 4)} ${pad(r.batch, 4)} ${pad(0, 4)} : ` +
        `slabdata ${pad(r.active, 6)} ${pad(r.slabs, 6)} ${pad(0, 6)}`,
    );
  return lines.join('\n') + '\n';
}

/** As /proc/buddyinfo, free blocks of each order; then the pages in each CPU's own list. */
export function buddyinfo_text(): string {
  let text = `Node 0, zone   Normal ${free_blocks()
    .map((n) => String(n).padStart(6))
    .join(' ')}\n`;
  const lists = Array.from({ length: ld(Mach.CPUS) }, (_, c) => ld(percpu_base(c) + Pcpu.PCP + 8));
  text += `per-CPU lists         ${lists.map((n) => String(n).padStart(6)).join(' ')}\n`;
  const kib = (pages: number): string => `${pages << (PAGE_SHIFT - 10)} kB`;
  return text + `reserve ${kib(ld(Mm.RESERVE))} of ${kib(ld(Mm.NR_PAGES))}\n`;
}
