// <linux/wait.h>: wait queues. `wait_event*` are loops over prepare_to_wait, schedule and finish_wait, as Linux's macros
// are; their condition is a function that is called again after each wake-up and must not sleep.
import { set_current_state } from '../sched/core.js';
import { __might_sleep } from '../sched/debug.js';
import { delegate, pop_frame, push_frame, ready, schedule_debug, type Sleeping } from '../sched/sleep.js';
import { SCHEDULE } from '../cpu/vectors.js';
import {
  TASK_INTERRUPTIBLE,
  TASK_KILLABLE,
  TASK_NORMAL,
  TASK_UNINTERRUPTIBLE,
  TIMEOUT_FRAME,
} from '../sched/task-layout.js';
import { arm_timeout, disarm_timeout, fresh_jiffies } from '../sched/timer.js';
import {
  finish_wait_raw,
  init_wait_entry,
  init_wait_head,
  prepare_to_wait_event_raw,
  prepare_to_wait_raw,
  waitqueue_active_raw,
  wake_up_queue,
  WQ_FLAG_EXCLUSIVE,
} from '../sched/wait.js';
import { list_head } from './list-types.js';
import { spinlock_t } from './spinlock.js';
import { DEFINE_STATIC, fn, ptr, Struct, u32 } from './types.js';

export class wait_queue_head_t extends Struct(
  'wait_queue_head',
  { lock: spinlock_t, head: list_head },
  { init: init_wait_head },
) {}
export class wait_queue_entry_t extends Struct('wait_queue_entry', {
  flags: u32,
  private: ptr(),
  func: fn,
  entry: list_head,
}) {}
export { TASK_INTERRUPTIBLE, TASK_NORMAL, TASK_UNINTERRUPTIBLE, WQ_FLAG_EXCLUSIVE };

export const DECLARE_WAIT_QUEUE_HEAD = (): wait_queue_head_t => DEFINE_STATIC(wait_queue_head_t);
export const DEFINE_WAIT_QUEUE_HEAD = DECLARE_WAIT_QUEUE_HEAD;
/** Context: any. */
export const init_waitqueue_head = (wq: wait_queue_head_t): void => init_wait_head(wq['@addr']);

/** Wake all waiters that are not exclusive, and one (nr, all) exclusive one. Context: any. Return: how many. */
export const wake_up = (wq: wait_queue_head_t): number => wake_up_queue(wq['@addr'], TASK_NORMAL, 1);
export const wake_up_nr = (wq: wait_queue_head_t, nr: number): number => wake_up_queue(wq['@addr'], TASK_NORMAL, nr);
export const wake_up_all = (wq: wait_queue_head_t): number => wake_up_queue(wq['@addr'], TASK_NORMAL, 0);
export const wake_up_interruptible = (wq: wait_queue_head_t): number =>
  wake_up_queue(wq['@addr'], TASK_INTERRUPTIBLE, 1);
export const wake_up_interruptible_all = (wq: wait_queue_head_t): number =>
  wake_up_queue(wq['@addr'], TASK_INTERRUPTIBLE, 0);

/** True if somebody waits; needs a barrier before it, as in Linux. Context: any. */
export const waitqueue_active = (wq: wait_queue_head_t): boolean => waitqueue_active_raw(wq['@addr']);

/** Prepares an entry (in memory of the caller's) for the running task. */
export const init_wait = (entry: wait_queue_entry_t): void => init_wait_entry(entry['@addr'], 0);
/** Queues the entry and sets the task's state; look at the condition, then schedule(). Context: task. */
export const prepare_to_wait = (wq: wait_queue_head_t, entry: wait_queue_entry_t, state: number): void =>
  prepare_to_wait_raw(wq['@addr'], entry['@addr'], state);
export function prepare_to_wait_exclusive(wq: wait_queue_head_t, entry: wait_queue_entry_t, state: number): void {
  entry.flags |= WQ_FLAG_EXCLUSIVE;
  prepare_to_wait_raw(wq['@addr'], entry['@addr'], state);
}
export const finish_wait = (wq: wait_queue_head_t, entry: wait_queue_entry_t): void =>
  finish_wait_raw(wq['@addr'], entry['@addr']);

