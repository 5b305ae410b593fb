// RCU, after the idea of rcutorture. Readers follow `shared.current` to an element, look at it, dawdle (nested sections,
// preemption, interrupts) and look again; updaters replace the element and free the old one by each of the ways there are
// to wait for readers. An element says whether it is being filled in, live, removed or freed, and which one it is: what a
// reader has found must be filled in, and must stay what it is and not be freed until the section ends. Readers are
// threads, timers and interrupts.
// broken=1: frees without a grace period; 2: a reader without rcu_read_lock; 3: publishes an element before it is filled
// in; 4: loses a callback; 5: rcu_dereference outside of a section; 6: waits for the grace period before it removes.
import { atomic_inc, atomic_inc_return, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { container_of } from 'lockstep/linux/container_of';
import { jiffies } from 'lockstep/linux/jiffies';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr } from 'lockstep/linux/percpu';
import { preempt_schedule } from 'lockstep/linux/preempt';
import { pr_info } from 'lockstep/linux/printk';
import {
  call_rcu,
  cond_synchronize_rcu,
  get_state_synchronize_rcu,
  kfree_rcu,
  poll_state_synchronize_rcu,
  rcu_assign_pointer,
  rcu_barrier,
  rcu_dereference,
  rcu_dereference_raw,
  rcu_head,
  rcu_read_lock,
  rcu_read_lock_bh,
  rcu_read_lock_sched,
  rcu_read_unlock,
  rcu_read_unlock_bh,
  rcu_read_unlock_sched,
  rcu_replace_pointer,
  start_poll_synchronize_rcu,
  synchronize_rcu,
  synchronize_rcu_expedited,
} from 'lockstep/linux/rcupdate';
import { cond_resched } from 'lockstep/linux/sched';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { num_online_cpus, smp_call_function_single, smp_processor_id } from 'lockstep/linux/smp';
import { DEFINE_SPINLOCK, spin_lock, spin_unlock } from 'lockstep/linux/spinlock';
import { del_timer_sync, mod_timer, timer_list, timer_setup } from 'lockstep/linux/timer';
import { DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 200);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const FILLING = 0;
const LIVE = 0x11fe;
const REMOVED = 0x2e30;
const FREED = 0xdead;

class element extends Struct('element', { rcu: rcu_head, state: u32, id: u32, copy: u32 }) {}
class table extends Struct('table', {
  current: ptr(),
  ids: u32,
  updaters: atomic_t,
  queued: atomic_t,
  called: atomic_t,
}) {}
const shared = DEFINE_STATIC(table);
const lock = DEFINE_SPINLOCK();
const timers = DEFINE_PER_CPU(timer_list);

/** The first look. */
function look(e: element): number {
  const state = READ_ONCE(e, 'state');
  const id = e.id;
  check(state === LIVE || state === REMOVED, 'an element was found that is not filled in, or freed', state, LIVE);
  check(e.copy === (id ^ 0xffff), 'an element was found that is not filled in', e.copy, id ^ 0xffff);
  return id;
}
/** Later in the same section. */
function look_again(e: element, id: number): void {
  const state = READ_ONCE(e, 'state');
  check(state === LIVE || state === REMOVED, 'an element was freed while a reader had it', state, LIVE);
  check(READ_ONCE(e, 'id') === id, 'an element became another while a reader had it', e.id, id);
}

export function read_in_interrupt() {
  if (broken.value !== 2) rcu_read_lock();
  const e = element.at(rcu_dereference_raw(shared, 'current'));
  look_again(e, look(e));
  if (broken.value !== 2) rcu_read_unlock();
}
export function on_timer(timer: number) {
  rcu_read_lock();
  const e = element.at(rcu_dereference(shared, 'current'));
  const id = look(e);
  for (let n = 0; n < 3; n++) look_again(e, id);
  rcu_read_unlock();
  if (atomic_read(shared.updaters) < num_online_cpus()) mod_timer(timer_list.at(timer), jiffies() + 1);
}

/** What a reader does between its looks. Not a generator for the kinds that must not be preempted. */
function dawdle(e: element, id: number, kind: number, random: number): void {
  if (kind === 1) {
    rcu_read_lock();
    const inner = element.at(rcu_dereference(shared, 'current'));
    look_again(inner, look(inner));
    rcu_read_unlock();
  } else if (kind === 2) smp_call_function_single((random >>> 8) % num_online_cpus(), read_in_interrupt, 0, false);
  look_again(e, id);
}

