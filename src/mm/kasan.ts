// noinstr: never transformed, never interrupted.
// Address checks of the stepped build, after the kernel's KASAN: an access of memory of the allocators that is not, or no
// longer, allocated is reported, with who allocated and who freed it. Every field access of a module and of what Linux
// inlines over its data is checked, and what a module hands to a primitive by a view. The free-running build has no such
// checks: they would double the cost of an access.
//
// There is no shadow memory: the struct page and the object's metadata say all (slab_class.ts), and an access below the
// first page that the allocators manage, such as of static data, costs one comparison. Freed memory is not kept back: an
// access that comes after the next allocation of that object finds it alive.
// Context: any.
import { heap } from '../cpu/heap.js';
import { cpu, current_task } from '../cpu/context.js';
import { ld } from '../cpu/raw.js';
import { add_taint, report, TAINT_BAD_PAGE, task_comm, task_pid } from '../kernel/panic.js';
import { printk_emit } from '../kernel/printk.js';
import { stack_lines } from '../kernel/stack.js';
import { Mach, PAGE_SHIFT } from '../machine/memory-map.js';
import { Cache, cache_name, cache_of_slab, SLAB_TYPESAFE_BY_RCU } from './kmem_cache.js';
import { name_of_owner } from './owner.js';
import {
  address_of,
  hex,
  is_managed,
  Kind,
  KIND_MASK,
  kind_of,
  MAX_PAGE_ORDER,
  Mm,
  order_of,
  OWNER_SHIFT,
  Page,
  page_at,
  page_of,
  pfn_of,
} from './page.js';
import {
  CLASS_META,
  CLASS_OBJECTS,
  CLASS_SIZES,
  class_name,
  META_NUMBER,
  META_OWNER,
  META_OWNER_SHIFT,
  TAG_ALLOCATED,
  TAG_FREE,
  TAG_MASK,
} from './slab_class.js';

const EMERG = 0;

/** From now on accesses are checked. After mm_init. */
export function kasan_init(): void {
  heap.checked_from = ld(Mm.FIRST) << PAGE_SHIFT;
  heap.check_object = check;
}

// ---- who did it ------------------------------------------------------------------------------------------------------
/** Where something happened to an object. This thread's own, and only while a schedule is traced: stacks are dear. */
interface Note {
  who: string;
  stack: string | undefined;
}
let notes: Map<number, { allocated?: Note; freed?: Note }> | null = null;

/** Keeps the stacks of allocations and frees from now on, for reports; forgets those it had. */
export function kasan_keep_stacks(on: boolean): void {
  notes = on ? new Map() : null;
}
/** Something is allocated, or freed. */
export function kasan_note(object: number, what: 'allocated' | 'freed'): void {
  if (notes === null) return;
  const task = current_task();
  const note: Note = { who: `${task_comm(task)}/${task_pid(task)} on CPU ${cpu}`, stack: new Error().stack };
  const known = notes.get(object);
  if (what === 'allocated' || known === undefined) notes.set(object, { [what]: note });
  else known.freed = note;
}
function history_of(object: number): string[] {
  const known = notes?.get(object);
  const lines: string[] = [];
  for (const [title, note] of [
    ['Allocated', known?.allocated],
    ['Freed', known?.freed],
  ] as const)
    if (note !== undefined) lines.push(`${title} by task ${note.who}:`, ...stack_lines(note.stack).map((l) => ` ${l}`));
  return lines;
}

/** Prints where an object was allocated and freed, as far as that is known. Context: any. */
export function kasan_print_history(object: number): void {
  for (const line of history_of(object)) printk_emit(EMERG, line);
}

// ---- the check -------------------------------------------------------------------------------------------------------
/** An access of `size` bytes at `a`, which is not below `heap.checked_from`. `where` says what it is meant to be. */
function check(a: number, where: string, write: boolean, size: number): void {
  if (!is_managed(a)) return;
  let page = page_of(a);
  let kind: Kind = ld(page) & KIND_MASK;
  if (kind === Kind.SLAB_TAIL || kind === Kind.CACHE_TAIL || kind === Kind.NONE) {
    page = kind === Kind.NONE ? head_of(page) : ld(page + Page.HEAD);
    kind = ld(page) & KIND_MASK;
  }
  if (kind === Kind.SLAB) return check_class(a, size, page, where, write);
  if (kind === Kind.CACHE) return check_cache(a, size, page, where, write);
  if (kind === Kind.LARGE && a + size > address_of(page) + ld(page + Page.SIZE))
    tell('slab-out-of-bounds', a, size, where, write, {
      start: address_of(page),
      bytes: ld(page + Page.SIZE),
      cache: 'kmalloc-large',
      owner: ld(page) >>> OWNER_SHIFT,
    });
  if (kind === Kind.FREE || kind === Kind.PCP) tell('use-after-free', a, size, where, write, null);
}

