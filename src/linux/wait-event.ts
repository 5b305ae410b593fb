// The wait_event family of <linux/wait.h>: sleep until a condition is true. Loops over prepare_to_wait_event, schedule
// and finish_wait, as Linux's macros are. Exported by wait.ts.
//
// `condition` is a function, called again after each wake-up, that must not sleep; so are `cmd1` and `cmd2`. It may be a
// closure: nothing keeps it. Whoever makes it true calls wake_up afterwards.
// Context: task. Names as in Linux: `interruptible` sleeps are ended by any signal, `killable` ones by SIGKILL, both with
// -ERESTARTSYS; `idle` is uninterruptible and not reported when it takes long; `exclusive` waiters are woken one at a
// time; time-outs are jiffies.
import { SCHEDULE } from '../cpu/vectors.js';
import { set_current_state } from '../sched/core.js';
import { __might_sleep } from '../sched/debug.js';
import { delegate, pop_frame, push_frame, ready, schedule_debug, type Sleeping } from '../sched/sleep.js';
import {
  TASK_IDLE,
  TASK_INTERRUPTIBLE,
  TASK_KILLABLE,
  TASK_UNINTERRUPTIBLE,
  TIMEOUT_FRAME,
} from '../sched/task-layout.js';
import { arm_timeout, disarm_timeout, fresh_jiffies, MAX_SCHEDULE_TIMEOUT } from '../sched/timer.js';
import {
  finish_locked,
  finish_wait_raw,
  init_wait_entry,
  is_held,
  prepare_locked,
  prepare_to_wait_event_raw,
  settle,
  WQ_FLAG_EXCLUSIVE,
} from '../sched/wait.js';
import { spin_lock, spin_lock_irq, spin_unlock, spin_unlock_irq, type spinlock_t } from './spinlock.js';
import type { wait_queue_head_t } from './wait-types.js';

type Condition = () => unknown;
type Command = (() => unknown) | null;
type Queue = wait_queue_head_t;
const ENTRY_FRAME = 24;

/**
 * The entry lies on a frame of the task. Ends with the entry off the queue even when the condition oopses.
 * Return: 0, -ERESTARTSYS if `state` is one that a signal ends.
 */
