// Kthread workers: a worker on each CPU, items that all CPUs queue, delay, flush and take back, in tasks and in interrupts.
// A worker runs one item at a time; every queueing that was not refused ends in one run or one cancellation; after a
// cancellation an item neither runs nor is queued, and after a flush what was queued before has run.
// broken=1: an item is given up without kthread_cancel_work_sync; 2: a flush is forgotten; 3: data that the items of several
// workers share has no lock.
import { atomic_dec, atomic_inc, atomic_inc_return, atomic_read, atomic_t } from 'lockstep/linux/atomic';
import { WARN } from 'lockstep/linux/bug';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { container_of } from 'lockstep/linux/container_of';
import { msleep, udelay } from 'lockstep/linux/delay';
import {
  kthread_cancel_delayed_work_sync,
  kthread_cancel_work_sync,
  kthread_create_worker_on_cpu,
  kthread_delayed_work,
  kthread_destroy_worker,
  kthread_flush_work,
  kthread_flush_worker,
  kthread_init_delayed_work,
  kthread_init_work,
  kthread_mod_delayed_work,
  kthread_queue_delayed_work,
  kthread_queue_work,
  kthread_work,
  to_kthread_delayed_work,
} from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched } from 'lockstep/linux/sched';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { array, DEFINE_STATIC, int, ptr, Struct, u32 } from 'lockstep/linux/types';
import { check, create_on, failures, going_on, next_random, start_all, stop_all } from './lib.js';

const rounds = DEFINE_STATIC(int, 60);
module_param(rounds, int, 0o444);
const broken = DEFINE_STATIC(int, 0);
module_param(broken, int, 0o444);

const MAX_CPUS = 64;
/** Of each worker: an item that all CPUs queue, and one that its own CPU gives up again and again. */
class place extends Struct('place', {
  worker: ptr(),
  inside: atomic_t,
  work: kthread_work,
  queued: atomic_t,
  ran: atomic_t,
  cancelled: atomic_t,
  /** Nobody may find the function running while this is set; under `lock`, without which nobody queues. */
  quiet: u32,
  lock: mutex,
  mortal: kthread_work,
  dead: u32,
  flushed: kthread_work,
  seen: u32,
}) {}
class later extends Struct('later', {
  dwork: kthread_delayed_work,
  queued: atomic_t,
  ran: atomic_t,
  cancelled: atomic_t,
}) {}
class things extends Struct('things', {
  places: array(place, MAX_CPUS),
  laters: array(later, MAX_CPUS),
  lock: spinlock_t,
  total: u32,
  totals: atomic_t,
}) {}
const shared = DEFINE_STATIC(things);

/** What the items of all workers share. */
function count_up(): void {
  if (broken.value !== 3) spin_lock(shared.lock);
  const total = READ_ONCE(shared, 'total');
  udelay(1);
  WRITE_ONCE(shared, 'total', total + 1);
  if (broken.value !== 3) spin_unlock(shared.lock);
  atomic_inc(shared.totals);
}
export function* on_work(work: number) {
  const p = container_of(work, place, 'work');
  check(atomic_inc_return(p.inside) === 1, 'a worker ran two items at once', 2, 1);
  check(READ_ONCE(p, 'quiet') === 0, 'an item ran after kthread_cancel_work_sync', 1, 0);
  if ((atomic_inc_return(p.ran) & 7) === 0) yield* msleep(1);
  count_up();
  check(READ_ONCE(p, 'quiet') === 0, 'an item ran beyond kthread_cancel_work_sync', 1, 0);
  atomic_dec(p.inside);
}
export function* on_mortal(work: number) {
  const p = container_of(work, place, 'mortal');
  check(READ_ONCE(p, 'dead') === 0, 'an item ran that was given up', 1, 0);
  yield* cond_resched();
  udelay(10);
  check(READ_ONCE(p, 'dead') === 0, 'an item was given up while it ran', 1, 0);
}
export function on_flushed(work: number) {
  const p = container_of(work, place, 'flushed');
  udelay(2);
  WRITE_ONCE(p, 'seen', p.seen + 1);
}
export function on_later(work: number) {
  atomic_inc(container_of(to_kthread_delayed_work(work), later, 'dwork').ran);
  count_up();
}

function queue(p: place): void {
  if (kthread_queue_work(p.worker, p.work)) atomic_inc(p.queued);
}
/** Its own item, which nobody cancels. Context: hardirq. */
export function from_interrupt(me: number) {
  const p = shared.places.at(me);
  kthread_queue_work(p.worker, p.flushed);
}

