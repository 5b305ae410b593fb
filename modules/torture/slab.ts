// kmem_cache on all CPUs: objects with a constructor, which must find them as it left them, go from CPU to CPU and are
// freed there or in interrupts; each CPU also makes and destroys caches of its own, and takes objects in bulk. And a
// free list of the module's own, under a lock, with the objects that are kept.
// broken=1: an object is freed while it is not in its constructed state; 2: the free list without its lock; 3: an object
// is freed twice; 4: a cache is destroyed with an object in use.
import { atomic_inc, atomic_read, atomic_t, xchg } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { GFP_ATOMIC, GFP_KERNEL } from 'lockstep/linux/gfp';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import {
  __GFP_NOWARN,
  kfree,
  kmem_cache_alloc,
  kmem_cache_alloc_bulk,
  kmem_cache_create,
  kmem_cache_destroy,
  kmem_cache_free,
  kmem_cache_free_bulk,
  kmem_cache_shrink,
  kmem_cache_size,
  kmem_cache_zalloc,
  SLAB_HWCACHE_ALIGN,
  SLAB_PANIC,
} from 'lockstep/linux/slab';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spin_lock_irqsave, spin_unlock_irqrestore, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 1500);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const SLOTS = 64;
const BULK = 8;
const READY = 0xc0de;
class item extends Struct('item', { ready: u32, lock: spinlock_t, owner: u32, next: ptr(), pad: array(u32, 7) }) {}
class pointers extends Struct('pointers', { at: array(ptr(), BULK) }) {}
class shared_data extends Struct('shared_data', {
  cache: ptr(),
  bulk: ptr(),
  slots: array(ptr(), SLOTS),
  constructed: atomic_t,
  taken: atomic_t,
  freed: atomic_t,
  caches: atomic_t,
  list_lock: spinlock_t,
  list: ptr(),
  listed: u32,
}) {}
const shared = DEFINE_STATIC(shared_data);

/** Objects are always so when they are free. */
export function construct(address: number) {
  const o = item.at(address);
  o.ready = READY;
  o.owner = 0;
  o.next = 0;
  atomic_inc(shared.constructed);
}
function take(me: number, gfp: number): number {
  const p = kmem_cache_alloc(shared.cache, gfp | __GFP_NOWARN);
  if (p === 0) return 0;
  const o = item.at(p);
  check(o.ready === READY && o.owner === 0 && o.next === 0, 'a constructed object', o.owner, 0);
  o.owner = me + 1;
  atomic_inc(shared.taken);
  return p;
}
function give(p: number): void {
  const o = item.at(p);
  check(o.ready === READY && o.owner !== 0, 'the owner of an object', o.owner, 1);
  if (broken.value !== 1) o.owner = 0;
  atomic_inc(shared.freed);
  kmem_cache_free(shared.cache, p);
  if (broken.value === 3 && (atomic_read(shared.freed) & 31) === 1) kmem_cache_free(shared.cache, p);
}
export function give_there(p: number) {
  give(p);
}
export function take_there(slot: number) {
  const p = take(slot, GFP_ATOMIC);
  if (p === 0) return;
  const old = xchg(shared.slots, slot, p);
  if (old !== 0) give(old);
}

/** The module's own list of free objects, as a driver keeps them for bad times. */
function keep(p: number): void {
  const flags = broken.value === 2 ? -1 : spin_lock_irqsave(shared.list_lock);
  const o = item.at(p);
  check(o.next === 0, 'the link of an object in use', o.next, 0);
  o.next = shared.list;
  shared.list = p;
  shared.listed++;
  if (flags >= 0) spin_unlock_irqrestore(shared.list_lock, flags);
}
function kept(): number {
  const flags = broken.value === 2 ? -1 : spin_lock_irqsave(shared.list_lock);
  const p = shared.list;
  if (p !== 0) {
    const o = item.at(p);
    shared.list = o.next;
    o.next = 0;
    shared.listed--;
  }
  if (flags >= 0) spin_unlock_irqrestore(shared.list_lock, flags);
  return p;
}

