// SRCU: readers that sleep inside their sections, readers in softirqs and interrupts, sections that begin in a task and end
// in an interrupt of another CPU. Updaters replace one element and free the old one after a grace period, waited for in
// every way: no reader may see an element that is not filled in, that is freed, or that becomes another while it has it.
// Updaters also make and clean up srcu_structs of their own, whose callbacks must have run by then.
// broken=1: frees without a grace period; 2: readers without srcu_read_lock; 3: readers in another srcu_struct than the
// updaters wait for; 4: a section is ended by another index.
import { atomic_inc, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { container_of } from 'lockstep/linux/container_of';
import { msleep } from 'lockstep/linux/delay';
import { jiffies } from 'lockstep/linux/jiffies';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_MUTEX, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { DEFINE_PER_CPU, per_cpu_ptr } from 'lockstep/linux/percpu';
import { pr_info } from 'lockstep/linux/printk';
import { rcu_assign_pointer, rcu_head } from 'lockstep/linux/rcupdate';
import { cond_resched } from 'lockstep/linux/sched';
import { GFP_KERNEL, kfree, kzalloc } from 'lockstep/linux/slab';
import { num_online_cpus, smp_call_function_single, smp_processor_id } from 'lockstep/linux/smp';
import {
  call_srcu,
  cleanup_srcu_struct,
  DEFINE_SRCU,
  get_state_synchronize_srcu,
  init_srcu_struct,
  poll_state_synchronize_srcu,
  srcu_barrier,
  srcu_dereference,
  srcu_dereference_check,
  srcu_down_read,
  srcu_read_lock,
  srcu_read_unlock,
  srcu_struct,
  srcu_up_read,
  start_poll_synchronize_srcu,
  synchronize_srcu,
  synchronize_srcu_expedited,
} from 'lockstep/linux/srcu';
import { del_timer_sync, mod_timer, timer_list, timer_setup } from 'lockstep/linux/timer';
import { DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 100);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const LIVE = 0x11fe;
const REMOVED = 0xdead;
const FREED = 0xf4ee;
class element extends Struct('element', { state: u32, id: u32, copy: u32, rcu: rcu_head }) {}
/** A domain that one updater makes for itself. */
class domain extends Struct('domain', { srcu: srcu_struct, rcu: rcu_head, ran: u32 }) {}
class table extends Struct('table', {
  current: ptr(),
  ids: u32,
  updaters: atomic_t,
  queued: atomic_t,
  called: atomic_t,
  sections: atomic_t,
}) {}
const shared = DEFINE_STATIC(table);
const update = DEFINE_MUTEX();
const readers = DEFINE_SRCU();
const others = DEFINE_SRCU();
const timers = DEFINE_PER_CPU(timer_list);

const domain_of_readers = (): srcu_struct => (broken.value === 3 ? others : readers);

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

/** One section that is not left: in softirqs and interrupts. */
function read_at_once(): void {
  const ssp = domain_of_readers();
  const idx = srcu_read_lock(ssp);
  const e = element.at(srcu_dereference(shared, 'current', ssp));
  const id = look(e);
  for (let n = 0; n < 3; n++) look_again(e, id);
  srcu_read_unlock(ssp, idx);
  atomic_inc(shared.sections);
}
export function read_in_interrupt() {
  read_at_once();
}
/** Ends the section that a task of another CPU has begun. */
export function end_section(idx: number) {
  srcu_up_read(domain_of_readers(), idx);
}
export function on_timer(timer: number) {
  read_at_once();
  if (atomic_read(shared.updaters) < num_online_cpus()) mod_timer(timer_list.at(timer), jiffies() + 1);
}

function* read(random: number) {
  const ssp = domain_of_readers();
  const kind = random & 7;
  if (broken.value === 2) {
    const e = element.at(srcu_dereference_check(shared, 'current', ssp, true));
    const id = look(e);
    yield* cond_resched();
    for (let n = 0; n < 20; n++) look_again(e, id);
    return;
  }
  if (kind === 7) {
    // Ended elsewhere; the task itself has nothing of it any more.
    smp_call_function_single((random >>> 8) % num_online_cpus(), end_section, srcu_down_read(ssp), false);
    return;
  }
  const idx = srcu_read_lock(ssp);
  const e = element.at(srcu_dereference(shared, 'current', ssp));
  const id = look(e);
  if (kind === 0) yield* msleep(1);
  else if (kind < 3) yield* cond_resched();
  look_again(e, id);
  if (kind === 4) {
    // Nested; perhaps by another index.
    const inner = srcu_read_lock(ssp);
    const second = element.at(srcu_dereference(shared, 'current', ssp));
    const other = look(second);
    yield* cond_resched();
    look_again(second, other);
    srcu_read_unlock(ssp, inner);
  } else if (kind === 5) smp_call_function_single((random >>> 8) % num_online_cpus(), read_in_interrupt, 0, false);
  for (let n = 0; n < 5; n++) look_again(e, id);
  srcu_read_unlock(ssp, broken.value === 4 ? idx ^ 1 : idx);
  atomic_inc(shared.sections);
}
export function* reader(me: number) {
  let random = me + 5;
  while (atomic_read(shared.updaters) < num_online_cpus() && going_on()) {
    random = next_random(random);
    yield* read(random >>> 3);
    yield* cond_resched();
  }
  return 1;
}

function free(e: element): void {
  WRITE_ONCE(e, 'state', FREED);
  kfree(e);
}
export function free_later(head: number) {
  atomic_inc(shared.called);
  free(container_of(head, element, 'rcu'));
}
export function on_own(head: number) {
  container_of(head, domain, 'rcu').ran++;
}

/** Makes a domain, uses it and cleans it up. */
function* own_domain() {
  const p = kzalloc(domain.size, GFP_KERNEL);
  if (p === 0) return;
  const own = domain.at(p);
  if (init_srcu_struct(own.srcu) === 0) {
    const before = get_state_synchronize_srcu(own.srcu);
    const idx = srcu_read_lock(own.srcu);
    call_srcu(own.srcu, own.rcu, on_own);
    yield* cond_resched();
    check(own.ran === 0, 'a callback ran in the middle of a section that had begun before', own.ran, 0);
    check(!poll_state_synchronize_srcu(own.srcu, before), 'a grace period ended before a reader', 1, 0);
    srcu_read_unlock(own.srcu, idx);
    yield* srcu_barrier(own.srcu);
    check(own.ran === 1, 'callbacks that ran before srcu_barrier returned', own.ran, 1);
    yield* cleanup_srcu_struct(own.srcu);
  }
  kfree(p);
}

export function* updater(me: number) {
  let random = me + 91;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const kind = broken.value === 1 ? -1 : (random >>> 4) & 3;
    if ((random & 0xf000) === 0) yield* own_domain();
    const p = kzalloc(element.size, GFP_KERNEL);
    if (p === 0) return 0;
    const made = element.at(p);
    yield* mutex_lock(update);
    made.id = ++shared.ids;
    made.copy = made.id ^ 0xffff;
    made.state = LIVE;
    const old = element.at(shared.current);
    rcu_assign_pointer(shared, 'current', p);
    WRITE_ONCE(old, 'state', REMOVED);
    mutex_unlock(update);
    switch (kind) {
      case -1:
        free(old);
        break;
      case 0:
        yield* synchronize_srcu(readers);
        free(old);
        break;
      case 1:
        atomic_inc(shared.queued);
        call_srcu(readers, old.rcu, free_later);
        break;
      case 2:
        yield* synchronize_srcu_expedited(readers);
        free(old);
        break;
      default: {
        const cookie = start_poll_synchronize_srcu(readers);
        for (let n = 0; n < 4 && !poll_state_synchronize_srcu(readers, cookie); n++) yield* cond_resched();
        if (!poll_state_synchronize_srcu(readers, cookie)) yield* synchronize_srcu(readers);
        free(old);
      }
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
  const p = kzalloc(element.size, GFP_KERNEL);
  if (p === 0) return -12;
  const first = element.at(p);
  first.copy = first.id ^ 0xffff;
  first.state = LIVE;
  rcu_assign_pointer(shared, 'current', p);
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
  yield* srcu_barrier(readers);
  const queued = atomic_read(shared.queued);
  const called = atomic_read(shared.called);
  kfree(shared.current);
  pr_info('srcu: %d elements, %d callbacks on %d CPUs\n', shared.ids, called, cpus);
  WARN(ended !== 2 * cpus, 'srcu: only %d of %d threads came to the end', ended, 2 * cpus);
  WARN(queued !== called, 'srcu: %d callbacks were queued and %d called', queued, called);
  WARN(failures() !== 0, 'srcu: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
