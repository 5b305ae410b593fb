// Workqueues: items queued by all CPUs from tasks, timers and interrupts, on per-CPU, unbound and ordered queues, delayed
// and cancelled. Every accepted queueing ends in one run or one cancellation; a function never runs twice at once, nor
// after cancel_work_sync; flushes wait for what was queued before; an ordered queue keeps its order, one at a time;
// max_active holds; an item that sleeps lets others of its CPU run.
// broken=1: cancel_work where cancel_work_sync is needed; 2: an item is freed while it runs; 3: what items share has no
// lock; 4: a flush that is forgotten; 5: the order is expected of a queue that has none.
import {
  atomic_dec,
  atomic_dec_return,
  atomic_inc,
  atomic_inc_return,
  atomic_read,
  atomic_t,
} from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { container_of } from 'lockstep/linux/container_of';
import { msleep, udelay } from 'lockstep/linux/delay';
import { GFP_KERNEL } from 'lockstep/linux/gfp';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { in_task } from 'lockstep/linux/preempt';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { kfree, kzalloc } from 'lockstep/linux/slab';
import { num_online_cpus, smp_call_function_single, smp_processor_id } from 'lockstep/linux/smp';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import {
  alloc_ordered_workqueue,
  alloc_workqueue,
  cancel_delayed_work_sync,
  cancel_work,
  cancel_work_sync,
  current_work,
  delayed_work,
  destroy_workqueue,
  disable_work_sync,
  drain_workqueue,
  enable_work,
  flush_delayed_work,
  flush_scheduled_work,
  flush_work,
  flush_workqueue,
  INIT_DELAYED_WORK,
  INIT_WORK,
  mod_delayed_work,
  queue_delayed_work,
  queue_work,
  queue_work_on,
  schedule_on_each_cpu,
  schedule_work,
  system_unbound_wq,
  to_delayed_work,
  WQ_HIGHPRI,
  WQ_UNBOUND,
  work_pending,
  work_struct,
} from 'lockstep/linux/workqueue';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 60);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const SHARED = 4;
const MAX_ACTIVE = 2;
class item extends Struct('item', {
  work: work_struct,
  inside: atomic_t,
  queued: atomic_t,
  cancelled: atomic_t,
  ran: atomic_t,
  wanted: atomic_t,
  seen: u32,
  quiet: u32,
  lock: mutex,
}) {}
const items = DEFINE_STATIC(array(item, SHARED));
class later extends Struct('later', {
  dwork: delayed_work,
  inside: atomic_t,
  queued: atomic_t,
  cancelled: atomic_t,
  ran: atomic_t,
}) {}
const laters = DEFINE_STATIC(array(later, 64));
class numbered extends Struct('numbered', { work: work_struct, number: u32, of: u32 }) {}
class mortal extends Struct('mortal', { work: work_struct, value: u32, pad: array(u32, 12) }) {}
class common extends Struct('common', {
  percpu: ptr(),
  unbound: ptr(),
  ordered: ptr(),
  active: atomic_t,
  last: u32,
  in_order: u32,
  next: u32,
  lock: mutex,
  spin: spinlock_t,
  total: u32,
  totals: atomic_t,
  each: atomic_t,
}) {}
const shared = DEFINE_STATIC(common);