/** These say themselves what is wrong with an address, or which field they access; or they only print it. */
const CHECKS_ITSELF =
  /^(kv?free(_sensitive)?$|kmem_cache_free|kthread_|_?printk$|pr_|WARN|BUG|panic$|trace_printk$|.*printf$|atomic|refcount_|.*_ONCE$|.*xchg$|smp_|mem|str)/;
/** A primitive is given a view of what lies at `a`. */
export function check_view(primitive: string, a: number): void {
  if (!CHECKS_ITSELF.test(primitive)) check(a, `${primitive}()`, true, 0);
}

/** The first page of the block that a page lies in, which begins at a multiple of its size; the page itself if it is in none. */
function head_of(page: number): number {
  const pfn = pfn_of(page);
  for (let order = 1; order <= MAX_PAGE_ORDER; order++) {
    const head = page_at(pfn & -(1 << order));
    const kind = kind_of(head);
    if ((kind === Kind.FREE || kind === Kind.LARGE || kind === Kind.PAGES) && order_of(head) >= order) return head;
  }
  return page;
}

interface Found {
  start: number;
  bytes: number;
  cache: string;
  owner: number;
}

function check_class(a: number, size: number, page: number, where: string, write: boolean): void {
  const k = ld(page) >>> OWNER_SHIFT;
  const base = address_of(page);
  const index = Math.floor((a - base) / CLASS_SIZES[k]!);
  const known = index < CLASS_OBJECTS[k]!;
  const meta = known ? ld(base + CLASS_META[k]! + index * 4) : 0;
  const start = base + index * CLASS_SIZES[k]!;
  const allocated = (meta & TAG_MASK) === TAG_ALLOCATED;
  const bytes = CLASS_SIZES[k]! - (allocated ? meta & META_NUMBER : 0);
  if (allocated && a + size <= start + bytes) return;
  const found = { start, bytes, cache: class_name(k), owner: (meta & META_OWNER) >>> META_OWNER_SHIFT };
  tell(fault_of(meta), a, size, where, write, found);
}
function check_cache(a: number, size: number, page: number, where: string, write: boolean): void {
  const s = cache_of_slab(page);
  // Readers may look at objects of a type-stable cache after they were freed.
  if (s === 0 || (ld(s + Cache.FLAGS) & SLAB_TYPESAFE_BY_RCU) !== 0) return;
  const base = address_of(page);
  const index = Math.floor((a - base) / ld(s + Cache.SIZE));
  const meta = index < ld(s + Cache.OBJECTS) ? ld(base + ld(s + Cache.META) + index * 4) : 0;
  const start = base + index * ld(s + Cache.SIZE);
  const bytes = ld(s + Cache.OBJECT_SIZE);
  if ((meta & TAG_MASK) === TAG_ALLOCATED && a + size <= start + bytes) return;
  const found = { start, bytes, cache: cache_name(s), owner: (meta & META_OWNER) >>> META_OWNER_SHIFT };
  tell(fault_of(meta), a, size, where, write, found);
}
/** Of an access that is not all within an allocated object. An object that was never allocated lies behind one that was. */
const fault_of = (meta: number): string =>
  (meta & TAG_MASK) === TAG_FREE ? 'slab-use-after-free' : 'slab-out-of-bounds';

/** Only the first fault of a boot is told, as by Linux: what comes after it is mostly its consequence. */
function tell(fault: string, a: number, size: number, where: string, write: boolean, found: Found | null): void {
  if ((ld(Mach.TAINTED) & TAINT_BAD_PAGE) !== 0) return;
  const bytes = (n: number): string => `${n} byte${n === 1 ? '' : 's'}`;
  const access =
    size === 0
      ? `${where} of ${hex(a)}`
      : `${write ? 'write' : 'read'} of ${bytes(size)} at ${hex(a)}${where === '' ? '' : ` (${where})`}`;
  if (found === null) {
    report(`KASAN: ${fault}: ${access}, in a page that is free`);
    return add_taint(TAINT_BAD_PAGE);
  }
  const state = fault === 'slab-use-after-free' ? 'freed ' : '';
  const object = `the ${state}${found.bytes}-byte object at ${hex(found.start)} (${found.cache}, ${name_of_owner(found.owner)})`;
  report(`KASAN: ${fault}: ${access}, ${bytes(a - found.start)} into ${object}`);
  add_taint(TAINT_BAD_PAGE);
  kasan_print_history(found.start);
}
