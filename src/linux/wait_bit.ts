// <linux/wait_bit.h>: waiting for a bit of a word to be clear, or for a condition on a variable, without a wait queue of
// its own: they share a table of them. The algorithm is sched/wait-bit.ts. `word` is where a bitmap begins, a view or an
// address; so is `var`. Context: task for waits, any for wake-ups.
import { SCHEDULE } from '../cpu/vectors.js';
import { __might_sleep } from '../sched/debug.js';
import { delegate, pop_frame, push_frame, ready, schedule_debug, type Sleeping } from '../sched/sleep.js';
import { TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_UNINTERRUPTIBLE, TIMEOUT_FRAME } from '../sched/task-layout.js';
import { arm_timeout, disarm_timeout, fresh_jiffies, MAX_SCHEDULE_TIMEOUT } from '../sched/timer.js';
import { BIT_ENTRY, finish_wait_raw, prepare_to_wait_event_raw, VARIABLE } from '../sched/wait.js';
import {
  bit_queue,
  init_bit_entry,
  wait_on_bit_lock_raw,
  wait_on_bit_raw,
  wait_on_bit_timeout_raw,
  wake_up_bit_raw,
} from '../sched/wait-bit.js';
import { clear_bit_unlock, test_and_clear_bit } from './bitops.js';
import { addr_of, type StructView } from './field.js';

type Word = StructView | number;

/** Return: 0 when the bit is clear, -EINTR for a signal that ends a sleep in `mode`. */
export const wait_on_bit = (word: Word, bit: number, mode: number): Sleeping<number> =>
  wait_on_bit_raw(addr_of(word) + ((bit >> 5) << 2), bit & 31, mode);
/** Linux counts it as waiting for a device. */
export const wait_on_bit_io = wait_on_bit;
/** Return: also -EAGAIN when `timeout` jiffies have passed. */
export const wait_on_bit_timeout = (word: Word, bit: number, mode: number, timeout: number): Sleeping<number> =>
  wait_on_bit_timeout_raw(addr_of(word) + ((bit >> 5) << 2), bit & 31, mode, timeout);
/** Return: 0 when the caller has set the bit, which was clear: it has the lock; -EINTR. */
export const wait_on_bit_lock = (word: Word, bit: number, mode: number): Sleeping<number> =>
  wait_on_bit_lock_raw(addr_of(word) + ((bit >> 5) << 2), bit & 31, mode);
export const wait_on_bit_lock_io = wait_on_bit_lock;

/** Wakes those who wait for the bit, if it is clear: clear it, then smp_mb__after_atomic(), then this. Context: any. */
export const wake_up_bit = (word: Word, bit: number): void =>
  wake_up_bit_raw(addr_of(word) + ((bit >> 5) << 2), bit & 31);
/** Context: any. */
export function clear_and_wake_up_bit(bit: number, word: Word): void {
  clear_bit_unlock(bit, addr_of(word));
  wake_up_bit_raw(addr_of(word) + ((bit >> 5) << 2), bit & 31);
}
/** Context: any. Return: true if the bit was set. */
export function test_and_clear_wake_up_bit(bit: number, word: Word): boolean {
  if (!test_and_clear_bit(bit, addr_of(word))) return false;
  wake_up_bit_raw(addr_of(word) + ((bit >> 5) << 2), bit & 31);
  return true;
}

/** Wakes those who wait for this variable: change it, then smp_mb(), then this. Context: any. */
export const wake_up_var = (variable: Word): void => wake_up_bit_raw(addr_of(variable), VARIABLE);

/** As wait_event, on a variable. Return: jiffies left, at least 1, 0 timed out; -ERESTARTSYS. */
function* var_loop(word: number, condition: () => unknown, state: number, timeout: number): Sleeping<number> {
  const entry = push_frame(BIT_ENTRY + TIMEOUT_FRAME);
  const timer = entry + BIT_ENTRY;
  const head = bit_queue(word, VARIABLE);
  const limited = timeout < MAX_SCHEDULE_TIMEOUT;
  const end = fresh_jiffies() + timeout;
  let left = timeout;
  init_bit_entry(entry, word, VARIABLE, 0);
  if (limited) arm_timeout(timer, timeout);
  try {
    for (;;) {
      const interrupted = prepare_to_wait_event_raw(head, entry, state);
      if (limited) left = Math.max(0, (end - fresh_jiffies()) | 0);
      if (condition()) {
        left = Math.max(1, left);
        break;
      }
      if (left === 0) break;
      if (interrupted !== 0) {
        left = interrupted;
        break;
      }
      schedule_debug();
      yield SCHEDULE;
    }
  } finally {
    finish_wait_raw(head, entry);
    if (limited) disarm_timeout(timer);
  }
  pop_frame(entry);
  return left;
}
function* var_result(word: number, condition: () => unknown, state: number): Sleeping<number> {
  const left = yield* var_loop(word, condition, state, MAX_SCHEDULE_TIMEOUT);
  return left < 0 ? left : 0;
}
/** Sleeps until the condition is true. Whoever makes it true calls wake_up_var(var). Return: 0. */
export function wait_var_event(variable: Word, condition: () => unknown): Sleeping<number> {
  __might_sleep('wait_var_event');
  if (condition()) return ready(0);
  return delegate(var_result(addr_of(variable), condition, TASK_UNINTERRUPTIBLE));
}
/** Return: 0, -ERESTARTSYS for a signal; `killable` for SIGKILL. */
export function wait_var_event_interruptible(variable: Word, condition: () => unknown): Sleeping<number> {
  __might_sleep('wait_var_event_interruptible');
  if (condition()) return ready(0);
  return delegate(var_result(addr_of(variable), condition, TASK_INTERRUPTIBLE));
}
export function wait_var_event_killable(variable: Word, condition: () => unknown): Sleeping<number> {
  __might_sleep('wait_var_event_killable');
  if (condition()) return ready(0);
  return delegate(var_result(addr_of(variable), condition, TASK_KILLABLE));
}
/** Return: 0 if it was false for `timeout` jiffies, else the jiffies left, at least 1. */
export function wait_var_event_timeout(variable: Word, condition: () => unknown, timeout: number): Sleeping<number> {
  __might_sleep('wait_var_event_timeout');
  if (condition()) return ready(Math.max(1, timeout));
  return delegate(var_loop(addr_of(variable), condition, TASK_UNINTERRUPTIBLE, timeout));
}
