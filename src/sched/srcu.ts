// SRCU: RCU whose readers may sleep, for each srcu_struct apart. linux/srcu.ts has the public names.
//
// A reader counts itself in and out in its CPU's srcu_data, under the index that it found: [lock0, lock1, unlock0,
// unlock1], so that the sum over all CPUs says who is inside, wherever it leaves. A grace period
//   phase 1: waits until nobody is left of the index that is not in use (who had read it long ago and counted itself late),
//            then turns the index over, so that new readers hold nothing up;
//   phase 2: waits until nobody is left of the one that was in use.
// Unlocks are summed before locks: whoever is inside all the while is counted in and not out, so equal sums mean nobody.
//
// There is no thread and no polling: a reader that leaves looks at PHASE after it has counted itself out, and a grace
// period sets PHASE before it sums, so one of the two sees the other, and who finds the last reader gone goes on with the
// grace period. Callbacks are invoked in order, in process context with softirqs off, by a work item.
//
// All fields are under LOCK (any context, interrupts off), but for IDX and PHASE, which readers read. Lock order: LOCK,
// then worker pools, then run queues.
import { Mach, PERCPU_SIZE } from '../machine/memory-map.js';
import { cpu, current_task } from '../cpu/context.js';
import { irqs_disabled } from '../cpu/irqflags.js';
import { order_acquire, order_off, order_on, order_release } from '../cpu/order.js';
import { preempt_count } from '../cpu/preempt.js';
import { a_add, a_ld, a_st, fill_bytes, ld, st } from '../cpu/raw.js';
import { local_bh_disable, local_bh_enable } from '../cpu/softirq.js';
import { arch_spin_init, lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { BUG, report, task_comm, task_pid, WARN } from '../kernel/panic.js';
import { call_text, symbol_text, text_handle } from '../kernel/text.js';
import { GFP_KERNEL } from '../linux/gfp.js';
import { __alloc_percpu_gfp, free_percpu, PERCPU_MARK } from '../mm/percpu.js';
import { __set_current_state, set_current_state, try_to_wake_up } from './core.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { list_init, list_push_back, list_remove, list_unlinked } from './rawlist.js';
import { rcu_seq_done } from './rcu.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { Block, Task, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from './task-layout.js';
import { SystemWq, system_wq_at } from './work-layout.js';
import { queue_work_raw } from './workqueue.js';
import { init_work_raw } from './workqueue-cancel.js';
import { flush_work_raw } from './workqueue-flush.js';

/** struct srcu_struct. Callbacks: as of a CPU in rcu-callbacks.ts. */
export const enum Srcu {
  LOCK = 0,
  IDX = 8,
  PHASE = 12,
  /** Grace periods that are over; the number that is wanted. */
  SEQ = 16,
  WANTED = 20,
  /** Per-CPU pointer of the srcu_data; 1 if it was allocated. */
  SDA = 24,
  DYNAMIC = 28,
  /** list_head of those who wait. */
  WAITERS = 32,
  CB_HEAD = 40,
  CB_DONE = 44,
  CB_WAIT = 48,
  CB_NEXT = 52,
  CB_WAIT_SEQ = 56,
  CB_NEXT_SEQ = 60,
  CB_QUEUED = 64,
  CB_INVOKED = 68,
  WORK = 72,
  SIZE = 100,
}
/** srcu_data of one CPU: words that only go up. */
export const SRCU_DATA_SIZE = 16;
const UNLOCKS = 8;
const ENOMEM = 12;
const FUNC = 4;

/** Makes it one without readers. `sda`: the per-CPU pointer of zeroed srcu_data. Context: any. */
export function init_srcu_raw(s: number, sda: number, dynamic: boolean): void {
  fill_bytes(s, 0, Srcu.SIZE);
  arch_spin_init(s);
  st(s + Srcu.SDA, sda);
  st(s + Srcu.DYNAMIC, dynamic ? 1 : 0);
  list_init(s + Srcu.WAITERS);
  for (const end of [Srcu.CB_DONE, Srcu.CB_WAIT, Srcu.CB_NEXT]) st(s + end, s + Srcu.CB_HEAD);
  init_work_raw(s + Srcu.WORK, text_handle(srcu_invoke_callbacks));
}
/** Context: task. Return: 0, -ENOMEM. */
export function init_srcu_struct_raw(s: number): number {
  const sda = __alloc_percpu_gfp(SRCU_DATA_SIZE, 8, GFP_KERNEL);
  if (sda === 0) return -ENOMEM;
  init_srcu_raw(s, sda, true);
  return 0;
}

const data_of = (s: number, n: number): number => (ld(s + Srcu.SDA) & ~PERCPU_MARK) + n * PERCPU_SIZE;
function sum(s: number, word: number): number {
  let total = 0;
  for (let n = 0; n < ld(Mach.CPUS); n++) total = (total + a_ld(data_of(s, n) + word)) | 0;
  return total;
}
/** Nobody is inside under that index. */
function drained(s: number, idx: number): boolean {
  const out = sum(s, UNLOCKS + idx * 4);
  const inside = (sum(s, idx * 4) - out) | 0;
  if (inside < 0) report(`srcu_read_unlock of ${lock_text(s)} more often than srcu_read_lock`);
  return inside <= 0;
}
/** Context: any; a look. */
export const srcu_readers_active_raw = (s: number): boolean => !drained(s, 0) || !drained(s, 1);

// ---- read side ------------------------------------------------------------------------------------------------------
function check_srcu(s: number, what: string): void {
  if (ld(s + Srcu.SDA) === 0)
    BUG(
      `${what}: the srcu_struct ${lock_text(s)} is not initialised, or was cleaned up: init_srcu_struct or DEFINE_SRCU`,
    );
}
/** Counts a reader in. Context: any. Return: the index, for the end of the section. */
export function srcu_enter(s: number): number {
  check_srcu(s, 'srcu_read_lock');
  const idx = a_ld(s + Srcu.IDX) & 1;
  a_add(data_of(s, cpu) + idx * 4, 1);
  order_acquire(s + Srcu.WANTED);
  return idx;
}
/** Counts it out, in any context and on any CPU. */
export function srcu_leave(s: number, idx: number): void {
  check_srcu(s, 'srcu_read_unlock');
  if (WARN((idx & ~1) !== 0, 'srcu_read_unlock: %d is not what srcu_read_lock returned', idx)) return;
  order_release(s + Srcu.SEQ);
  a_add(data_of(s, cpu) + UNLOCKS + idx * 4, 1);
  if (a_ld(s + Srcu.PHASE) === 0) return;
  const flags = lock_irqsave(s);
  const queue = advance(s);
  unlock_irqrestore(s, flags);
  if (queue) queue_callbacks(s);
}
/** As srcu_enter, for a section that ends in the same task: counted there, so that a misuse is seen. */
export function srcu_read_lock_raw(s: number): number {
  const idx = srcu_enter(s);
  const depth = current_task() + Task.SRCU_NESTING;
  st(depth, ld(depth) + 1);
  return idx;
}
export function srcu_read_unlock_raw(s: number, idx: number): void {
  const task = current_task();
  const depth = ld(task + Task.SRCU_NESTING);
  if (WARN(depth === 0, 'srcu_read_unlock without srcu_read_lock by %s/%d', task_comm(task), task_pid(task))) return;
  st(task + Task.SRCU_NESTING, depth - 1);
  srcu_leave(s, idx);
}
/** Whether the running task, with the interrupts on top of it, is in a section of any srcu_struct. */
export const in_srcu_section = (): boolean => ld(current_task() + Task.SRCU_NESTING) !== 0;
/** A task ends. */
export function srcu_exit(task: number, oopsed: boolean): void {
  const depth = ld(task + Task.SRCU_NESTING);
  if (depth === 0 || oopsed) return;
  report(
    `${task_comm(task)}/${task_pid(task)} ends inside an SRCU read-side critical section: srcu_read_unlock is missing (depth ${depth})`,
    '',
  );
}

// ---- grace periods, under LOCK --------------------------------------------------------------------------------------
/** The number at which a grace period that begins from now on is over. */
const snapshot = (s: number): number => (ld(s + Srcu.SEQ) + (ld(s + Srcu.PHASE) === 0 ? 1 : 2)) | 0;
const over = (s: number, wanted: number): boolean => rcu_seq_done(ld(s + Srcu.SEQ), wanted);

/** Goes on as far as the readers let it. Return: true if there are callbacks to invoke. */
function advance(s: number): boolean {
  const before = ld(s + Srcu.SEQ);
  for (;;) {
    const phase = ld(s + Srcu.PHASE);
    if (phase === 0) {
      if (over(s, ld(s + Srcu.WANTED))) break;
      a_st(s + Srcu.PHASE, 1);
      continue;
    }
    if (!drained(s, (ld(s + Srcu.IDX) & 1) ^ 1)) break;
    if (phase === 1) {
      a_st(s + Srcu.IDX, ld(s + Srcu.IDX) + 1);
      a_st(s + Srcu.PHASE, 2);
    } else {
      a_st(s + Srcu.SEQ, (ld(s + Srcu.SEQ) + 1) | 0);
      a_st(s + Srcu.PHASE, 0);
    }
  }
  if (ld(s + Srcu.SEQ) === before) return false;
  release_callbacks(s);
  order_off(); // whoever ends it is not what the waiters come after: they acquire what the readers released
  wake(s);
  order_on();
  return ld(s + Srcu.CB_DONE) !== s + Srcu.CB_HEAD;
}
/** Wants the grace period that is over at `wanted`. Return: as advance. */
function request(s: number, wanted: number): boolean {
  order_release(s + Srcu.WANTED); // for readers that begin later
  if (!rcu_seq_done(ld(s + Srcu.WANTED), wanted)) st(s + Srcu.WANTED, wanted);
  return advance(s);
}
/** Callbacks that wait for no grace period any more. */
function release_callbacks(s: number): void {
  while (ld(s + Srcu.CB_DONE) !== ld(s + Srcu.CB_WAIT) && over(s, ld(s + Srcu.CB_WAIT_SEQ))) {
    st(s + Srcu.CB_DONE, ld(s + Srcu.CB_WAIT));
    st(s + Srcu.CB_WAIT, ld(s + Srcu.CB_NEXT));
    st(s + Srcu.CB_WAIT_SEQ, ld(s + Srcu.CB_NEXT_SEQ));
  }
}

// ---- waiting --------------------------------------------------------------------------------------------------------
// Frame: state, what is waited for, task, link.
const STATE = 0;
const WANTED = 4;
const TASK = 8;
const KIND = 12;
const LINK = 16;
export const SRCU_FRAME = 24;
const enum Kind {
  GRACE_PERIOD = 0,
  CALLBACKS = 1,
}
const reached = (s: number, kind: number, wanted: number): boolean =>
  kind === Kind.GRACE_PERIOD ? over(s, wanted) : rcu_seq_done(ld(s + Srcu.CB_INVOKED), wanted);

/** They take themselves off the list. */
function wake(s: number): void {
  for (let at = ld(s + Srcu.WAITERS); at !== s + Srcu.WAITERS;) {
    const frame = at - LINK;
    at = ld(at);
    if (reached(s, ld(frame + KIND), ld(frame + WANTED))) try_to_wake_up(ld(frame + TASK), TASK_UNINTERRUPTIBLE);
  }
}
/** Result: 0. */
export function srcu_wait_attempt(frame: number, s: number, kind: number): number {
  const queued = ld(frame + STATE) !== 0;
  let queue = false;
  const flags = lock_irqsave(s);
  if (!queued) {
    st(frame + STATE, 1);
    st(frame + TASK, current_task());
    st(frame + KIND, kind);
    const wanted = kind === Kind.GRACE_PERIOD ? snapshot(s) : ld(s + Srcu.CB_QUEUED);
    st(frame + WANTED, wanted);
    if (kind === Kind.GRACE_PERIOD) queue = request(s, wanted);
  }
  const done = reached(s, kind, ld(frame + WANTED));
  if (done) {
    if (!list_unlinked(frame + LINK)) list_remove(frame + LINK);
  } else {
    if (list_unlinked(frame + LINK)) list_push_back(frame + LINK, s + Srcu.WAITERS);
    set_current_state(TASK_UNINTERRUPTIBLE);
  }
  unlock_irqrestore(s, flags);
  if (queue) queue_callbacks(s);
  if (!done) {
    if (!queued) block_on(Block.SRCU, s);
    return SLEEP;
  }
  __set_current_state(TASK_RUNNING);
  order_acquire(kind === Kind.GRACE_PERIOD ? s + Srcu.SEQ : s + Srcu.CB_INVOKED);
  if (queued) unblock();
  return 0;
}
/** Context: task, in no section of `s`. */
export function synchronize_srcu_raw(s: number, what: string): Sleeping<number> {
  might_sleep(what);
  check_srcu(s, what);
  return delegate(drive(srcu_wait_attempt, SRCU_FRAME, s, Kind.GRACE_PERIOD));
}
/** Waits until all callbacks that were queued before have been invoked. Context: task. */
export function srcu_barrier_raw(s: number): Sleeping<number> {
  might_sleep('srcu_barrier');
  check_srcu(s, 'srcu_barrier');
  if (a_ld(s + Srcu.CB_INVOKED) === a_ld(s + Srcu.CB_QUEUED)) {
    order_acquire(s + Srcu.CB_INVOKED);
    return ready(0);
  }
  return delegate(drive(srcu_wait_attempt, SRCU_FRAME, s, Kind.CALLBACKS));
}
/** Context: any. Return: what poll_state_synchronize_srcu takes; with `start` the grace period is begun. */
export function srcu_state(s: number, start: boolean): number {
  check_srcu(s, 'get_state_synchronize_srcu');
  const flags = lock_irqsave(s);
  const wanted = snapshot(s);
  const queue = start && request(s, wanted);
  unlock_irqrestore(s, flags);
  if (queue) queue_callbacks(s);
  return wanted;
}
export function srcu_passed(s: number, wanted: number): boolean {
  const passed = rcu_seq_done(a_ld(s + Srcu.SEQ), wanted);
  if (passed) order_acquire(s + Srcu.SEQ);
  return passed;
}

// ---- callbacks ------------------------------------------------------------------------------------------------------
/** Has `func` (a text handle) invoked on the head after a grace period. Context: any. */
export function call_srcu_raw(s: number, head: number, func: number): void {
  check_srcu(s, 'call_srcu');
  const flags = lock_irqsave(s);
  if (head === ld(s + Srcu.CB_NEXT)) {
    unlock_irqrestore(s, flags);
    BUG(`call_srcu: the rcu_head ${symbol_text(head)} is queued already, and is not invoked yet`);
  }
  order_release(head);
  const wanted = snapshot(s);
  st(head, 0);
  st(head + FUNC, func);
  const waits = ld(s + Srcu.CB_WAIT);
  const last = ld(s + Srcu.CB_NEXT);
  st(last, head);
  st(s + Srcu.CB_NEXT, head);
  if (ld(s + Srcu.CB_DONE) === waits) st(s + Srcu.CB_WAIT_SEQ, wanted);
  if (waits === last && ld(s + Srcu.CB_WAIT_SEQ) === wanted) st(s + Srcu.CB_WAIT, head);
  else st(s + Srcu.CB_NEXT_SEQ, wanted);
  a_st(s + Srcu.CB_QUEUED, (ld(s + Srcu.CB_QUEUED) + 1) | 0);
  const queue = request(s, wanted);
  unlock_irqrestore(s, flags);
  if (queue) queue_callbacks(s);
}
function queue_callbacks(s: number): void {
  queue_work_raw(-1, system_wq_at(SystemWq.NORMAL), s + Srcu.WORK);
}
/** Takes the first ready head off the list, 0 if there is none. */
function take_ready(s: number): number {
  const flags = lock_irqsave(s);
  let head = 0;
  if (ld(s + Srcu.CB_DONE) !== s + Srcu.CB_HEAD) {
    head = ld(s + Srcu.CB_HEAD);
    st(s + Srcu.CB_HEAD, ld(head));
    for (let end = Srcu.CB_DONE as number; end <= Srcu.CB_NEXT; end += 4)
      if (ld(s + end) === head) st(s + end, s + Srcu.CB_HEAD);
  }
  unlock_irqrestore(s, flags);
  return head;
}
function invoked(s: number): void {
  const flags = lock_irqsave(s);
  order_release(s + Srcu.CB_INVOKED);
  a_st(s + Srcu.CB_INVOKED, (ld(s + Srcu.CB_INVOKED) + 1) | 0);
  wake(s);
  unlock_irqrestore(s, flags);
}
/** The function of the work item. */
export function srcu_invoke_callbacks(work: number): void {
  const s = work - Srcu.WORK;
  for (;;) {
    const head = take_ready(s);
    if (head === 0) return;
    const func = ld(head + FUNC);
    const count = preempt_count();
    order_acquire(head);
    order_acquire(s + Srcu.SEQ);
    local_bh_disable();
    call_text(func, head);
    local_bh_enable();
    if (preempt_count() !== count || irqs_disabled())
      BUG(`the SRCU callback ${symbol_text(func)} left preemption or interrupts off`);
    invoked(s);
  }
}

/** Context: task. What is still going on is a bug of the caller's, and leaves everything as it is. */
export function cleanup_srcu_struct_raw(s: number): Sleeping<number> {
  might_sleep('cleanup_srcu_struct');
  check_srcu(s, 'cleanup_srcu_struct');
  return delegate(cleanup(s));
}
function* cleanup(s: number): Sleeping<number> {
  if (WARN(srcu_readers_active_raw(s), 'cleanup_srcu_struct of %s: it has readers', lock_text(s))) return 0;
  yield* flush_work_raw(s + Srcu.WORK);
  const left = (ld(s + Srcu.CB_QUEUED) - ld(s + Srcu.CB_INVOKED)) | 0;
  if (
    WARN(left !== 0, 'cleanup_srcu_struct of %s: %d callbacks have not been invoked: srcu_barrier', lock_text(s), left)
  )
    return 0;
  if (WARN(ld(s + Srcu.PHASE) !== 0, 'cleanup_srcu_struct of %s: a grace period is in progress', lock_text(s)))
    return 0;
  const sda = ld(s + Srcu.SDA);
  st(s + Srcu.SDA, 0);
  if (ld(s + Srcu.DYNAMIC) !== 0) free_percpu(sda);
  return 0;
}
