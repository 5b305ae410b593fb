// Pages: single ones through the CPUs' lists, blocks of all orders, vmalloc areas and kvmalloc, on all CPUs, freed
// elsewhere and in interrupts; references by get_page(); and memory that runs out, so that the lists of all CPUs are
// emptied. Every page carries its address and a stamp of its owner: nobody else may have written it.
// broken=1: a page is used after its last reference; 2: one reference too few is dropped; 3: a write past the end of a
// vmalloc area; 4: pages that two CPUs take from a list without its lock.
import { atomic_inc, atomic_read, atomic_t, xchg } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { alloc_page, alloc_pages, free_pages, GFP_ATOMIC, GFP_KERNEL } from 'lockstep/linux/gfp';
import {
  __GFP_NOWARN,
  __GFP_ZERO,
  get_page,
  kvfree,
  kvmalloc,
  page_address,
  page_count,
  put_page,
  virt_to_page,
} from 'lockstep/linux/mm';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { vfree, vmalloc } from 'lockstep/linux/vmalloc';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 1500);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const SLOTS = 64;
const PAGE = 4096;
class stamp extends Struct('stamp', { address: u32, size: u32, next: ptr() }) {}
class shared_data extends Struct('shared_data', {
  slots: array(ptr(), SLOTS),
  list_lock: spinlock_t,
  list: ptr(),
  taken: atomic_t,
  freed: atomic_t,
  areas: atomic_t,
  failed: atomic_t,
}) {}
const shared = DEFINE_STATIC(shared_data);

/** Stamps the first and the last words of each page. */
function fill(a: number, size: number): void {
  for (let at = a; at < a + size; at += PAGE) {
    const head = stamp.at(at);
    head.address = at;
    head.size = size;
    stamp.at(at + PAGE - 16).address = at;
  }
}
function verify(a: number, size: number): void {
  for (let at = a; at < a + size; at += PAGE) {
    const head = stamp.at(at);
    check(head.address === at && head.size === size, 'the stamp of a page', head.address, at);
    check(
      stamp.at(at + PAGE - 16).address === at,
      'the stamp at the end of a page',
      stamp.at(at + PAGE - 16).address,
      at,
    );
  }
}

function take(gfp: number): number {
  const page = alloc_page(gfp | __GFP_NOWARN);
  if (page === 0) {
    atomic_inc(shared.failed);
    return 0;
  }
  atomic_inc(shared.taken);
  const a = page_address(page);
  check(page_count(page) === 1 && virt_to_page(a) === page, 'references to a new page', page_count(page), 1);
  fill(a, PAGE);
  return a;
}
function give(a: number): void {
  verify(a, PAGE);
  atomic_inc(shared.freed);
  const page = virt_to_page(a);
  put_page(page);
  if (broken.value === 2 && (atomic_read(shared.freed) & 15) === 1) put_page(page);
}
export function give_there(a: number) {
  give(a);
}
export function take_there(slot: number) {
  const a = take(GFP_ATOMIC);
  if (a === 0) return;
  const old = xchg(shared.slots, slot, a);
  if (old !== 0) give(old);
}

/** The module's own list of pages, under a lock. */
function push(a: number): void {
  if (broken.value !== 4) spin_lock(shared.list_lock);
  stamp.at(a).next = shared.list;
  shared.list = a;
  if (broken.value !== 4) spin_unlock(shared.list_lock);
}
function pop(): number {
  if (broken.value !== 4) spin_lock(shared.list_lock);
  const a = shared.list;
  if (a !== 0) shared.list = stamp.at(a).next;
  if (broken.value !== 4) spin_unlock(shared.list_lock);
  return a;
}

function use_block(random: number): void {
  const order = (random >>> 8) & 3;
  const page = alloc_pages(GFP_KERNEL | __GFP_NOWARN | ((random & 1) !== 0 ? __GFP_ZERO : 0), order);
  if (page === 0) return;
  const a = page_address(page);
  if ((random & 1) !== 0)
    check(stamp.at(a + (PAGE << order) - 16).address === 0, 'a word of zeroed pages', stamp.at(a).address, 0);
  fill(a, PAGE << order);
  get_page(page);
  put_page(page);
  verify(a, PAGE << order);
  free_pages(a, order);
}
function use_area(random: number): void {
  const pages = 1 + ((random >>> 8) & 7);
  const a = (random & 2) !== 0 ? vmalloc(pages * PAGE) : kvmalloc(pages * PAGE, GFP_KERNEL | __GFP_NOWARN);
  if (a === 0) return;
  atomic_inc(shared.areas);
  fill(a, pages * PAGE);
  if (broken.value === 3 && (random & 2) !== 0) stamp.at(a + pages * PAGE).address = 1;
  verify(a, pages * PAGE);
  if ((random & 2) !== 0) vfree(a);
  else kvfree(a);
}

/** By then the page is somebody else's. */
function use_after_put(): void {
  const a = take(GFP_KERNEL);
  if (a === 0) return;
  give(a);
  const b = take(GFP_KERNEL);
  stamp.at(a).size = 0x5555;
  if (b !== 0) give(b);
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 23;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const slot = (random >>> 8) % SLOTS;
    const kind = random & 15;
    if (i === 0) use_area(broken.value === 3 ? 2 : 0x100);
    if (broken.value === 1 && (i & 31) === 0) use_after_put();
    if (kind === 0) smp_call_function_single((random >>> 20) % cpus, take_there, slot, false);
    else if (kind === 1) use_block(random >>> 4);
    else if (kind === 2) use_area(random >>> 4);
    else {
      const a = take(GFP_KERNEL);
      if (a !== 0) {
        const old = xchg(shared.slots, slot, a);
        if (old !== 0 && kind === 3) smp_call_function_single((random >>> 20) % cpus, give_there, old, false);
        else if (old !== 0) give(old);
      }
    }
    if (kind > 11 || i === 0) {
      const a = take(GFP_KERNEL);
      if (a !== 0) push(a);
      const b = pop();
      if (b !== 0) give(b);
    }
    yield* cond_resched();
  }
  for (let c = 0; c < cpus; c++) smp_call_function_single(c, nothing, 0, true);
  return 1;
}
export function nothing() {}

module_init(() => {
  const cpus = num_online_cpus();
  for (let c = 0; c < cpus; c++) create_on(user, c, c, 'user/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  for (let i = 0; i < SLOTS; i++) {
    const a = xchg(shared.slots, i, 0);
    if (a !== 0) give(a);
  }
  for (let a = pop(); a !== 0; a = pop()) give(a);
  const taken = atomic_read(shared.taken);
  check(taken === atomic_read(shared.freed), 'pages freed', atomic_read(shared.freed), taken);
  pr_info('pages: %d pages, %d areas\n', taken, atomic_read(shared.areas));
  WARN(ended !== cpus, 'pages: only %d of %d threads came to the end', ended, cpus);
  WARN(failures() !== 0, 'pages: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
