// Workqueues: making and destroying them, and waiting for what they have. See workqueue.ts for the rest.
//
// Colors. Each item is counted, when it is queued, under the color that the workqueue has then (Wq.COUNTS), and no longer
// when it has run. A flush gives the workqueue the next color and waits until the old ones are used up:
//
//   DONE_COLOR ... WORK_COLOR     all items of colors before DONE_COLOR have run; new ones get WORK_COLOR
//
// Both only grow, under WAIT's lock; there are 16 counters, and a flush that would need a seventeenth waits. Who queues
// counts first and then looks whether the color is still that one; who flushes changes the color and then looks at the
// count: one sees the other. A barrier (flush_work) is an item of no color in the frame of the task that waits.
import { Mach, Pcpu, percpu_base } from '../machine/memory-map.js';
import { my } from '../cpu/context.js';
import { order_acquire } from '../cpu/order.js';
import { a_add, a_ld, a_st, a_sub, ld, ld8, st, st8 } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { GFP_KERNEL } from '../linux/gfp_types.js';
import { kfree, kzalloc } from '../mm/slab.js';
import { set_alloc_owner } from '../mm/owner.js';
import { BUG, WARN } from '../kernel/panic.js';
import { symbol_text, text_handle } from '../kernel/text.js';
import { complete_raw, init_completion_raw, wait_for_completion_attempt } from './completion.js';
import { set_current_state, __set_current_state } from './core.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { pq_find } from './pqueue.js';
import { list_init, list_is_empty, list_push_back, list_remove, list_unlinked } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { Block, TASK_NORMAL, TASK_RUNNING, TASK_UNINTERRUPTIBLE, Timer, WaitEntry, WaitHead } from './task-layout.js';
import { MAX_SCHEDULE_TIMEOUT } from './timer.js';
import { init_wait_entry, init_wait_head, wake_up_queue_locked } from './wait.js';
import { delayed_work_timer_fn } from './workqueue-cancel.js';
import {
  check_wq,
  current_worker,
  find_executing,
  init_pool,
  pool_of_cpu,
  pool_of_work,
  pool_retry,
  unbound_pool,
} from './workqueue.js';
import {
  __WQ_DESTROYING,
  __WQ_DRAINING,
  BARRIER,
  Delayed,
  DONE,
  FLUSH_WORK_FRAME,
  NO_COLOR,
  Pwq,
  SystemWq,
  system_wq_at,
  Work,
  WORK_ADDRESS,
  WORK_INACTIVE,
  WORK_LINKED,
  WORK_PENDING,
  WORK_PWQ,
  Worker,
  WAITING,
  Wq,
  WQ_COLORS,
  WQ_FREEZABLE,
  WQ_HIGHPRI,
  WQ_LIST,
  WQ_LIST_LOCK,
  WQ_DFL_ACTIVE,
  WQ_MAGIC,
  WQ_MAX_ACTIVE,
  WQ_NAME_SIZE,
  WQ_UNBOUND,
} from './work-layout.js';

// ---- colors ------------------------------------------------------------------------------------------------------------
const count_at = (wq: number, color: number): number => wq + Wq.COUNTS + (color & (WQ_COLORS - 1)) * 4;

/** Counts an item that is being queued. Return: its color. Context: any. */
export function take_color(wq: number): number {
  for (;;) {
    const color = a_ld(wq + Wq.WORK_COLOR);
    a_add(count_at(wq, color), 1);
    if (a_ld(wq + Wq.WORK_COLOR) === color) return color & (WQ_COLORS - 1);
    color_finished(wq, color);
  }
}
/** An item of that color has run. Context: any, the pool's lock held. */
export function color_finished(wq: number, color: number): void {
  if (a_sub(count_at(wq, color), 1) !== 1 || a_ld(wq + Wq.WORK_COLOR) === a_ld(wq + Wq.DONE_COLOR)) return;
  const flags = lock_irqsave(wq + Wq.WAIT);
  advance(wq);
  unlock_irqrestore(wq + Wq.WAIT, flags);
}
/**
 * Moves DONE_COLOR past what is used up, and wakes the flushers if it moved: whoever moves it does, since the one who made
 * a count 0 may come later and find nothing left to do. Under WAIT's lock.
 */
function advance(wq: number): void {
  let done = ld(wq + Wq.DONE_COLOR);
  const from = done;
  while (done !== ld(wq + Wq.WORK_COLOR) && a_ld(count_at(wq, done)) === 0) done = (done + 1) | 0;
  if (done === from) return;
  a_st(wq + Wq.DONE_COLOR, done);
  wake_up_queue_locked(wq + Wq.WAIT, TASK_NORMAL, 0);
}