function* wait_loop(wq: number, condition: Condition, state: number, flags: number): Sleeping<number> {
  const entry = push_frame(ENTRY_FRAME);
  init_wait_entry(entry, flags);
  let result = 0;
  try {
    for (;;) {
      if (is_held(wq)) settle(wq);
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
    if (is_held(wq)) settle(wq);
    finish_wait_raw(wq, entry);
  }
  pop_frame(entry);
  return result;
}
/** The same with something to do before and after each sleep. */
function* wait_cmd_loop(
  wq: number,
  condition: Condition,
  flags: number,
  before: Command,
  after: Command,
): Sleeping<number> {
  const entry = push_frame(ENTRY_FRAME);
  init_wait_entry(entry, flags);
  try {
    for (;;) {
      if (is_held(wq)) settle(wq);
      prepare_to_wait_event_raw(wq, entry, TASK_UNINTERRUPTIBLE);
      if (condition()) break;
      if (before !== null) before();
      schedule_debug();
      yield SCHEDULE;
      if (after !== null) after();
    }
  } finally {
    if (is_held(wq)) settle(wq);
    finish_wait_raw(wq, entry);
  }
  pop_frame(entry);
  return 0;
}
/** Return: 0 timed out, -ERESTARTSYS, else the jiffies left, at least 1. */
function* wait_timeout_loop(
  wq: number,
  condition: Condition,
  state: number,
  flags: number,
  timeout: number,
): Sleeping<number> {
  const entry = push_frame(ENTRY_FRAME + TIMEOUT_FRAME);
  const timer = entry + ENTRY_FRAME;
  const limited = timeout < MAX_SCHEDULE_TIMEOUT;
  const end = fresh_jiffies() + timeout;
  init_wait_entry(entry, flags);
  let left = timeout;
  set_current_state(state);
  if (limited) arm_timeout(timer, timeout);
  try {
    for (;;) {
      if (is_held(wq)) settle(wq);
      const interrupted = prepare_to_wait_event_raw(wq, entry, state);
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
    if (is_held(wq)) settle(wq);
    finish_wait_raw(wq, entry);
    if (limited) disarm_timeout(timer);
  }
  pop_frame(entry);
  return left;
}
/** With a spin lock, held at every look at the condition and at the end. Return: as wait_timeout_loop. */
function* wait_lock_irq_loop(
  wq: number,
  condition: Condition,
  state: number,
  lock: spinlock_t,
  cmd: Command,
  timeout: number,
): Sleeping<number> {
  const entry = push_frame(ENTRY_FRAME + TIMEOUT_FRAME);
  const timer = entry + ENTRY_FRAME;
  const limited = timeout < MAX_SCHEDULE_TIMEOUT;
  const end = fresh_jiffies() + timeout;
  init_wait_entry(entry, 0);
  if (limited) arm_timeout(timer, timeout);
  let left = timeout;
  for (;;) {
    if (is_held(wq)) settle(wq);
    const interrupted = prepare_to_wait_event_raw(wq, entry, state);
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
    spin_unlock_irq(lock);
    if (cmd !== null) cmd();
    schedule_debug();
    yield SCHEDULE;
    spin_lock_irq(lock);
  }
  if (is_held(wq)) settle(wq);
  finish_wait_raw(wq, entry);
  if (limited) disarm_timeout(timer);
  pop_frame(entry);
  return left;
}
/** Under the queue's own lock. Return: 0, -ERESTARTSYS. */
function* wait_locked_loop(wq: Queue, condition: Condition, flags: number, irq: boolean): Sleeping<number> {
  const head = wq['@addr'];
  const entry = push_frame(ENTRY_FRAME);
  init_wait_entry(entry, flags);
  let result = 0;
  do {
    result = prepare_locked(head, entry, TASK_INTERRUPTIBLE);
    if (result !== 0) break;
    if (irq) spin_unlock_irq(wq.lock);
    else spin_unlock(wq.lock);
    schedule_debug();
    yield SCHEDULE;
    if (irq) spin_lock_irq(wq.lock);
    else spin_lock(wq.lock);
  } while (!condition());
  finish_locked(entry);
  pop_frame(entry);
  return result;
}

/** The look before the first sleep, for a condition that is true already. `what` is the name for reports. */
function wait_until(what: string, wq: Queue, condition: Condition, state: number, flags: number): Sleeping<number> {
  __might_sleep(what);
  if (condition()) return ready(0);
  return delegate(wait_loop(wq['@addr'], condition, state, flags));
}
function wait_until_timeout(
  what: string,
  wq: Queue,
  condition: Condition,
  state: number,
  flags: number,
  timeout: number,
): Sleeping<number> {
  __might_sleep(what);
  if (condition()) return ready(Math.max(1, timeout));
  return delegate(wait_timeout_loop(wq['@addr'], condition, state, flags, timeout));
}

// ---- until it is true. Return: 0; -ERESTARTSYS if a signal was pending while it was not -----------------------------

export function wait_event(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('wait_event', wq, condition, TASK_UNINTERRUPTIBLE, 0);
}
/** Linux counts it as waiting for a device. */
export function io_wait_event(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('io_wait_event', wq, condition, TASK_UNINTERRUPTIBLE, 0);
}
export function wait_event_interruptible(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('wait_event_interruptible', wq, condition, TASK_INTERRUPTIBLE, 0);
}
export function wait_event_interruptible_exclusive(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('wait_event_interruptible_exclusive', wq, condition, TASK_INTERRUPTIBLE, WQ_FLAG_EXCLUSIVE);
}
export function wait_event_killable(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('wait_event_killable', wq, condition, TASK_KILLABLE, 0);
}
export function wait_event_killable_exclusive(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('wait_event_killable_exclusive', wq, condition, TASK_KILLABLE, WQ_FLAG_EXCLUSIVE);
}
export function wait_event_idle(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('wait_event_idle', wq, condition, TASK_IDLE, 0);
}
export function wait_event_idle_exclusive(wq: Queue, condition: Condition): Sleeping<number> {
  return wait_until('wait_event_idle_exclusive', wq, condition, TASK_IDLE, WQ_FLAG_EXCLUSIVE);
}
/** Nothing freezes tasks here. */
export const wait_event_freezable = wait_event_interruptible;
/** Calls `cmd1` before each sleep and `cmd2` after it. */
export function wait_event_cmd(wq: Queue, condition: Condition, cmd1: Command, cmd2: Command): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(wait_cmd_loop(wq['@addr'], condition, 0, cmd1, cmd2));
}
export function wait_event_exclusive_cmd(
  wq: Queue,
  condition: Condition,
  cmd1: Command,
  cmd2: Command,
): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(wait_cmd_loop(wq['@addr'], condition, WQ_FLAG_EXCLUSIVE, cmd1, cmd2));
}

// ---- or until `timeout` jiffies have passed. Return: 0 if it was false to the end; -ERESTARTSYS; else the jiffies left,
// at least 1 -----------------------------------------------------------------------------------------------------------

