// Kthread workers: a thread of one's own that runs work items in their order. linux/kthread.ts has the public names.
//
// An item is in the worker's list (NODE), or in its list of delayed ones while its timer runs; both, and what the worker
// runs now, are under the worker's LOCK (any context, interrupts off). While CANCELING an item can't be queued. Lock order:
// LOCK, then timer bases and run queues.
import { current_task } from '../cpu/context.js';
import { order_acquire, order_release } from '../cpu/order.js';
import { fill_bytes, ld, st } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { SCHEDULE } from '../cpu/vectors.js';
import { call_sleepable } from '../kernel/call.js';
import { BUG, WARN } from '../kernel/panic.js';
import { text_handle } from '../kernel/text.js';
import { format } from '../kernel/vsprintf.js';
import { GFP_KERNEL } from '../linux/gfp_types.js';
import { kfree, kzalloc } from '../mm/slab.js';
import { complete_raw, init_completion_raw, wait_for_completion_attempt } from './completion.js';
import { __set_current_state, set_current_state, wake_up_process } from './core.js';
import { might_sleep } from './debug.js';
import { kthread_bind, kthread_create_handle, kthread_should_stop, kthread_stop } from './kthread.js';
import { list_init, list_is_empty, list_push_back, list_push_front, list_remove } from './rawlist.js';
import { cond_resched, delegate, drive, ready, schedule_debug, SLEEP, type Sleeping } from './sleep.js';
import { Completion, COMPLETION_FRAME, TASK_INTERRUPTIBLE, TASK_RUNNING, Timer } from './task-layout.js';
import {
  del_timer_sync_raw,
  fresh_jiffies,
  init_timer_raw,
  MAX_SCHEDULE_TIMEOUT,
  mod_timer_raw,
  TIMER_IRQSAFE,
} from './timer.js';

/** struct kthread_worker, kthread_work, kthread_delayed_work. */
export const enum Kworker {
  LOCK = 0,
  WORK_LIST = 8,
  DELAYED_LIST = 16,
  TASK = 24,
  CURRENT = 28,
  FLAGS = 32,
  SIZE = 36,
}
export const enum Kwork {
  NODE = 0,
  FUNC = 8,
  WORKER = 12,
  CANCELING = 16,
  SIZE = 20,
  TIMER = 24,
  DELAYED_SIZE = TIMER + Timer.SIZE,
}
const ENOMEM = 12;

export function kthread_init_worker_raw(worker: number): void {
  fill_bytes(worker, 0, Kworker.SIZE);
  arch_spin_init(worker);
  list_init(worker + Kworker.WORK_LIST);
  list_init(worker + Kworker.DELAYED_LIST);
}
export function kthread_init_work_raw(work: number, fn: number): void {
  fill_bytes(work, 0, Kwork.SIZE);
  list_init(work + Kwork.NODE);
  st(work + Kwork.FUNC, fn);
}
export function kthread_init_delayed_work_raw(dwork: number, fn: number): void {
  kthread_init_work_raw(dwork, fn);
  init_timer_raw(dwork + Kwork.TIMER, text_handle(kthread_delayed_work_timer_fn), TIMER_IRQSAFE);
}

const is_queued = (work: number): boolean => !list_is_empty(work + Kwork.NODE);
const unlink = (work: number): void => list_remove(work + Kwork.NODE);
function check(worker: number, work: number, what: string): void {
  if (worker === 0) BUG(`${what}: the worker is NULL`);
  if (ld(work + Kwork.FUNC) === 0)
    BUG(`${what}: the work item ${lock_text(work)} has no function: set it up with kthread_init_work`);
  const last = ld(work + Kwork.WORKER);
  WARN(last !== 0 && last !== worker, '%s: %s belongs to another worker', what, lock_text(work));
}

// ---- the thread -----------------------------------------------------------------------------------------------------
/** The next item, which is no longer queued then; 0 if there is none. */
function next_work(worker: number): number {
  const flags = lock_irqsave(worker);
  const first = ld(worker + Kworker.WORK_LIST);
  const work = first === worker + Kworker.WORK_LIST ? 0 : first - Kwork.NODE;
  if (work !== 0) unlink(work);
  st(worker + Kworker.CURRENT, work);
  unlock_irqrestore(worker, flags);
  return work;
}
/** Runs items until kthread_stop, which does not wait for those that are queued. Context: a thread. */
export function* kthread_worker_fn(worker: number): Sleeping<number> {
  WARN(
    ld(worker + Kworker.TASK) !== 0 && ld(worker + Kworker.TASK) !== current_task(),
    'kthread_worker_fn: two threads',
  );
  st(worker + Kworker.TASK, current_task());
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE); // before the look: see wake
    if (kthread_should_stop()) {
      __set_current_state(TASK_RUNNING);
      const flags = lock_irqsave(worker);
      st(worker + Kworker.TASK, 0);
      unlock_irqrestore(worker, flags);
      return 0;
    }
    const work = next_work(worker);
    if (work === 0) {
      schedule_debug();
      yield SCHEDULE;
    } else {
      __set_current_state(TASK_RUNNING);
      order_acquire(work);
      yield* call_sleepable(ld(work + Kwork.FUNC), work);
    }
    yield* cond_resched();
  }
}

