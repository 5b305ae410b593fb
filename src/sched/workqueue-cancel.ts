// Workqueues: taking items back, disabling them, and delayed work. See workqueue.ts for the rest.
//
// Everything here first takes possession of the item: it stops its timer, claims PENDING, or takes it off the list that it
// is in (grab). Between a timer's end and the queueing, with interrupts off on that CPU, nobody can: then one tries again.
import { Mach, Pcpu } from '../machine/memory-map.js';
import { my } from '../cpu/context.js';
import { local_irq_restore, local_irq_save } from '../cpu/irqflags.js';
import { cpu_relax } from '../cpu/park.js';
import { order_release } from '../cpu/order.js';
import { a_and, a_or, a_st, ld, st, STEPPED } from '../cpu/raw.js';
import { lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { GFP_KERNEL } from '../linux/gfp_types.js';
import { kfree, kmalloc } from '../mm/slab.js';
import { BUG, WARN } from '../kernel/panic.js';
import { might_sleep } from './debug.js';
import { list_remove } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import {
  del_timer_raw,
  del_timer_sync_raw,
  fresh_jiffies,
  init_timer_raw,
  mod_timer_raw,
  TIMER_IRQSAFE,
} from './timer.js';
import { Timer } from './task-layout.js';
import { text_handle } from '../kernel/text.js';
import { check_not_own_work, flush_work_attempt } from './workqueue-flush.js';
import {
  activate,
  check_work,
  check_wq,
  claim_work,
  clear_pending_if_disabled,
  find_executing,
  insert_claimed,
  leave_pwq,
  pool_of_work,
  queue_work_raw,
} from './workqueue.js';
import {
  Delayed,
  FLUSH_WORK_FRAME,
  Pwq,
  SystemWq,
  system_wq_at,
  Work,
  WORK_ADDRESS,
  WORK_INACTIVE,
  WORK_PENDING,
  WORK_PWQ,
} from './work-layout.js';

const ENOMEM = 12;

// ---- setting up -------------------------------------------------------------------------------------------------------
export function init_work_raw(work: number, fn: number): void {
  st(work + Work.DATA, 0);
  st(work + Work.ENTRY, work + Work.ENTRY);
  st(work + Work.ENTRY + 4, work + Work.ENTRY);
  st(work + Work.FUNC, fn);
  st(work + Work.OWNER, ld(my + Pcpu.ALLOC_OWNER));
  st(work + Work.DISABLE, 0);
}
export function init_delayed_work_raw(dwork: number, fn: number): void {
  init_work_raw(dwork + Delayed.WORK, fn);
  init_timer_raw(dwork + Delayed.TIMER, text_handle(delayed_work_timer_fn), TIMER_IRQSAFE);
  st(dwork + Delayed.WQ, 0);
  st(dwork + Delayed.CPU, -1);
}

// ---- delayed work -----------------------------------------------------------------------------------------------------
/** The time has come. Context: timer, interrupts off. */
export function delayed_work_timer_fn(timer: number): void {
  const dwork = timer - Delayed.TIMER;
  insert_claimed(ld(dwork + Delayed.CPU), ld(dwork + Delayed.WQ), dwork + Delayed.WORK);
}
/** Of an item whose PENDING the caller has claimed. Context: interrupts off. */
function arm_claimed(on: number, wq: number, dwork: number, delay: number): void {
  if (delay === 0) return insert_claimed(on, wq, dwork + Delayed.WORK);
  st(dwork + Delayed.WQ, wq);
  st(dwork + Delayed.CPU, on);
  if (ld(dwork + Delayed.WORK + Work.OWNER) === 0) st(dwork + Delayed.WORK + Work.OWNER, ld(my + Pcpu.ALLOC_OWNER));
  mod_timer_raw(dwork + Delayed.TIMER, fresh_jiffies() + delay);
}
function check_delayed(on: number, wq: number, dwork: number, what: string): boolean {
  check_work(dwork + Delayed.WORK, what);
  check_wq(wq, what);
  const fn = ld(dwork + Delayed.TIMER + Timer.FUNCTION);
  if (
    WARN(
      fn !== text_handle(delayed_work_timer_fn),
      '%s: %s is no delayed work: set it up with INIT_DELAYED_WORK',
      what,
      lock_text(dwork),
    )
  )
    return false;
  return !WARN(on >= ld(Mach.CPUS), '%s: there is no CPU %d', what, on);
}
/** `delay` in jiffies. Context: any. Return: false if it is pending already, or disabled. */
export function queue_delayed_work_raw(on: number, wq: number, dwork: number, delay: number): boolean {
  if (!check_delayed(on, wq, dwork, 'queue_delayed_work')) return false;
  order_release(dwork + Delayed.WORK);
  const flags = local_irq_save();
  const claimed = claim_work(dwork + Delayed.WORK);
  if (claimed) arm_claimed(on, wq, dwork, delay);
  local_irq_restore(flags);
  return claimed;
}
/** Return: true if it was pending. Context: any. */
export function mod_delayed_work_raw(on: number, wq: number, dwork: number, delay: number): boolean {
  if (!check_delayed(on, wq, dwork, 'mod_delayed_work')) return false;
  order_release(dwork + Delayed.WORK);
  const got = grab_pending(dwork, true);
  if (!clear_pending_if_disabled(dwork)) arm_claimed(on, wq, dwork, delay);
  local_irq_restore(got >> 1);
  return (got & 1) !== 0;
}

// ---- taking possession ------------------------------------------------------------------------------------------------
/** One attempt. Return: 1 if it was pending, 0 if not; PENDING is the caller's then. -1: again. */
function grab(work: number, delayed: boolean): number {
  if (delayed && del_timer_raw(work + Delayed.TIMER) !== 0) return 1;
  if ((a_or(work + Work.DATA, WORK_PENDING) & WORK_PENDING) === 0) return 0;
  const pool = pool_of_work(work);
  if (pool === 0) return -1;
  const flags = lock_irqsave(pool);
  const data = ld(work + Work.DATA);
  const pwq = data & WORK_ADDRESS;
  const there = (data & WORK_PWQ) !== 0 && ld(pwq + Pwq.POOL) === pool;
  if (there) {
    // A barrier behind one that max_active holds back goes on with it; it can't be cancelled.
    if ((data & WORK_INACTIVE) !== 0) activate(pwq, work);
    list_remove(work + Work.ENTRY);
    a_st(work + Work.DATA, pool | WORK_PENDING);
    leave_pwq(pwq, ld(work + Work.COLOR));
  }
  unlock_irqrestore(pool, flags);
  return there ? 1 : -1;
}
/** Return: interrupt flags << 1, + 1 if it was pending. PENDING is the caller's and interrupts are off. */
function grab_pending(work: number, delayed: boolean): number {
  let tries = 0;
  for (;;) {
    const flags = local_irq_save();
    const got = grab(work, delayed);
    if (got >= 0) return (flags << 1) | got;
    local_irq_restore(flags);
    // Where a step is never between the two, nobody will ever queue it.
    if (STEPPED || (!delayed && ld(work + Work.FUNC) !== 0 && ++tries > MAX_TRIES)) never_queued(work);
    cpu_relax();
  }
}
const MAX_TRIES = 100_000_000;
function never_queued(work: number): never {
  BUG(`cancel_work of ${lock_text(work)}, whose timer is armed: it is a delayed work, use cancel_delayed_work`);
}
const release = (work: number): void => {
  a_and(work + Work.DATA, ~WORK_PENDING);
};

/** `disable` is added to its count. Context: any. Return: true if it was pending. */
export function cancel_work_raw(work: number, delayed: boolean, disable: number): boolean {
  const got = grab_pending(work, delayed);
  st(work + Work.DISABLE, ld(work + Work.DISABLE) + disable);
  release(work);
  local_irq_restore(got >> 1);
  return (got & 1) !== 0;
}
/** Context: any. Return: true if it can be queued again. */
export function enable_work_raw(work: number, delayed: boolean): boolean {
  const got = grab_pending(work, delayed);
  const count = ld(work + Work.DISABLE);
  if (!WARN(count === 0, 'enable_work: %s is not disabled', lock_text(work))) st(work + Work.DISABLE, count - 1);
  release(work);
  local_irq_restore(got >> 1);
  return count <= 1;
}

/** Frame: state, result; then a flush frame. */
const CANCEL_FRAME = 8 + FLUSH_WORK_FRAME;
/** `how`: 1 delayed, 2 leave it disabled. */
function cancel_sync_attempt(frame: number, work: number, how: number): number {
  if (ld(frame) === 0) {
    // It can't be queued while one waits: a function that queues itself comes to an end.
    st(frame + 4, cancel_work_raw(work, (how & 1) !== 0, 1) ? 1 : 0);
    st(frame, 1);
  }
  if (flush_work_attempt(frame + 8, work) === SLEEP) return SLEEP;
  if ((how & 2) === 0) enable_work_raw(work, (how & 1) !== 0);
  return ld(frame + 4);
}
/** Takes it back and waits until its function does not run. Context: task. Return: 1 if it was pending. */
export function cancel_work_sync_raw(work: number, delayed: boolean, disable: boolean): Sleeping<number> {
  const what = disable ? 'disable_work_sync' : 'cancel_work_sync';
  might_sleep(what);
  if (WARN(ld(work + Work.FUNC) === 0, '%s: %s has not been set up with INIT_WORK', what, lock_text(work)))
    return ready(0);
  check_not_own_work(work, what);
  return delegate(drive(cancel_sync_attempt, CANCEL_FRAME, work, (delayed ? 1 : 0) | (disable ? 2 : 0)));
}

/** Queues it at once if its time has not come, and waits. Context: task. Return: 1 if it had to wait. */
export function flush_delayed_work_raw(dwork: number): Sleeping<number> {
  might_sleep('flush_delayed_work');
  check_not_own_work(dwork, 'flush_delayed_work');
  timer_now(dwork);
  return delegate(drive(flush_work_attempt, FLUSH_WORK_FRAME, dwork));
}
/** Also one whose function is about to queue the item is waited for. */
function timer_now(dwork: number): void {
  const flags = local_irq_save();
  if (del_timer_sync_raw(dwork + Delayed.TIMER) !== 0)
    insert_claimed(ld(dwork + Delayed.CPU), ld(dwork + Delayed.WQ), dwork);
  local_irq_restore(flags);
}

/** Frame: phase, the items, how far; pad; then a flush frame. */
const EACH_FRAME = 16 + FLUSH_WORK_FRAME;
function each_cpu_attempt(frame: number, fn: number): number {
  const n = ld(Mach.CPUS);
  if (ld(frame) === 0) {
    const items = kmalloc(n * 32, GFP_KERNEL);
    if (items === 0) return -ENOMEM;
    st(frame, 1);
    st(frame + 4, items);
    for (let c = 0; c < n; c++) {
      init_work_raw(items + c * 32, fn);
      queue_work_raw(c, system_wq_at(SystemWq.NORMAL), items + c * 32);
    }
  }
  const items = ld(frame + 4);
  for (let c = ld(frame + 8); c < n; c++) {
    if (flush_work_attempt(frame + 16, items + c * 32) === SLEEP) return SLEEP;
    st(frame + 16, 0);
    for (let a = frame + 20; a < frame + EACH_FRAME; a += 4) st(a, 0);
    st(frame + 8, c + 1);
  }
  kfree(items);
  return 0;
}
/** Runs it on every CPU and waits. Context: task. Return: 0 or -ENOMEM. */
export function schedule_on_each_cpu_raw(fn: number): Sleeping<number> {
  might_sleep('schedule_on_each_cpu');
  return delegate(drive(each_cpu_attempt, EACH_FRAME, fn));
}

/** Return: WORK_BUSY_PENDING (1) and WORK_BUSY_RUNNING (2). Context: any. */
export function work_busy_raw(work: number): number {
  let busy = (ld(work + Work.DATA) & WORK_PENDING) !== 0 ? 1 : 0;
  const pool = pool_of_work(work);
  if (pool === 0) return busy;
  const flags = lock_irqsave(pool);
  if (find_executing(pool, work) !== 0) busy |= 2;
  unlock_irqrestore(pool, flags);
  return busy;
}