/** On the worker of another CPU. */
function* give_up(p: place, worker: number) {
  p.dead = 0;
  kthread_init_work(p.mortal, on_mortal);
  kthread_queue_work(worker, p.mortal);
  yield* cond_resched();
  if (broken.value !== 1) yield* kthread_cancel_work_sync(p.mortal);
  WRITE_ONCE(p, 'dead', 1);
  for (let n = 0; n < 20; n++) READ_ONCE(p, 'dead');
  if (broken.value === 1) yield* kthread_cancel_work_sync(p.mortal);
}
function* flush(p: place, whole: boolean) {
  const before = READ_ONCE(p, 'seen');
  kthread_queue_work(p.worker, p.flushed);
  if (broken.value !== 2) yield* whole ? kthread_flush_worker(p.worker) : kthread_flush_work(p.flushed);
  check(READ_ONCE(p, 'seen') > before, 'what was queued before a flush has not run', p.seen, before + 1);
}
function* cancel(p: place) {
  yield* mutex_lock(p.lock);
  if (yield* kthread_cancel_work_sync(p.work)) atomic_inc(p.cancelled);
  WRITE_ONCE(p, 'quiet', 1);
  for (let n = 0; n < 50; n++) check(atomic_read(p.inside) === 0, 'an item runs after its cancellation', 1, 0);
  WRITE_ONCE(p, 'quiet', 0);
  mutex_unlock(p.lock);
}
/** The delayed item of this CPU, which nobody else touches. */
function* delay(me: number, random: number) {
  const x = shared.laters.at(me);
  const { worker } = shared.places.at(me);
  const jiffies = (random >>> 4) & 3;
  switch (random & 3) {
    case 0:
      if (yield* kthread_cancel_delayed_work_sync(x.dwork)) atomic_inc(x.cancelled);
      break;
    case 1:
      if (!kthread_mod_delayed_work(worker, x.dwork, jiffies)) atomic_inc(x.queued);
      break;
    default:
      if (kthread_queue_delayed_work(worker, x.dwork, jiffies)) atomic_inc(x.queued);
  }
}

export function* user(me: number) {
  const cpus = num_online_cpus();
  let random = me + 19;
  for (let i = 0; i < rounds.value && going_on(); i++) {
    random = next_random(random);
    const p = shared.places.at((random >>> 8) % cpus);
    const mine = shared.places.at(me);
    const kind = broken.value === 0 ? random & 7 : [0, 2, 3, 1][broken.value]!;
    switch (kind) {
      case 0:
      case 1:
        yield* mutex_lock(p.lock);
        queue(p);
        mutex_unlock(p.lock);
        break;
      case 2:
        yield* give_up(mine, shared.places.at((me + 1) % cpus).worker);
        break;
      case 3:
      case 4:
        yield* flush(mine, kind === 3);
        break;
      case 5:
        yield* cancel(p);
        break;
      case 6:
        yield* delay(me, random >>> 12);
        break;
      default:
        smp_call_function_single((random >>> 16) % cpus, from_interrupt, me, false);
    }
    yield* cond_resched();
  }
  const x = shared.laters.at(me);
  if (yield* kthread_cancel_delayed_work_sync(x.dwork)) atomic_inc(x.cancelled);
  return 1;
}

function* destroy_all() {
  for (let c = 0; c < num_online_cpus(); c++) {
    const { worker } = shared.places.at(c);
    if (worker > 0) yield* kthread_destroy_worker(worker);
  }
}
module_init(function* () {
  const cpus = num_online_cpus();
  for (let c = 0; c < cpus; c++) {
    const p = shared.places.at(c);
    const worker = kthread_create_worker_on_cpu(c, 0, 'torture/%u', c);
    if (worker < 0) {
      yield* destroy_all();
      return worker;
    }
    p.worker = worker;
    kthread_init_work(p.work, on_work);
    kthread_init_work(p.flushed, on_flushed);
    kthread_init_delayed_work(shared.laters.at(c).dwork, on_later);
    create_on(user, c, c, 'user/%u');
  }
  start_all();
  return 0;
});
module_exit(function* () {
  const cpus = num_online_cpus();
  const ended = yield* stop_all();
  yield* destroy_all(); // which runs what is queued
  let ran = 0;
  for (let c = 0; c < cpus; c++) {
    const p = shared.places.at(c);
    const x = shared.laters.at(c);
    ran += atomic_read(p.ran) + atomic_read(x.ran);
    const work = atomic_read(p.ran) + atomic_read(p.cancelled);
    check(work === atomic_read(p.queued), 'runs and cancellations of an item', work, atomic_read(p.queued));
    const delayed = atomic_read(x.ran) + atomic_read(x.cancelled);
    check(
      delayed === atomic_read(x.queued),
      'runs and cancellations of a delayed item',
      delayed,
      atomic_read(x.queued),
    );
  }
  pr_info('kthread-workers: %d runs on %d CPUs\n', ran, cpus);
  WARN(ended !== cpus, 'kthread-workers: only %d of %d threads came to the end', ended, cpus);
  const totals = atomic_read(shared.totals);
  WARN(shared.total !== totals, 'kthread-workers: increments were lost: %d/%d', shared.total, totals);
  WARN(failures() !== 0, 'kthread-workers: %d broken invariants', failures());
});
MODULE_LICENSE('GPL');
