// The semaphore on byte addresses; linux/semaphore.ts has the public names.
//
// COUNT is how many may still come in; it and the list are under LOCK. A semaphore has no owner: up() may be called by
// anybody in any context. While tasks wait the count stays 0: up() hands what it gives back to the first of them (its
// frame says so), so that they come in in the order in which they came.
import { cpu, current_task } from '../cpu/context.js';
import { LockKind } from '../cpu/lock-stat.js';
import { note_slept, wait_began } from '../cpu/lock-wait.js';
import { order_acquire, order_release } from '../cpu/order.js';
import { ld, st } from '../cpu/raw.js';
import { arch_spin_init, lock_irqsave, lock_text, spin_holder, unlock_irqrestore } from '../cpu/spinlock.js';
import { BUG } from '../kernel/panic.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { signal_pending_state } from './pending.js';
import { list_init, list_is_empty, list_push_back, list_remove } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { Block, Semaphore, SEMAPHORE_FRAME, TASK_NORMAL, TASK_RUNNING } from './task-layout.js';
import { arm_timeout, disarm_timeout, fresh_jiffies, MAX_SCHEDULE_TIMEOUT } from './timer.js';

const MAGIC = 0x5e4af0e5;
const EINTR = 4;
const ETIME = 62;

// The waiter on the frame: state, task (0: it has been let in), list, deadline, when it came; then the time-out.
const STATE = 0;
const TASK = 4;
const LIST = 8;
const END = 16;
const BEGAN = 20;
const TIMEOUT = 32;

export function sema_init_raw(s: number, count: number): void {
  arch_spin_init(s + Semaphore.LOCK);
  st(s + Semaphore.COUNT, count);
  list_init(s + Semaphore.WAIT_LIST);
  st(s + Semaphore.MAGIC, MAGIC);
}
function check(s: number, what: string): void {
  if (ld(s + Semaphore.MAGIC) !== MAGIC)
    BUG(`${what}: the semaphore ${lock_text(s)} is not initialised (sema_init or DEFINE_SEMAPHORE)`);
}

/** Context: any. Return: true if it let the caller in. */
export function down_trylock_raw(s: number, what = 'down_trylock'): boolean {
  check(s, what);
  const flags = lock_irqsave(s + Semaphore.LOCK);
  const got = take(s);
  unlock_irqrestore(s + Semaphore.LOCK, flags);
  return got;
}
function take(s: number): boolean {
  const count = ld(s + Semaphore.COUNT);
  if (count <= 0) return false;
  st(s + Semaphore.COUNT, count - 1);
  order_acquire(s);
  return true;
}

/** Result: 0, -EINTR, -ETIME. `timeout` in jiffies, MAX_SCHEDULE_TIMEOUT for ever. */
export function down_attempt(frame: number, s: number, state: number, timeout: number): number {
  const me = current_task();
  const limited = timeout < MAX_SCHEDULE_TIMEOUT;
  const queued = ld(frame + STATE) !== 0;
  const flags = lock_irqsave(s + Semaphore.LOCK);
  if (!queued) {
    if (take(s)) {
      unlock_irqrestore(s + Semaphore.LOCK, flags);
      return 0;
    }
    st(frame + STATE, 1);
    st(frame + TASK, me);
    st(frame + BEGAN, wait_began());
    if (limited) st(frame + END, fresh_jiffies() + timeout);
    list_push_back(frame + LIST, s + Semaphore.WAIT_LIST);
  }
  const let_in = ld(frame + TASK) === 0;
  // The state first, then the look: a signal that is sent after it wakes the task.
  if (!let_in) set_current_state(state);
  const left = limited ? (ld(frame + END) - fresh_jiffies()) | 0 : 1;
  const result = let_in ? 0 : signal_pending_state(state, me) ? -EINTR : left <= 0 ? -ETIME : SLEEP;
  if (result < 0) list_remove(frame + LIST);
  if (result !== SLEEP) __set_current_state(TASK_RUNNING);
  unlock_irqrestore(s + Semaphore.LOCK, flags);
  if (result === SLEEP) {
    if (!queued) {
      block_on(Block.SEMAPHORE, s);
      if (limited) arm_timeout(frame + TIMEOUT, timeout);
    }
    return SLEEP;
  }
  if (queued) {
    unblock();
    if (limited) disarm_timeout(frame + TIMEOUT);
  }
  if (result === 0) order_acquire(s);
  if (result === 0) note_slept(ld(frame + BEGAN), s, LockKind.SEMAPHORE);
  return result;
}

/** Context: task. Return: 0, -EINTR, -ETIME. */
export function down_raw(s: number, state: number, timeout: number, what: string): Sleeping<number> {
  might_sleep(what);
  return down_trylock_raw(s, what) ? ready(0) : delegate(drive(down_attempt, SEMAPHORE_FRAME, s, state, timeout));
}

/** Lets one more in: the first that waits, if there is one. Context: any. */
export function up_raw(s: number): void {
  check(s, 'up');
  order_release(s);
  const flags = lock_irqsave(s + Semaphore.LOCK);
  if (list_is_empty(s + Semaphore.WAIT_LIST)) st(s + Semaphore.COUNT, ld(s + Semaphore.COUNT) + 1);
  else {
    const waiter = ld(s + Semaphore.WAIT_LIST) - LIST;
    const task = ld(waiter + TASK);
    list_remove(waiter + LIST);
    st(waiter + TASK, 0);
    // Under the lock: the task does not go on, and its frame stays, until it has had it.
    try_to_wake_up(task, TASK_NORMAL);
  }
  unlock_irqrestore(s + Semaphore.LOCK, flags);
}

/** As mutex_abandon: the task died of an oops while it was on the list. */
export function semaphore_abandon(s: number, task: number): void {
  if (ld(s + Semaphore.MAGIC) !== MAGIC || spin_holder(s + Semaphore.LOCK) === cpu) return;
  const flags = lock_irqsave(s + Semaphore.LOCK);
  for (let at = ld(s + Semaphore.WAIT_LIST); at !== s + Semaphore.WAIT_LIST; at = ld(at)) {
    if (ld(at - LIST + TASK) !== task) continue;
    list_remove(at);
    break;
  }
  unlock_irqrestore(s + Semaphore.LOCK, flags);
}