/** A cache of this CPU's own, made, used and destroyed. */
function own_cache(me: number, i: number): void {
  const size = 24 + ((me * 8 + i) & 63) * 4;
  const s = kmem_cache_create('torture_own', size, 0, (i & 1) !== 0 ? SLAB_HWCACHE_ALIGN : 0);
  if (s === 0) return;
  atomic_inc(shared.caches);
  check(kmem_cache_size(s) === size, 'the size of a cache', kmem_cache_size(s), size);
  const a = kmem_cache_zalloc(s, GFP_KERNEL);
  const b = kmem_cache_alloc(s, GFP_KERNEL);
  if (a !== 0) {
    check(item.at(a).ready === 0, 'a word of a zeroed object', item.at(a).ready, 0);
    item.at(a).ready = 0x55;
    if (broken.value !== 4 || i !== 0) kmem_cache_free(s, a);
  }
  check(a === 0 || a !== b, 'an object given out twice', a, b);
  if (b !== 0) kfree(b); // as Linux allows
  kmem_cache_shrink(s);
  kmem_cache_destroy(s);
}
function in_bulk(): void {
  const p = kmem_cache_alloc(shared.bulk, GFP_KERNEL);
  if (p === 0) return;
  const all = pointers.at(p).at;
  if (kmem_cache_alloc_bulk(shared.cache, GFP_KERNEL, BULK, all) === BULK) {
    for (let i = 0; i < BULK; i++) {
      const o = item.at(all.at(i));
      check(o.ready === READY && o.owner === 0, 'an object of a bulk', o.owner, 0);
    }
    kmem_cache_free_bulk(shared.cache, BULK, all);
  }
  kmem_cache_free(shared.bulk, p);
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 57;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const slot = (random >>> 8) % SLOTS;
    if ((i & 63) === 0) {
      const again = take(me, GFP_KERNEL);
      if (again !== 0) give(again);
    }
    const p = take(me, GFP_KERNEL);
    if (p !== 0) {
      const old = xchg(shared.slots, slot, p);
      if (old !== 0) {
        if ((random & 15) === 0) smp_call_function_single((random >>> 20) % cpus, give_there, old, false);
        else if ((random & 7) === 1) keep(old);
        else give(old);
      }
    }
    if ((random & 7) === 2 || (broken.value === 2 && i === 0)) {
      const mine = take(me, GFP_KERNEL);
      if (mine !== 0) keep(mine);
      const q = kept();
      if (q !== 0) give(q);
    }
    if ((random & 31) === 3) smp_call_function_single((random >>> 20) % cpus, take_there, slot, false);
    if ((i & 31) === 0) own_cache(me, i);
    if ((random & 15) === 4) in_bulk();
    yield* cond_resched();
  }
  for (let c = 0; c < cpus; c++) smp_call_function_single(c, nothing, 0, true);
  return 1;
}
export function nothing() {}

module_init(() => {
  const cpus = num_online_cpus();
  shared.cache = kmem_cache_create('torture_item', item.size, 0, SLAB_PANIC, construct);
  shared.bulk = kmem_cache_create('torture_bulk', pointers.size, 0, SLAB_PANIC);
  for (let c = 0; c < cpus; c++) create_on(user, c, c, 'user/%u');
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  for (let i = 0; i < SLOTS; i++) {
    const p = xchg(shared.slots, i, 0);
    if (p !== 0) give(p);
  }
  for (let p = kept(); p !== 0; p = kept()) give(p);
  check(shared.listed === 0, 'objects of the free list', shared.listed, 0);
  const taken = atomic_read(shared.taken);
  check(taken === atomic_read(shared.freed), 'objects freed', atomic_read(shared.freed), taken);
  kmem_cache_destroy(shared.bulk);
  kmem_cache_destroy(shared.cache);
  pr_info('slab: %d objects, %d caches\n', taken, atomic_read(shared.caches));
  WARN(ended !== cpus, 'slab: only %d of %d threads came to the end', ended, cpus);
  WARN(failures() !== 0, 'slab: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