export function wait_event_timeout(wq: Queue, condition: Condition, timeout: number): Sleeping<number> {
  return wait_until_timeout('wait_event_timeout', wq, condition, TASK_UNINTERRUPTIBLE, 0, timeout);
}
export function wait_event_interruptible_timeout(wq: Queue, condition: Condition, timeout: number): Sleeping<number> {
  return wait_until_timeout('wait_event_interruptible_timeout', wq, condition, TASK_INTERRUPTIBLE, 0, timeout);
}
export function wait_event_killable_timeout(wq: Queue, condition: Condition, timeout: number): Sleeping<number> {
  return wait_until_timeout('wait_event_killable_timeout', wq, condition, TASK_KILLABLE, 0, timeout);
}
export function wait_event_idle_timeout(wq: Queue, condition: Condition, timeout: number): Sleeping<number> {
  return wait_until_timeout('wait_event_idle_timeout', wq, condition, TASK_IDLE, 0, timeout);
}
export function wait_event_idle_exclusive_timeout(wq: Queue, condition: Condition, timeout: number): Sleeping<number> {
  return wait_until_timeout('wait_event_idle_exclusive_timeout', wq, condition, TASK_IDLE, WQ_FLAG_EXCLUSIVE, timeout);
}
export const wait_event_freezable_timeout = wait_event_interruptible_timeout;

// ---- with a lock that the condition needs: held, with interrupts off, when this is called, at every look and when it
// returns; not while it sleeps. The waker need not hold it --------------------------------------------------------------

export function wait_event_lock_irq(wq: Queue, condition: Condition, lock: spinlock_t): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(locked_result(wq, condition, TASK_UNINTERRUPTIBLE, lock, null));
}
/** Calls `cmd` without the lock before each sleep. */
export function wait_event_lock_irq_cmd(
  wq: Queue,
  condition: Condition,
  lock: spinlock_t,
  cmd: Command,
): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(locked_result(wq, condition, TASK_UNINTERRUPTIBLE, lock, cmd));
}
/** Return: 0, -ERESTARTSYS, with the lock held. */
export function wait_event_interruptible_lock_irq(wq: Queue, condition: Condition, lock: spinlock_t): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(locked_result(wq, condition, TASK_INTERRUPTIBLE, lock, null));
}
export function wait_event_interruptible_lock_irq_cmd(
  wq: Queue,
  condition: Condition,
  lock: spinlock_t,
  cmd: Command,
): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(locked_result(wq, condition, TASK_INTERRUPTIBLE, lock, cmd));
}
function* locked_result(
  wq: Queue,
  condition: Condition,
  state: number,
  lock: spinlock_t,
  cmd: Command,
): Sleeping<number> {
  const left = yield* wait_lock_irq_loop(wq['@addr'], condition, state, lock, cmd, MAX_SCHEDULE_TIMEOUT);
  return left < 0 ? left : 0;
}
/** Return: 0 if it was false to the end; else the jiffies left, at least 1. */
export function wait_event_lock_irq_timeout(
  wq: Queue,
  condition: Condition,
  lock: spinlock_t,
  timeout: number,
): Sleeping<number> {
  if (condition()) return ready(Math.max(1, timeout));
  return delegate(wait_lock_irq_loop(wq['@addr'], condition, TASK_UNINTERRUPTIBLE, lock, null, timeout));
}
export function wait_event_interruptible_lock_irq_timeout(
  wq: Queue,
  condition: Condition,
  lock: spinlock_t,
  timeout: number,
): Sleeping<number> {
  if (condition()) return ready(Math.max(1, timeout));
  return delegate(wait_lock_irq_loop(wq['@addr'], condition, TASK_INTERRUPTIBLE, lock, null, timeout));
}

// ---- with the queue's own lock (wq.lock), held when this is called and when it returns. Whoever wakes holds it too, and
// calls wake_up_locked. Return: 0, -ERESTARTSYS ---------------------------------------------------------------------------

export function wait_event_interruptible_locked(wq: Queue, condition: Condition): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(wait_locked_loop(wq, condition, 0, false));
}
export function wait_event_interruptible_exclusive_locked(wq: Queue, condition: Condition): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(wait_locked_loop(wq, condition, WQ_FLAG_EXCLUSIVE, false));
}
/** With spin_lock_irq. */
export function wait_event_interruptible_locked_irq(wq: Queue, condition: Condition): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(wait_locked_loop(wq, condition, 0, true));
}
export function wait_event_interruptible_exclusive_locked_irq(wq: Queue, condition: Condition): Sleeping<number> {
  if (condition()) return ready(0);
  return delegate(wait_locked_loop(wq, condition, WQ_FLAG_EXCLUSIVE, true));
}