// ---- queueing, under LOCK -------------------------------------------------------------------------------------------
function insert(worker: number, work: number, after: number): void {
  order_release(work);
  list_push_front(work + Kwork.NODE, after);
  st(work + Kwork.WORKER, worker);
  const task = ld(worker + Kworker.TASK);
  if (ld(worker + Kworker.CURRENT) === 0 && task !== 0) wake_up_process(task);
}
const append = (worker: number, work: number): void => insert(worker, work, ld(worker + Kworker.WORK_LIST + 4));
const blocked = (work: number): boolean => is_queued(work) || ld(work + Kwork.CANCELING) !== 0;

/** Context: any. Return: false if it is queued already, or being cancelled. */
export function kthread_queue_work_raw(worker: number, work: number): boolean {
  check(worker, work, 'kthread_queue_work');
  const flags = lock_irqsave(worker);
  const queued = !blocked(work);
  if (queued) append(worker, work);
  unlock_irqrestore(worker, flags);
  return queued;
}
function queue_delayed(worker: number, dwork: number, delay: number): void {
  if (delay === 0) return append(worker, dwork);
  list_push_back(dwork + Kwork.NODE, worker + Kworker.DELAYED_LIST);
  st(dwork + Kwork.WORKER, worker);
  order_release(dwork);
  mod_timer_raw(dwork + Kwork.TIMER, fresh_jiffies() + delay);
}
/** `delay` in jiffies. Context: any. Return: as kthread_queue_work_raw. */
export function kthread_queue_delayed_work_raw(worker: number, dwork: number, delay: number): boolean {
  check(worker, dwork, 'kthread_queue_delayed_work');
  const flags = lock_irqsave(worker);
  const queued = !blocked(dwork);
  if (queued) queue_delayed(worker, dwork, delay);
  unlock_irqrestore(worker, flags);
  return queued;
}
/** The time has come. Context: timer, interrupts off. */
export function kthread_delayed_work_timer_fn(timer: number): void {
  const dwork = timer - Kwork.TIMER;
  const worker = ld(dwork + Kwork.WORKER);
  if (WARN(worker === 0, 'kthread_delayed_work_timer_fn: no worker')) return;
  const flags = lock_irqsave(worker);
  if (is_queued(dwork)) unlink(dwork);
  if (ld(dwork + Kwork.CANCELING) === 0) append(worker, dwork);
  unlock_irqrestore(worker, flags);
}

// ---- waiting --------------------------------------------------------------------------------------------------------
// Frame of a flush: started, nothing to wait for; a work item; a completion; the wait for it.
const STARTED = 0;
const WORK = 8;
const DONE = WORK + 24;
const WAIT = (DONE + Completion.SIZE + 7) & ~7;
export const KTHREAD_FLUSH_FRAME = WAIT + COMPLETION_FRAME;

/** The function of the item on a frame. Context: the worker. */
export function kthread_flush_work_fn(work: number): void {
  complete_raw(work - WORK + DONE);
}
/** Puts the frame's item behind `work`, or (0) behind all of the worker's. Return: false if there is nothing to wait for. */
function queue_flush(frame: number, worker: number, work: number): boolean {
  kthread_init_work_raw(frame + WORK, text_handle(kthread_flush_work_fn));
  init_completion_raw(frame + DONE);
  const flags = lock_irqsave(worker);
  const waits = work === 0 || is_queued(work) || ld(worker + Kworker.CURRENT) === work;
  if (work === 0) append(worker, frame + WORK);
  else if (is_queued(work)) insert(worker, frame + WORK, work + Kwork.NODE);
  else if (waits) insert(worker, frame + WORK, worker + Kworker.WORK_LIST);
  unlock_irqrestore(worker, flags);
  return waits;
}
/** `work` 0: all that is queued. Result: 0. */
export function kthread_flush_attempt(frame: number, worker: number, work: number): number {
  if (ld(frame + STARTED) === 0) {
    st(frame + STARTED, 1);
    if (!queue_flush(frame, worker, work)) return 0;
  }
  return wait_for_completion_attempt(frame + WAIT, frame + DONE, MAX_SCHEDULE_TIMEOUT) === SLEEP ? SLEEP : 0;
}
function check_not_own(worker: number, what: string): void {
  if (ld(worker + Kworker.TASK) === current_task()) BUG(`${what} by the worker's own item: it would wait for itself`);
}
/** Waits until the item, if it is queued or runs, has run. Context: task. */
export function kthread_flush_work_raw(work: number): Sleeping<number> {
  might_sleep('kthread_flush_work');
  const worker = ld(work + Kwork.WORKER);
  if (worker === 0) return ready(0);
  check_not_own(worker, 'kthread_flush_work');
  return delegate(drive(kthread_flush_attempt, KTHREAD_FLUSH_FRAME, worker, work));
}
/** Waits until all that is queued has run; not for delayed work whose time has not come. Context: task. */
export function kthread_flush_worker_raw(worker: number): Sleeping<number> {
  might_sleep('kthread_flush_worker');
  check_not_own(worker, 'kthread_flush_worker');
  return delegate(drive(kthread_flush_attempt, KTHREAD_FLUSH_FRAME, worker, 0));
}

