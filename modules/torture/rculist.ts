// Lists under RCU. The list holds KEPT entries with the numbers 0, 1, ... in this order, which are replaced by copies but
// never missing, and others that come and go before, between and after them. Whoever walks it finds every number once, in
// order, and no entry that has been freed. Walkers are threads (preempted in the middle), timers and interrupts.
// broken=1: list_del instead of list_del_rcu; 2: frees without a grace period; 3: links an entry again before a grace
// period has passed; 4: updaters without their lock; 5: walks outside of a section.
import { atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { jiffies } from 'lockstep/linux/jiffies';
import {
  container_of,
  list_add_tail,
  list_del,
  list_empty,
  list_first_entry,
  list_for_each_entry,
  list_for_each_entry_safe,
  list_head,
  LIST_HEAD,
} from 'lockstep/linux/list';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr } from 'lockstep/linux/percpu';
import { preempt_schedule } from 'lockstep/linux/preempt';
import { pr_info } from 'lockstep/linux/printk';
import {
  list_add_rcu,
  list_add_tail_rcu,
  list_del_rcu,
  list_first_or_null_rcu,
  list_for_each_entry_rcu,
  list_replace_rcu,
  list_splice_init_rcu,
} from 'lockstep/linux/rculist';
import {
  call_rcu,
  kfree_rcu,
  rcu_barrier,
  rcu_head,
  rcu_read_lock,
  rcu_read_unlock,
  synchronize_rcu,
} from 'lockstep/linux/rcupdate';
import { cond_resched } from 'lockstep/linux/sched';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { num_online_cpus, smp_call_function_single, smp_processor_id } from 'lockstep/linux/smp';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { del_timer_sync, mod_timer, timer_list, timer_setup } from 'lockstep/linux/timer';
import { DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 100);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const KEPT = 3;
const GUESTS = 3;
const OTHER = 1000;
const LIVE = 0x11fe;
const FREED = 0xdead;
const ENDLESS = 200;

class item extends Struct('item', { rcu: rcu_head, link: list_head, id: u32, state: u32 }) {}
class counts extends Struct('counts', { updaters: atomic_t, walks: atomic_t, changes: atomic_t, guests: u32 }) {}
const list = LIST_HEAD();
/** Filled, then spliced to the front of the list. */
const batch = LIST_HEAD();
const lock = DEFINE_SPINLOCK();
const shared = DEFINE_STATIC(counts);
const timers = DEFINE_PER_CPU(timer_list);

function check_item(it: item, expected: number): number {
  const state = READ_ONCE(it, 'state');
  check(state === LIVE, 'a walk came to an entry that is not live', state, LIVE);
  const id = it.id;
  if (id >= OTHER) return expected;
  check(id === expected, 'a walk came to the wrong entry', id, expected);
  return id + 1;
}
/** One walk that nothing preempts but interrupts. */
function walk(): void {
  let expected = 0;
  let n = 0;
  rcu_read_lock();
  for (const it of list_for_each_entry_rcu(list, item, 'link')) {
    expected = check_item(it, expected);
    if (!check(n++ < ENDLESS, 'a walk does not end', n, ENDLESS)) break;
  }
  rcu_read_unlock();
  check(expected === KEPT, 'a walk missed entries', expected, KEPT);
}
export function walk_in_interrupt() {
  walk();
}
export function on_timer(timer: number) {
  walk();
  if (atomic_read(shared.updaters) < num_online_cpus()) mod_timer(timer_list.at(timer), jiffies() + 1);
}
/** One that gives way in the middle. */
function* slow_walk(random: number) {
  let expected = 0;
  let n = 0;
  if (broken.value !== 5) rcu_read_lock();
  for (const it of list_for_each_entry_rcu(list, item, 'link')) {
    // A guest may go while this walk stands on it.
    if ((random & 3) === (n & 3) || it.id >= OTHER) yield* preempt_schedule();
    expected = check_item(it, expected);
    if (!check(n++ < ENDLESS, 'a walk does not end', n, ENDLESS)) break;
  }
  if (broken.value !== 5) rcu_read_unlock();
  check(expected === KEPT, 'a walk missed entries', expected, KEPT);
}
export function* walker(me: number) {
  let random = me + 815;
  for (let i = 0; i < rounds.value * 2 && going_on(); i++) {
    random = next_random(random);
    if ((random & 12) !== 0) yield* slow_walk(random);
    else smp_call_function_single((random >>> 8) % num_online_cpus(), walk_in_interrupt, 0, (random & 16) !== 0);
    rcu_read_lock();
    const first = list_first_or_null_rcu(list, item, 'link');
    check(first !== null, 'the list was found empty', 0, 1);
    if (first !== null) check(READ_ONCE(first, 'state') === LIVE, 'the first entry is not live', first.state, LIVE);
    rcu_read_unlock();
    atomic_inc(shared.walks);
    yield* cond_resched();
  }
  return 1;
}