/** Frame: state, the color waited for, wait entry. */
const FLUSH_ENTRY = 8;
const FLUSH_WQ_FRAME = FLUSH_ENTRY + WaitEntry.SIZE + 4;
function flush_workqueue_attempt(frame: number, wq: number): number {
  const entry = frame + FLUSH_ENTRY;
  const flags = lock_irqsave(wq + Wq.WAIT);
  advance(wq);
  let waits = true;
  if (ld(frame) === 0) {
    init_wait_entry(entry, 0);
    st(frame, 1);
  }
  if (ld(frame) === 1) {
    const color = ld(wq + Wq.WORK_COLOR);
    if (color === ld(wq + Wq.DONE_COLOR) && a_ld(count_at(wq, color)) === 0) waits = false;
    else if (((color + 1 - ld(wq + Wq.DONE_COLOR)) | 0) < WQ_COLORS) {
      st(frame + 4, color);
      st(frame, 2);
      a_st(wq + Wq.WORK_COLOR, (color + 1) | 0);
      advance(wq);
    }
  }
  if (ld(frame) === 2) waits = ((ld(wq + Wq.DONE_COLOR) - ld(frame + 4)) | 0) <= 0;
  if (waits) {
    if (list_unlinked(entry + WaitEntry.LIST)) list_push_back(entry + WaitEntry.LIST, wq + Wq.WAIT + WaitHead.LIST);
    set_current_state(TASK_UNINTERRUPTIBLE);
  } else if (!list_unlinked(entry + WaitEntry.LIST)) list_remove(entry + WaitEntry.LIST);
  unlock_irqrestore(wq + Wq.WAIT, flags);
  if (waits) {
    block_on(Block.WORKQUEUE, wq);
    return SLEEP;
  }
  order_acquire(wq);
  __set_current_state(TASK_RUNNING);
  unblock();
  return 0;
}

/** A task that runs an item of the workqueue would wait for itself. */
function check_not_own(wq: number, what: string): void {
  const worker = current_worker();
  if (worker !== 0 && ld(worker + Worker.PWQ) !== 0 && ld(ld(worker + Worker.PWQ) + Pwq.WQ) === wq)
    BUG(
      `${what} of the workqueue ${wq_name(wq)} by ${symbol_text(ld(worker + Worker.FUNC))}, which it runs: it would wait for itself`,
    );
}
/** Waits until all that was queued before has run. Context: task. */
export function flush_workqueue_raw(wq: number): Sleeping<number> {
  check_wq(wq, 'flush_workqueue');
  might_sleep('flush_workqueue');
  check_not_own(wq, 'flush_workqueue');
  return delegate(drive(flush_workqueue_attempt, FLUSH_WQ_FRAME, wq));
}

// ---- one item ----------------------------------------------------------------------------------------------------------
/** The function of a barrier. */
export function wq_barrier_func(work: number): void {
  complete_raw(work + Work.SIZE);
}

/** Puts the barrier behind the item. Return: false if there is nothing to wait for. */
function insert_barrier(work: number, barrier: number, fn: number): boolean {
  const pool = pool_of_work(work);
  if (pool === 0) return false;
  const flags = lock_irqsave(pool);
  const data = ld(work + Work.DATA);
  let pwq = data & WORK_ADDRESS;
  let worker = 0;
  let there = (data & WORK_PWQ) !== 0 && ld(pwq + Pwq.POOL) === pool;
  if ((data & WORK_PWQ) === 0) {
    worker = find_executing(pool, work);
    there = worker !== 0;
    pwq = worker === 0 ? 0 : ld(worker + Worker.PWQ);
  }
  if (there) {
    st(barrier + Work.FUNC, fn);
    st(barrier + Work.COLOR, NO_COLOR);
    init_completion_raw(barrier + Work.SIZE);
    let linked = 0;
    let before = 0;
    if (worker !== 0) before = ld(worker + Worker.SCHEDULED);
    else {
      before = ld(work + Work.ENTRY);
      linked = data & WORK_LINKED;
      a_st(work + Work.DATA, data | WORK_LINKED);
    }
    list_push_back(barrier + Work.ENTRY, before); // before that entry
    a_st(barrier + Work.DATA, pwq | WORK_PENDING | WORK_PWQ | linked | (worker !== 0 ? 0 : data & WORK_INACTIVE));
  }
  unlock_irqrestore(pool, flags);
  return there;
}