/** Stops the timer of a delayed item, which can't be queued meanwhile. */
function cancel_timer(worker: number, dwork: number): void {
  let flags = lock_irqsave(worker);
  st(dwork + Kwork.CANCELING, ld(dwork + Kwork.CANCELING) + 1);
  unlock_irqrestore(worker, flags);
  del_timer_sync_raw(dwork + Kwork.TIMER);
  flags = lock_irqsave(worker);
  st(dwork + Kwork.CANCELING, ld(dwork + Kwork.CANCELING) - 1);
  unlock_irqrestore(worker, flags);
}
// Frame of a cancellation: what is to be done next, the result; then a flush.
const RESULT = 4;
const FLUSH = 8;
export const KTHREAD_CANCEL_FRAME = FLUSH + KTHREAD_FLUSH_FRAME;
/** Result: 1 if it was queued. */
export function kthread_cancel_attempt(frame: number, work: number, delayed: number): number {
  const worker = ld(work + Kwork.WORKER);
  if (ld(frame) === 0) {
    if (delayed !== 0) cancel_timer(worker, work);
    const flags = lock_irqsave(worker);
    const was = is_queued(work);
    if (was) unlink(work);
    const runs = ld(worker + Kworker.CURRENT) === work;
    if (runs) st(work + Kwork.CANCELING, ld(work + Kwork.CANCELING) + 1);
    unlock_irqrestore(worker, flags);
    if (!runs) return was ? 1 : 0;
    st(frame, 1);
    st(frame + RESULT, was ? 1 : 0);
  }
  if (kthread_flush_attempt(frame + FLUSH, worker, work) === SLEEP) return SLEEP;
  const flags = lock_irqsave(worker);
  st(work + Kwork.CANCELING, ld(work + Kwork.CANCELING) - 1);
  unlock_irqrestore(worker, flags);
  return ld(frame + RESULT);
}
/** Takes the item back and waits until it does not run. Context: task. Return: true if it was queued. */
export function* kthread_cancel_raw(work: number, delayed: boolean, what: string): Sleeping<boolean> {
  might_sleep(what);
  const worker = ld(work + Kwork.WORKER);
  if (worker === 0) return false;
  check_not_own(worker, what);
  return (yield* drive(kthread_cancel_attempt, KTHREAD_CANCEL_FRAME, work, delayed ? 1 : 0)) !== 0;
}
/** Queues it anew, to run in `delay` jiffies. Context: task or softirq. Return: true if it was queued. */
export function kthread_mod_delayed_work_raw(worker: number, dwork: number, delay: number): boolean {
  check(worker, dwork, 'kthread_mod_delayed_work');
  if (ld(dwork + Kwork.WORKER) !== 0) cancel_timer(worker, dwork);
  const flags = lock_irqsave(worker);
  const was = is_queued(dwork);
  if (ld(dwork + Kwork.CANCELING) === 0) {
    if (was) unlink(dwork);
    queue_delayed(worker, dwork, delay);
  }
  unlock_irqrestore(worker, flags);
  return was;
}

// ---- making and destroying ------------------------------------------------------------------------------------------
/** `on` -1: any CPU. Context: task. Return: the worker, -ENOMEM. */
export function kthread_create_worker_raw(on: number, flags: number, namefmt: string, args: unknown[]): number {
  const worker = kzalloc(Kworker.SIZE, GFP_KERNEL);
  if (worker === 0) return -ENOMEM;
  kthread_init_worker_raw(worker);
  st(worker + Kworker.FLAGS, flags);
  const task = kthread_create_handle(text_handle(kthread_worker_fn), worker, format(namefmt, args), 0);
  if (task < 0) {
    kfree(worker);
    return task;
  }
  if (on >= 0) kthread_bind(task, on);
  st(worker + Kworker.TASK, task);
  wake_up_process(task);
  return worker;
}
/** Runs what is queued, ends the thread and frees the worker. Context: task. */
export function* kthread_destroy_worker_raw(worker: number): Sleeping<number> {
  might_sleep('kthread_destroy_worker');
  const task = ld(worker + Kworker.TASK);
  if (WARN(task === 0, 'kthread_destroy_worker: it has no thread')) return 0;
  yield* kthread_flush_worker_raw(worker);
  yield* kthread_stop(task);
  WARN(!list_is_empty(worker + Kworker.DELAYED_LIST), 'kthread_destroy_worker: delayed work is still to come');
  WARN(!list_is_empty(worker + Kworker.WORK_LIST), 'kthread_destroy_worker: work was queued meanwhile');
  kfree(worker);
  return 0;
}