function make(id: number): number {
  const a = kmalloc(item.size, GFP_KERNEL);
  if (a === 0) return 0;
  const it = item.at(a);
  it.id = id;
  WRITE_ONCE(it, 'state', LIVE);
  return a;
}
function take(): void {
  if (broken.value !== 4) spin_lock(lock);
}
function release(): void {
  if (broken.value !== 4) spin_unlock(lock);
}
export function free_later(head: number) {
  const it = container_of(head, item, 'rcu');
  WRITE_ONCE(it, 'state', FREED);
  kfree(it);
}
/** Frees what has been taken out of the list. */
function* let_go(it: item, kind: number) {
  if (broken.value === 2) free_later(it.rcu['@addr']);
  else if (kind === 0) {
    yield* synchronize_rcu();
    free_later(it.rcu['@addr']);
  } else if (kind === 1) call_rcu(it.rcu, free_later);
  else kfree_rcu(it, 'rcu');
}

/** An entry that comes: to either end, or behind one that stays. */
function come(it: item, kind: number): void {
  take();
  WRITE_ONCE(shared, 'guests', shared.guests + 1);
  if (kind === 0) list_add_rcu(it.link, list);
  else if (kind === 1) list_add_tail_rcu(it.link, list);
  else
    for (const at of list_for_each_entry(list, item, 'link'))
      if (at.id === kind - 2) {
        list_add_rcu(it.link, at.link);
        break;
      }
  release();
}
/** One that goes, 0 if there is none. */
function go(): number {
  let gone = 0;
  take();
  for (const at of list_for_each_entry_safe(list, item, 'link')) {
    if (at.id < OTHER) continue;
    if (broken.value === 1) list_del(at.link);
    else list_del_rcu(at.link);
    if (broken.value === 3) {
      if ((atomic_read(shared.changes) & 1) === 0) list_add_rcu(at.link, list);
      else list_add_tail_rcu(at.link, list);
      break;
    }
    WRITE_ONCE(shared, 'guests', shared.guests - 1);
    gone = at['@addr'];
    break;
  }
  release();
  return gone;
}
/** Puts a copy in the place of number `id`. */
function replace(copy: item, id: number): number {
  let old = 0;
  take();
  for (const at of list_for_each_entry(list, item, 'link'))
    if (at.id === id) {
      list_replace_rcu(at.link, copy.link);
      old = at['@addr'];
      break;
    }
  release();
  return old;
}

export function* updater(me: number) {
  let random = me + 42;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const kind = (random >>> 3) % 3;
    if ((random & 1) !== 0) {
      const a = make((random >>> 8) % KEPT);
      if (a === 0) continue;
      const old = replace(item.at(a), item.at(a).id);
      if (old !== 0) yield* let_go(item.at(old), kind);
    } else {
      if (READ_ONCE(shared, 'guests') < GUESTS) {
        const a = make(OTHER + me);
        if (a !== 0) come(item.at(a), (random >>> 8) % (2 + KEPT));
      }
      if ((random & 2) !== 0) {
        const gone = go();
        if (gone !== 0) yield* let_go(item.at(gone), kind);
      }
    }
    atomic_inc(shared.changes);
    yield* cond_resched();
  }
  atomic_inc(shared.updaters);
  return 1;
}
/** On each CPU: a timer belongs to the CPU that arms it. */
export function arm() {
  const timer = per_cpu_ptr(timers, smp_processor_id());
  timer_setup(timer, on_timer, 0);
  mod_timer(timer, jiffies() + 1);
}

module_init(function* () {
  for (let id = 0; id < KEPT; id++) {
    const a = make(id);
    if (a === 0) return -12;
    list_add_tail(item.at(a).link, batch);
  }
  yield* list_splice_init_rcu(batch, list, synchronize_rcu);
  for (let c = 0; c < num_online_cpus(); c++) {
    if (broken.value === 0) smp_call_function_single(c, arm, 0, true);
    create_on(updater, c, c, 'updater/%u');
    create_on(walker, c, c, 'walker/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  if (broken.value === 0) for (let c = 0; c < cpus; c++) del_timer_sync(per_cpu_ptr(timers, c));
  yield* rcu_barrier();
  walk();
  pr_info('rculist: %d walks, %d changes on %d CPUs\n', atomic_read(shared.walks), atomic_read(shared.changes), cpus);
  WARN(ended !== 2 * cpus, 'rculist: only %d of %d threads came to the end', ended, 2 * cpus);
  WARN(!list_empty(batch), 'rculist: the list that was spliced is not empty');
  WARN(failures() !== 0, 'rculist: %d broken invariants', failures());
  // A list that its updaters have broken is not walked again.
  for (let n = 0; n < ENDLESS && failures() === 0 && !list_empty(list); n++) {
    const it = list_first_entry(list, item, 'link');
    list_del(it.link);
    kfree(it);
  }
});
MODULE_LICENSE('GPL');