type Condition = () => unknown;

/**
 * The entry lies on a frame of the task. Ends with the entry off the queue even when the condition oopses.
 * Return: 0, -ERESTARTSYS if `state` is one that a signal ends.
 */
function* wait_loop(wq: number, condition: Condition, state: number, flags: number): Sleeping<number> {
  const entry = push_frame(24);
  init_wait_entry(entry, flags);
  let result = 0;
  try {
    for (;;) {
      result = prepare_to_wait_event_raw(wq, entry, state);
      if (condition()) {
        result = 0;
        break;
      }
      if (result !== 0) break;
      schedule_debug();
      yield SCHEDULE;
    }
  } finally {
    finish_wait_raw(wq, entry);
  }
  pop_frame(entry);
  return result;
}

/** Sleeps until the condition is true. */
export function wait_event(wq: wait_queue_head_t, condition: Condition): Sleeping<number> {
  __might_sleep('wait_event');
  if (condition()) return ready(0);
  return delegate(wait_loop(wq['@addr'], condition, TASK_UNINTERRUPTIBLE, 0));
}
/** Return: 0 when the condition is true, -ERESTARTSYS if a signal was pending while it was not. */
export function wait_event_interruptible(wq: wait_queue_head_t, condition: Condition): Sleeping<number> {
  __might_sleep('wait_event_interruptible');
  if (condition()) return ready(0);
  return delegate(wait_loop(wq['@addr'], condition, TASK_INTERRUPTIBLE, 0));
}
/** As wait_event_interruptible, but no signal except SIGKILL ends it. */
export function wait_event_killable(wq: wait_queue_head_t, condition: Condition): Sleeping<number> {
  __might_sleep('wait_event_killable');
  if (condition()) return ready(0);
  return delegate(wait_loop(wq['@addr'], condition, TASK_KILLABLE, 0));
}
/** As an exclusive waiter: a wake_up wakes one of them. */
export function wait_event_interruptible_exclusive(wq: wait_queue_head_t, condition: Condition): Sleeping<number> {
  __might_sleep('wait_event_interruptible_exclusive');
  if (condition()) return ready(0);
  return delegate(wait_loop(wq['@addr'], condition, TASK_INTERRUPTIBLE, WQ_FLAG_EXCLUSIVE));
}
/**
 * Sleeps until the condition is true or `timeout` jiffies have passed.
 * Return: 0 if the condition was false to the end; else the jiffies left, at least 1.
 */
export function wait_event_timeout(wq: wait_queue_head_t, condition: Condition, timeout: number): Sleeping<number> {
  __might_sleep('wait_event_timeout');
  if (condition()) return ready(Math.max(1, timeout));
  return delegate(wait_timeout_loop(wq['@addr'], condition, TASK_UNINTERRUPTIBLE, timeout));
}
/** As wait_event_timeout. Return: also -ERESTARTSYS if a signal was pending. */
export function wait_event_interruptible_timeout(
  wq: wait_queue_head_t,
  condition: Condition,
  timeout: number,
): Sleeping<number> {
  __might_sleep('wait_event_interruptible_timeout');
  if (condition()) return ready(Math.max(1, timeout));
  return delegate(wait_timeout_loop(wq['@addr'], condition, TASK_INTERRUPTIBLE, timeout));
}
function* wait_timeout_loop(wq: number, condition: Condition, state: number, timeout: number): Sleeping<number> {
  const entry = push_frame(24 + TIMEOUT_FRAME);
  const timer = entry + 24;
  const end = fresh_jiffies() + timeout;
  init_wait_entry(entry, 0);
  let left = 0;
  set_current_state(state);
  arm_timeout(timer, timeout);
  try {
    for (;;) {
      const interrupted = prepare_to_wait_event_raw(wq, entry, state);
      left = Math.max(0, (end - fresh_jiffies()) | 0);
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
    finish_wait_raw(wq, entry);
    disarm_timeout(timer);
  }
  pop_frame(entry);
  return left;
}