function* read(random: number) {
  const kind = random & 7;
  if (broken.value === 2) {
    const e = element.at(rcu_dereference_raw(shared, 'current'));
    const id = look(e);
    yield* preempt_schedule();
    for (let n = 0; n < 20; n++) look_again(e, id);
  } else if (broken.value === 5) {
    const e = element.at(rcu_dereference(shared, 'current'));
    look(e);
  } else if (kind === 6) {
    rcu_read_lock_sched();
    const e = element.at(rcu_dereference_raw(shared, 'current'));
    dawdle(e, look(e), 1, random);
    rcu_read_unlock_sched();
  } else if (kind === 7) {
    rcu_read_lock_bh();
    const e = element.at(rcu_dereference_raw(shared, 'current'));
    dawdle(e, look(e), 1, random);
    rcu_read_unlock_bh();
  } else {
    rcu_read_lock();
    const e = element.at(rcu_dereference(shared, 'current'));
    const id = look(e);
    if (kind >= 4) yield* preempt_schedule();
    dawdle(e, id, kind & 3, random);
    if (kind === 5) yield* preempt_schedule();
    look_again(e, id);
    rcu_read_unlock();
  }
}
export function* reader(me: number) {
  let random = me + 4711;
  for (let i = 0; i < rounds.value * 4 && going_on(); i++) {
    random = next_random(random);
    yield* read(random);
    yield* cond_resched();
  }
  return 1;
}

function make(): number {
  const a = kmalloc(element.size, GFP_KERNEL);
  if (a === 0) return 0;
  WRITE_ONCE(element.at(a), 'state', FILLING);
  return a;
}
function fill(a: number): void {
  const e = element.at(a);
  spin_lock(lock);
  const id = shared.ids++;
  spin_unlock(lock);
  e.id = id;
  e.copy = id ^ 0xffff;
  WRITE_ONCE(e, 'state', LIVE);
}
function replace(a: number): element {
  spin_lock(lock);
  const old = element.at(rcu_replace_pointer(shared, 'current', a, true));
  WRITE_ONCE(old, 'state', REMOVED);
  spin_unlock(lock);
  return old;
}
function free(e: element): void {
  const before = READ_ONCE(e, 'state');
  check(before === REMOVED, 'an element was freed twice, or while it was live', before, REMOVED);
  WRITE_ONCE(e, 'state', FREED);
  kfree(e);
}
export function free_later(head: number) {
  free(container_of(head, element, 'rcu'));
  atomic_inc(shared.called);
}

export function* updater(me: number) {
  let random = me + 99;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const a = make();
    if (a === 0) continue;
    if (broken.value === 3) {
      const old = replace(a);
      fill(a);
      yield* synchronize_rcu();
      free(old);
      continue;
    }
    fill(a);
    if (broken.value === 6) {
      yield* synchronize_rcu();
      free(replace(a));
      continue;
    }
    const old = replace(a);
    const kind = broken.value === 1 ? -1 : broken.value === 4 ? 1 : (random >>> 4) % 6;
    if (kind === -1) free(old);
    else if (kind === 0) {
      yield* synchronize_rcu();
      free(old);
    } else if (kind === 1) {
      const n = atomic_inc_return(shared.queued);
      if (broken.value !== 4 || (n & 7) !== 1) call_rcu(old.rcu, free_later);
    } else if (kind === 2) kfree_rcu(old, 'rcu');
    else if (kind === 3) {
      yield* synchronize_rcu_expedited();
      free(old);
    } else if (kind === 4) {
      yield* cond_synchronize_rcu(get_state_synchronize_rcu());
      free(old);
    } else {
      const cookie = start_poll_synchronize_rcu();
      for (let n = 0; n < 4 && !poll_state_synchronize_rcu(cookie); n++) yield* cond_resched();
      if (!poll_state_synchronize_rcu(cookie)) yield* cond_synchronize_rcu(cookie);
      free(old);
    }
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

module_init(() => {
  const first = make();
  if (first === 0) return -12;
  fill(first);
  rcu_assign_pointer(shared, 'current', first);
  for (let c = 0; c < num_online_cpus(); c++) {
    if (broken.value === 0) smp_call_function_single(c, arm, 0, true);
    create_on(updater, c, c, 'updater/%u');
    create_on(reader, c, c, 'reader/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  if (broken.value === 0) for (let c = 0; c < cpus; c++) del_timer_sync(per_cpu_ptr(timers, c));
  yield* rcu_barrier();
  const queued = atomic_read(shared.queued);
  const called = atomic_read(shared.called);
  kfree(shared.current);
  pr_info('rcu: %d elements, %d callbacks on %d CPUs\n', shared.ids, called, cpus);
  WARN(ended !== 2 * cpus, 'rcu: only %d of %d threads came to the end', ended, 2 * cpus);
  WARN(queued !== called, 'rcu: %d callbacks were queued and %d called', queued, called);
  WARN(failures() !== 0, 'rcu: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