/** Sleeps every now and then, so that other items of its CPU run meanwhile. */
export function* on_item(work: number) {
  const self = container_of(work, item, 'work');
  check(in_task() && current_work() === work, 'a work function outside its worker', current_work(), work);
  check(atomic_inc_return(self.inside) === 1, 'a work function ran twice at once', 2, 1);
  check(READ_ONCE(self, 'quiet') === 0, 'a work function ran after cancel_work_sync', 1, 0);
  const wanted = atomic_read(self.wanted);
  const ran = atomic_inc_return(self.ran);
  if ((ran & 7) === 0) yield* msleep(1);
  else udelay(10);
  self.seen = wanted;
  check(READ_ONCE(self, 'quiet') === 0, 'a work function ran beyond cancel_work_sync', 1, 0);
  atomic_dec(self.inside);
}
export function on_later(work: number) {
  const self = container_of(to_delayed_work(work), later, 'dwork');
  check(atomic_inc_return(self.inside) === 1, 'a delayed work ran twice at once', 2, 1);
  atomic_inc(self.ran);
  atomic_dec(self.inside);
}
/** On a queue that runs one at a time, in order. */
export function* on_numbered(work: number) {
  const self = container_of(work, numbered, 'work');
  check(atomic_inc_return(shared.active) === 1, 'two items of an ordered queue at once', 2, 1);
  if ((self.number & 15) === 3) yield* msleep(1);
  else yield* cond_resched();
  check(self.number === shared.in_order, 'the number of an ordered item', self.number, shared.in_order);
  shared.in_order++;
  atomic_dec(shared.active);
  kfree(self['@addr']);
}
export function on_mortal(work: number) {
  const self = container_of(work, mortal, 'work');
  const value = self.value;
  udelay(20);
  check(READ_ONCE(self, 'value') === value && value === 77, 'an item changed while its function ran', self.value, 77);
  count_up();
}
function count_up(): void {
  if (broken.value !== 3) spin_lock(shared.spin);
  const total = READ_ONCE(shared, 'total');
  udelay(1);
  WRITE_ONCE(shared, 'total', total + 1);
  if (broken.value !== 3) spin_unlock(shared.spin);
  if (broken.value === 3)
    check(READ_ONCE(shared, 'total') === total + 1, 'another item was in the section', shared.total, total + 1);
  atomic_inc(shared.totals);
}
export function on_limited(work: number) {
  check(atomic_inc_return(shared.each) <= num_online_cpus() * MAX_ACTIVE, 'items beyond max_active', 0, 0);
  udelay(5);
  atomic_dec_return(shared.each);
  count_up();
  check(current_work() === work, 'current_work', current_work(), work);
}
export function everywhere(_work: number) {
  atomic_inc(shared.totals);
  spin_lock(shared.spin);
  shared.total++;
  spin_unlock(shared.spin);
}
/** Context: hardirq. */
export function from_interrupt(n: number) {
  enqueue(n, 0);
}
/** Always on the same workqueue: only that never runs an item twice at once. */
function enqueue(n: number, how: number): boolean {
  const x = items.at(n);
  atomic_inc(x.wanted);
  const done =
    n === 0
      ? queue_work(shared.unbound, x.work)
      : n === 1
        ? queue_work_on((how >>> 2) % num_online_cpus(), shared.percpu, x.work)
        : n === 2
          ? schedule_work(x.work)
          : queue_work(system_unbound_wq, x.work);
  if (done) atomic_inc(x.queued);
  return done;
}

/** What is done next: with a broken variant mostly what it breaks. */
function operation(random: number): number {
  if (broken.value === 0 || (broken.value === 1 && (random & 0x30) === 0)) return random & 15;
  return [0, 1, 4, 4, 6, 5][broken.value]!;
}