/** Result: 1 if it had to wait. */
export function flush_work_attempt(frame: number, work: number): number {
  if (ld(frame) === 0) {
    if (!insert_barrier(work, frame + BARRIER, text_handle(wq_barrier_func))) {
      order_acquire(work + 4);
      return 0;
    }
    st(frame, 1);
  }
  if (wait_for_completion_attempt(frame + WAITING, frame + DONE, MAX_SCHEDULE_TIMEOUT) !== SLEEP) {
    order_acquire(work + 4);
    return 1;
  }
  block_on(Block.WORK, work);
  return SLEEP;
}
export function check_not_own_work(work: number, what: string): void {
  const worker = current_worker();
  if (worker !== 0 && ld(worker + Worker.WORK) === work)
    BUG(
      `${what} of ${lock_text(work)} by its own function ${symbol_text(ld(worker + Worker.FUNC))}: it would wait for itself`,
    );
}
/** Waits until the last queued instance has run. Context: task. Return: true if it had to wait. */
export function flush_work_raw(work: number): Sleeping<number> {
  if (WARN(ld(work + Work.FUNC) === 0, 'flush_work: %s has not been set up with INIT_WORK', lock_text(work)))
    return ready(0);
  might_sleep('flush_work');
  check_not_own_work(work, 'flush_work');
  return delegate(drive(flush_work_attempt, FLUSH_WORK_FRAME, work));
}

// ---- draining, destroying ---------------------------------------------------------------------------------------------
const nr_pwqs = (wq: number): number => ((ld(wq + Wq.FLAGS) & WQ_UNBOUND) !== 0 ? 1 : ld(Mach.CPUS));
function for_each_pwq(wq: number, f: (pwq: number) => void): void {
  for (let i = 0; i < nr_pwqs(wq); i++) f(ld(wq + Wq.PWQS) + i * Pwq.SIZE);
}
/** Nothing is queued or runs, and no worker looks at the workqueue any more. */
function is_drained(wq: number): boolean {
  let drained = true;
  for_each_pwq(wq, (pwq) => {
    const pool = ld(pwq + Pwq.POOL);
    const flags = lock_irqsave(pool);
    if (ld(pwq + Pwq.IN_FLIGHT) !== 0) drained = false;
    unlock_irqrestore(pool, flags);
  });
  return drained;
}
function set_draining(wq: number, n: number): void {
  const flags = lock_irqsave(wq + Wq.WAIT);
  const drainers = ld(wq + Wq.DRAINERS) + n;
  st(wq + Wq.DRAINERS, drainers);
  const others = ld(wq + Wq.FLAGS) & ~__WQ_DRAINING;
  a_st(wq + Wq.FLAGS, drainers > 0 ? others | __WQ_DRAINING : others);
  unlock_irqrestore(wq + Wq.WAIT, flags);
}

/** Frame: phase, rounds; then a flush frame. */
const DRAIN_FRAME = 8 + FLUSH_WQ_FRAME;
function drain_attempt(frame: number, wq: number, destroy: number): number {
  if (ld(frame) === 0) {
    st(frame, 1);
    set_draining(wq, 1);
  }
  for (;;) {
    if (flush_workqueue_attempt(frame + 8, wq) === SLEEP) return SLEEP;
    if (is_drained(wq)) break;
    st(frame + 8, 0);
    st(frame + 4, ld(frame + 4) + 1);
    const tries = ld(frame + 4);
    WARN(tries === 1000, "workqueue %s: drain_workqueue() isn't complete after %u tries", wq_name(wq), tries);
  }
  set_draining(wq, -1);
  if (destroy !== 0) free_workqueue(wq);
  return 0;
}
export function drain_workqueue_raw(wq: number): Sleeping<number> {
  check_wq(wq, 'drain_workqueue');
  might_sleep('drain_workqueue');
  check_not_own(wq, 'drain_workqueue');
  return delegate(drive(drain_attempt, DRAIN_FRAME, wq, 0));
}
export function destroy_workqueue_raw(wq: number): Sleeping<number> {
  check_wq(wq, 'destroy_workqueue');
  might_sleep('destroy_workqueue');
  check_not_own(wq, 'destroy_workqueue');
  if (ld(wq + Wq.MEMORY) === 0) BUG(`destroy_workqueue of ${wq_name(wq)}, which is the system's`);
  const flags = lock_irqsave(wq + Wq.WAIT);
  a_st(wq + Wq.FLAGS, ld(wq + Wq.FLAGS) | __WQ_DESTROYING);
  unlock_irqrestore(wq + Wq.WAIT, flags);
  return delegate(drive(drain_attempt, DRAIN_FRAME, wq, 1));
}
function free_workqueue(wq: number): void {
  const fn = text_handle(delayed_work_timer_fn);
  for (let c = 0; c < ld(Mach.CPUS); c++) {
    const area = percpu_base(c);
    const flags = lock_irqsave(area + Pcpu.TIMER_LOCK);
    const timer = pq_find(
      area + Pcpu.TIMER_HEAP,
      (t) => ld(t + Timer.FUNCTION) === fn && ld(t - Delayed.TIMER + Delayed.WQ) === wq,
    );
    unlock_irqrestore(area + Pcpu.TIMER_LOCK, flags);
    WARN(
      timer !== 0,
      'destroy_workqueue of %s: the delayed work %s is still to come: cancel_delayed_work_sync it first',
      wq_name(wq),
      timer === 0 ? '' : lock_text(timer - Delayed.TIMER),
    );
  }
  const flags = lock_irqsave(WQ_LIST_LOCK);
  list_remove(wq + Wq.LIST);
  unlock_irqrestore(WQ_LIST_LOCK, flags);
  st(wq + Wq.MAGIC, 0);
  kfree(ld(wq + Wq.MEMORY));
}

