// Completions on byte addresses; linux/completion.ts has the public names. DONE is under the lock of the embedded wait
// queue: how many waiters may pass, COMPLETE_ALL for all of them.
import { current_task } from '../cpu/context.js';
import { order_acquire, order_release } from '../cpu/order.js';
import { a_ld, ld, st } from '../cpu/raw.js';
import { lock_irqsave, unlock_irqrestore } from '../cpu/spinlock.js';
import { set_current_state, __set_current_state } from './core.js';
import { block_on, might_sleep, unblock } from './debug.js';
import { signal_pending_state } from './pending.js';
import { list_push_back, list_remove, list_unlinked } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import {
  Block,
  Completion,
  COMPLETION_FRAME,
  COMPLETION_TIMEOUT,
  TASK_NORMAL,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  WaitEntry,
  WaitHead,
} from './task-layout.js';
import { arm_timeout, disarm_timeout, MAX_SCHEDULE_TIMEOUT, fresh_jiffies } from './timer.js';
import { check_wait_head, init_wait_entry, init_wait_head, wake_up_queue_locked, WQ_FLAG_EXCLUSIVE } from './wait.js';

/** Linux's UINT_MAX. */
const COMPLETE_ALL = -1;
const ERESTARTSYS = 512;

export function init_completion_raw(x: number): void {
  st(x + Completion.DONE, 0);
  init_wait_head(x + Completion.WAIT);
}

/** Lets one waiter pass, now or later. Context: any. */
export function complete_raw(x: number): void {
  check_wait_head(x + Completion.WAIT, 'complete');
  const lock = x + Completion.WAIT + WaitHead.LOCK;
  const flags = lock_irqsave(lock);
  order_release(x);
  if (ld(x) !== COMPLETE_ALL) st(x, ld(x) + 1);
  wake_up_queue_locked(x + Completion.WAIT, TASK_NORMAL, 1);
  unlock_irqrestore(lock, flags);
}
/** Lets all waiters pass, for ever (until reinit_completion). Context: any. */
export function complete_all_raw(x: number): void {
  check_wait_head(x + Completion.WAIT, 'complete_all');
  const lock = x + Completion.WAIT + WaitHead.LOCK;
  const flags = lock_irqsave(lock);
  order_release(x);
  st(x, COMPLETE_ALL);
  wake_up_queue_locked(x + Completion.WAIT, TASK_NORMAL, 0);
  unlock_irqrestore(lock, flags);
}
export function reinit_completion_raw(x: number): void {
  st(x + Completion.DONE, 0);
}
/** Takes one pass without waiting. Context: any. Return: true if there was one. */
export function try_wait_raw(x: number): boolean {
  if (a_ld(x) === 0) return false;
  const lock = x + Completion.WAIT + WaitHead.LOCK;
  const flags = lock_irqsave(lock);
  const got = take(x);
  unlock_irqrestore(lock, flags);
  return got;
}
function take(x: number): boolean {
  const done = ld(x);
  if (done === 0) return false;
  if (done !== COMPLETE_ALL) st(x, done - 1);
  order_acquire(x);
  return true;
}
/** Context: any. The lock: once this is true the caller may free the completion, and complete() must be through. */
export function completion_done_raw(x: number): boolean {
  if (a_ld(x) === 0) return false;
  const lock = x + Completion.WAIT + WaitHead.LOCK;
  unlock_irqrestore(lock, lock_irqsave(lock));
  order_acquire(x);
  return true;
}

/** Frame: state, deadline, pad, pad, wait entry (20), pad to 40, time-out. */
const STATE = 0;
const END = 4;
const ENTRY = 16;
const TIMEOUT = COMPLETION_TIMEOUT;

/**
 * Result: 0 timed out; -ERESTARTSYS for a signal that ends a sleep in `state` (0: none does); else the jiffies left, at
 * least 1. `timeout` MAX_SCHEDULE_TIMEOUT waits for ever.
 */
export function wait_for_completion_attempt(frame: number, x: number, timeout: number, state = 0): number {
  const lock = x + Completion.WAIT + WaitHead.LOCK;
  const limited = timeout < MAX_SCHEDULE_TIMEOUT;
  const first = ld(frame + STATE) === 0;
  const entry = frame + ENTRY;
  const flags = lock_irqsave(lock);
  const left = !limited ? timeout : first ? timeout : Math.max(0, (ld(frame + END) - fresh_jiffies()) | 0);
  const got = take(x);
  const interrupted = !got && left > 0 && signal_pending_state(state, current_task());
  if (got || left <= 0 || interrupted) {
    if (!first && !list_unlinked(entry + WaitEntry.LIST)) list_remove(entry + WaitEntry.LIST);
    unlock_irqrestore(lock, flags);
    __set_current_state(TASK_RUNNING);
    if (!first) {
      unblock();
      if (limited) disarm_timeout(frame + TIMEOUT);
    }
    return got ? Math.max(1, left) : interrupted ? -ERESTARTSYS : 0;
  }
  if (first) {
    st(frame + STATE, 1);
    if (limited) st(frame + END, fresh_jiffies() + timeout);
    init_wait_entry(entry, WQ_FLAG_EXCLUSIVE);
  }
  if (list_unlinked(entry + WaitEntry.LIST))
    list_push_back(entry + WaitEntry.LIST, x + Completion.WAIT + WaitHead.LIST);
  set_current_state(state === 0 ? TASK_UNINTERRUPTIBLE : state);
  unlock_irqrestore(lock, flags);
  if (first) {
    block_on(Block.COMPLETION, x);
    if (limited) arm_timeout(frame + TIMEOUT, timeout);
  }
  return SLEEP;
}

/** Context: task. Return: jiffies left (at least 1), 0 when it timed out, -ERESTARTSYS. */
export function wait_for_completion_timeout_raw(x: number, timeout: number, state = 0): Sleeping<number> {
  might_sleep('wait_for_completion');
  check_wait_head(x + Completion.WAIT, 'wait_for_completion');
  if (try_wait_raw(x)) return ready(Math.max(1, timeout));
  return delegate(drive(wait_for_completion_attempt, COMPLETION_FRAME, x, timeout, state));
}