function* cancel(x: item) {
  yield* mutex_lock(x.lock);
  if (broken.value === 1) {
    enqueue(0, 3);
    yield* cond_resched();
    if (cancel_work(x.work)) atomic_inc(x.cancelled);
  } else if (yield* cancel_work_sync(x.work)) atomic_inc(x.cancelled);
  mutex_unlock(x.lock);
}
/** Disabled, nobody can queue it: then it can be said that it is quiet. */
function* silence(x: item) {
  yield* mutex_lock(x.lock);
  if (broken.value === 1) {
    enqueue(0, 3);
    yield* cond_resched();
    if (cancel_work(x.work)) atomic_inc(x.cancelled);
  } else if (yield* disable_work_sync(x.work)) atomic_inc(x.cancelled);
  WRITE_ONCE(x, 'quiet', 1);
  for (let k = 0; k < 20; k++) check(atomic_read(x.inside) === 0, 'the function runs after cancel_work_sync', 1, 0);
  WRITE_ONCE(x, 'quiet', 0);
  if (broken.value !== 1) enable_work(x.work);
  mutex_unlock(x.lock);
}
/** Items of its own: allocated, run, waited for, freed. */
function* pass_away(me: number, random: number) {
  const p = kzalloc(mortal.size, GFP_KERNEL);
  if (p === 0) return;
  const mine = mortal.at(p);
  mine.value = 77;
  INIT_WORK(mine.work, on_mortal);
  if (broken.value === 2) {
    // Until it has begun, which is not enough.
    queue_work_on((me + 1) % num_online_cpus(), shared.percpu, mine.work);
    for (let k = 0; k < 20000 && work_pending(mine.work); k++) yield* cond_resched();
    mine.value = 0;
    yield* flush_work(mine.work);
  } else {
    queue_work(broken.value === 3 || (random & 0x100) !== 0 ? shared.unbound : shared.percpu, mine.work);
    yield* flush_work(mine.work);
  }
  kfree(p);
}
function* in_order(me: number) {
  yield* mutex_lock(shared.lock);
  for (let k = 0; k < 3; k++) {
    const p = kzalloc(numbered.size, GFP_KERNEL);
    if (p === 0) break;
    const one = numbered.at(p);
    one.number = shared.next++;
    one.of = me;
    INIT_WORK(one.work, on_numbered);
    queue_work(broken.value === 5 ? shared.unbound : shared.ordered, one.work);
  }
  mutex_unlock(shared.lock);
}
/** A flush waits for all that was queued before. */
function* flush_all(random: number) {
  const n = (random >>> 8) & (SHARED - 1);
  const x = items.at(n);
  yield* mutex_lock(x.lock);
  const before = atomic_read(x.wanted);
  // If somebody else is about to queue it, nobody can say when that is.
  const mine = enqueue(n, random >>> 16);
  if (broken.value === 4) yield* cond_resched();
  else if ((random & 0x1000) !== 0) yield* flush_work(x.work);
  else {
    yield* flush_workqueue(shared.percpu);
    yield* flush_workqueue(shared.unbound);
    yield* flush_scheduled_work();
    yield* flush_workqueue(system_unbound_wq);
  }
  if (mine) check((x.seen - before) >> 0 > 0, 'what the function saw after a flush', x.seen, before + 1);
  mutex_unlock(x.lock);
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 13;
  const mine = laters.at(me);
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const n = broken.value === 0 ? (random >>> 8) & (SHARED - 1) : 0;
    switch (operation(random)) {
      case 0:
        yield* cancel(items.at(n));
        break;
      case 1:
        yield* silence(items.at(n));
        break;
      case 2:
        smp_call_function_single((random >>> 16) % cpus, from_interrupt, n, (random & 0x8000) !== 0);
        break;
      case 3:
      case 4:
        yield* pass_away(me, random);
        break;
      case 5:
        yield* in_order(me);
        break;
      case 6:
        yield* flush_all(random);
        break;
      case 7:
        if (queue_delayed_work(shared.percpu, mine.dwork, (random >>> 16) & 3)) atomic_inc(mine.queued);
        break;
      case 8:
        if (mod_delayed_work(shared.unbound, mine.dwork, (random >>> 16) & 1)) atomic_inc(mine.cancelled);
        atomic_inc(mine.queued);
        break;
      case 9:
        if (yield* cancel_delayed_work_sync(mine.dwork)) atomic_inc(mine.cancelled);
        check(atomic_read(mine.inside) === 0, 'a delayed work ran after cancel_delayed_work_sync', 1, 0);
        break;
      case 10:
        yield* flush_delayed_work(mine.dwork);
        break;
      case 11:
        if ((random & 0x70000) === 0) yield* schedule_on_each_cpu(everywhere);
        break;
      case 12: {
        if ((random & 0x30000) !== 0) break;
        const wq = alloc_workqueue('short/%d', (random & 0x100) !== 0 ? WQ_HIGHPRI : 0, 1, me);
        if (wq === 0) break;
        const p = kzalloc(mortal.size, GFP_KERNEL);
        if (p !== 0) {
          mortal.at(p).value = 77;
          INIT_WORK(mortal.at(p).work, on_mortal);
          queue_work_on((random >>> 20) % cpus, wq, mortal.at(p).work);
        }
        yield* destroy_workqueue(wq);
        kfree(p);
        break;
      }
      default:
        enqueue(n, random >>> 16);
    }
    yield* cond_resched();
  }
  if (yield* cancel_delayed_work_sync(mine.dwork)) atomic_inc(mine.cancelled);
  check(smp_processor_id() >= 0, 'a CPU', 0, 0);
  return 1;
}

module_init(() => {
  shared.percpu = alloc_workqueue('percpu', 0, MAX_ACTIVE);
  shared.unbound = alloc_workqueue('unbound', WQ_UNBOUND, 0);
  shared.ordered = alloc_ordered_workqueue('ordered', 0);
  for (let i = 0; i < SHARED; i++) INIT_WORK(items.at(i).work, on_item);
  for (let c = 0; c < num_online_cpus(); c++) {
    INIT_DELAYED_WORK(laters.at(c).dwork, on_later);
    create_on(user, c, c, 'user/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  yield* drain_workqueue(shared.percpu);
  yield* destroy_workqueue(shared.percpu);
  yield* destroy_workqueue(shared.unbound);
  yield* destroy_workqueue(shared.ordered);
  let ran = 0;
  for (let i = 0; i < SHARED; i++) {
    const x = items.at(i);
    yield* flush_work(x.work);
    const done = atomic_read(x.ran) + atomic_read(x.cancelled);
    check(done === atomic_read(x.queued), 'runs and cancellations of an item', done, atomic_read(x.queued));
    ran += atomic_read(x.ran);
  }
  for (let c = 0; c < cpus; c++) {
    const x = laters.at(c);
    const done = atomic_read(x.ran) + atomic_read(x.cancelled);
    check(done === atomic_read(x.queued), 'runs and cancellations of a delayed work', done, atomic_read(x.queued));
    ran += atomic_read(x.ran);
  }
  check(shared.in_order === shared.next, 'ordered items that ran', shared.in_order, shared.next);
  pr_info('workqueues: %d runs, %d in order, %d counted on %d CPUs\n', ran, shared.in_order, shared.total, cpus);
  WARN(ended !== cpus, 'workqueues: only %d of %d threads came to the end', ended, cpus);
  WARN(
    shared.total !== atomic_read(shared.totals),
    'workqueues: increments were lost: %d/%d',
    shared.total,
    atomic_read(shared.totals),
  );
  WARN(failures() !== 0, 'workqueues: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