// ---- making them -------------------------------------------------------------------------------------------------------
export function wq_name(wq: number): string {
  let name = '';
  for (let i = 0; i < WQ_NAME_SIZE; i++) {
    const c = ld8(wq + Wq.NAME + i);
    if (c === 0) break;
    name += String.fromCharCode(c);
  }
  return name;
}
function init_wq(wq: number, pwqs: number, memory: number, name: string, flags: number, max_active: number): void {
  for (let i = 0; i < WQ_NAME_SIZE - 1; i++) st8(wq + Wq.NAME + i, i < name.length ? name.charCodeAt(i) : 0);
  st(wq + Wq.FLAGS, flags);
  st(wq + Wq.MAX_ACTIVE, max_active);
  st(wq + Wq.OWNER, ld(my + Pcpu.ALLOC_OWNER));
  st(wq + Wq.PWQS, pwqs);
  st(wq + Wq.MEMORY, memory);
  init_wait_head(wq + Wq.WAIT);
  st(wq + Wq.MAGIC, WQ_MAGIC);
  let c = 0;
  for_each_pwq(wq, (pwq) => {
    const highpri = (flags & WQ_HIGHPRI) !== 0;
    st(pwq + Pwq.POOL, (flags & WQ_UNBOUND) !== 0 ? unbound_pool(highpri) : pool_of_cpu(c, highpri));
    st(pwq + Pwq.WQ, wq);
    st(pwq + Pwq.MAX_ACTIVE, max_active);
    list_init(pwq + Pwq.INACTIVE);
    c++;
  });
}

/** Context: task. Return: the workqueue's address, 0 when memory is short. */
export function alloc_workqueue_raw(name: string, flags: number, max_active: number): number {
  might_sleep('alloc_workqueue');
  const size = 63 + Wq.SIZE + ((flags & WQ_UNBOUND) !== 0 ? 1 : ld(Mach.CPUS)) * Pwq.SIZE;
  const owner = set_alloc_owner(0); // what is left of it is reported as a workqueue
  const memory = kzalloc(size, GFP_KERNEL);
  set_alloc_owner(owner);
  if (memory === 0) return 0;
  const wq = (memory + 63) & ~63;
  init_wq(wq, wq + Wq.SIZE, memory, name, flags, max_active);
  const irqs = lock_irqsave(WQ_LIST_LOCK);
  list_push_back(wq + Wq.LIST, WQ_LIST);
  unlock_irqrestore(WQ_LIST_LOCK, irqs);
  return wq;
}
export const no_workqueues = (): boolean => list_is_empty(WQ_LIST);

/** Context: CPU 0 at boot. */
export function workqueues_init(): void {
  const retry = text_handle(pool_retry);
  arch_spin_init(WQ_LIST_LOCK);
  list_init(WQ_LIST);
  const init = (pool: number, n: number, highpri: boolean): void => {
    arch_spin_init(pool);
    init_pool(pool, n, highpri, retry);
  };
  for (let c = 0; c < ld(Mach.CPUS); c++)
    for (const highpri of [false, true]) init(pool_of_cpu(c, highpri), c, highpri);
  for (const highpri of [false, true]) init(unbound_pool(highpri), -1, highpri);
  const system: [SystemWq, string, number][] = [
    [SystemWq.NORMAL, 'events', 0],
    [SystemWq.HIGHPRI, 'events_highpri', WQ_HIGHPRI],
    [SystemWq.LONG, 'events_long', 0],
    [SystemWq.UNBOUND, 'events_unbound', WQ_UNBOUND],
    [SystemWq.FREEZABLE, 'events_freezable', WQ_FREEZABLE],
    [SystemWq.POWER_EFFICIENT, 'events_power_efficient', 0],
    [SystemWq.FREEZABLE_POWER_EFFICIENT, 'events_freezable_pwr_efficient', WQ_FREEZABLE],
  ];
  for (const [n, name, flags] of system) {
    const wq = system_wq_at(n);
    init_wq(wq, wq + Wq.SIZE, 0, name, flags, (flags & WQ_UNBOUND) !== 0 ? WQ_MAX_ACTIVE : WQ_DFL_ACTIVE);
    list_init(wq + Wq.LIST);
  }
}
