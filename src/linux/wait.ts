// <linux/wait.h>: wait queues. Waking, and waiting by hand; `wait_event*` are in wait-event.ts. The algorithm is
// sched/wait.ts.
//
// Linux declares an entry on the stack, which TypeScript code does not have in the machine's memory. DEFINE_WAIT takes
// one from the task's frames; finish_wait and remove_wait_queue give it back, and with several of them that is done in
// the reverse order. init_wait prepares one that lies anywhere else.
import { text_handle } from '../kernel/text.js';
import { might_sleep } from '../sched/debug.js';
import { delegate, drive, type Sleeping } from '../sched/sleep.js';
import {
  add_wait_queue_raw,
  autoremove_wake,
  AUTOREMOVE_WAKE,
  default_wake,
  DEFAULT_WAKE,
  finish_wait_raw,
  init_wait_entry,
  init_wait_head,
  is_held,
  prepare_to_wait_event_raw,
  prepare_to_wait_raw,
  push_wait_entry,
  release_entry,
  remove_wait_queue_raw,
  settle,
  WAIT_WOKEN_FRAME,
  wait_woken_attempt,
  waitqueue_active_raw,
  type WakeFunction,
  wake_up_queue,
  wake_up_queue_locked,
  woken_wake,
  WOKEN_WAKE,
  WQ_FLAG_EXCLUSIVE,
  WQ_FLAG_PRIORITY,
  WQ_FLAG_WOKEN,
} from '../sched/wait.js';
import {
  TASK_INTERRUPTIBLE,
  TASK_KILLABLE,
  TASK_NORMAL,
  TASK_UNINTERRUPTIBLE,
  WaitEntry,
} from '../sched/task-layout.js';
import { a_and, a_or, st } from '../cpu/raw.js';
import { smp_mb } from './barrier.js';
import { DEFINE_STATIC } from './types.js';
import { wait_queue_entry_t, wait_queue_head_t } from './wait-types.js';

export { wait_queue_entry_t, wait_queue_head_t };
export { TASK_INTERRUPTIBLE, TASK_KILLABLE, TASK_NORMAL, TASK_UNINTERRUPTIBLE };
export { WQ_FLAG_EXCLUSIVE, WQ_FLAG_PRIORITY, WQ_FLAG_WOKEN };
export * from './wait-event.js';
/** Called with the entry's address, under the queue's lock. Return: 0 woke nobody; less than 0 ends the wake-up. */
export type wait_queue_func_t = WakeFunction;

export const DECLARE_WAIT_QUEUE_HEAD = (): wait_queue_head_t => DEFINE_STATIC(wait_queue_head_t);
export const DEFINE_WAIT_QUEUE_HEAD = DECLARE_WAIT_QUEUE_HEAD;
/** Context: any. */
export const init_waitqueue_head = (wq: wait_queue_head_t): void => init_wait_head(wq['@addr']);

// ---- waking ---------------------------------------------------------------------------------------------------------
// All waiters that are not exclusive are woken, and one (nr, all) exclusive one. Context: any, those with `_locked` under
// the queue's lock. Return: how many exclusive ones were woken.

/** Wakes those whose state is one of `mode`; `key` is given to their wake functions. */
export function __wake_up(wq: wait_queue_head_t, mode: number, nr_exclusive: number, key: number): number {
  const head = wq['@addr'];
  if (is_held(head)) settle(head);
  return wake_up_queue(head, mode, nr_exclusive, key);
}
export function wake_up(wq: wait_queue_head_t): number {
  const head = wq['@addr'];
  if (is_held(head)) settle(head);
  return wake_up_queue(head, TASK_NORMAL, 1);
}
export const wake_up_nr = (wq: wait_queue_head_t, nr: number): number => __wake_up(wq, TASK_NORMAL, nr, 0);
export const wake_up_all = (wq: wait_queue_head_t): number => __wake_up(wq, TASK_NORMAL, 0, 0);
export const wake_up_interruptible = (wq: wait_queue_head_t): number => __wake_up(wq, TASK_INTERRUPTIBLE, 1, 0);
export const wake_up_interruptible_nr = (wq: wait_queue_head_t, nr: number): number =>
  __wake_up(wq, TASK_INTERRUPTIBLE, nr, 0);
export const wake_up_interruptible_all = (wq: wait_queue_head_t): number => __wake_up(wq, TASK_INTERRUPTIBLE, 0, 0);
/** The waker is about to sleep, which is a hint that nothing here takes. */
export const wake_up_sync = (wq: wait_queue_head_t): number => __wake_up(wq, TASK_NORMAL, 1, 0);
export const wake_up_interruptible_sync = (wq: wait_queue_head_t): number => __wake_up(wq, TASK_INTERRUPTIBLE, 1, 0);
/** `events` is the key that wake functions get. */
export const wake_up_poll = (wq: wait_queue_head_t, events: number): number => __wake_up(wq, TASK_NORMAL, 1, events);
export const wake_up_interruptible_poll = (wq: wait_queue_head_t, events: number): number =>
  __wake_up(wq, TASK_INTERRUPTIBLE, 1, events);
export const wake_up_interruptible_sync_poll = wake_up_interruptible_poll;
export const wake_up_locked = (wq: wait_queue_head_t): number => wake_up_queue_locked(wq['@addr'], TASK_NORMAL, 1);
export const wake_up_all_locked = (wq: wait_queue_head_t): number => wake_up_queue_locked(wq['@addr'], TASK_NORMAL, 0);
export const wake_up_locked_poll = (wq: wait_queue_head_t, events: number): number =>
  wake_up_queue_locked(wq['@addr'], TASK_NORMAL, 1, events);

/** True if somebody waits; needs a barrier before it, as in Linux. Context: any. */
export const waitqueue_active = (wq: wait_queue_head_t): boolean => waitqueue_active_raw(wq['@addr']);
/** With the barrier. Context: any. */
export function wq_has_sleeper(wq: wait_queue_head_t): boolean {
  smp_mb();
  return waitqueue_active_raw(wq['@addr']);
}

// ---- entries --------------------------------------------------------------------------------------------------------

/** What stands in an entry for a function: the kernel's own have numbers. */
function wake_handle(func: wait_queue_func_t): number {
  if (func === default_wake_function) return DEFAULT_WAKE;
  if (func === autoremove_wake_function) return AUTOREMOVE_WAKE;
  return func === woken_wake_function ? WOKEN_WAKE : text_handle(func);
}
/** An entry of the running task that is taken off when it is woken. Context: task. */
export const DEFINE_WAIT = (): wait_queue_entry_t => wait_queue_entry_t.at(push_wait_entry(AUTOREMOVE_WAKE));
/** One with a wake function: an exported one or the kernel's. Context: task. */
export const DEFINE_WAIT_FUNC = (func: wait_queue_func_t): wait_queue_entry_t =>
  wait_queue_entry_t.at(push_wait_entry(wake_handle(func)));
/** Linux: DECLARE_WAITQUEUE(name, current). Stays in its queue when it is woken. */
export const DECLARE_WAITQUEUE = (): wait_queue_entry_t => wait_queue_entry_t.at(push_wait_entry(DEFAULT_WAKE));
/** Prepares an entry (in memory of the caller's) for the running task. */
export const init_wait = (entry: wait_queue_entry_t): void => init_wait_entry(entry['@addr'], 0);
/** One of `task` that stays in the queue when it is woken. Context: any. */
export function init_waitqueue_entry(entry: wait_queue_entry_t, task: number): void {
  init_wait_entry(entry['@addr'], 0);
  st(entry['@addr'] + WaitEntry.TASK, task);
  st(entry['@addr'] + WaitEntry.FUNC, DEFAULT_WAKE);
}
/** One that is not a task's but a function's. Context: any. */
export function init_waitqueue_func_entry(entry: wait_queue_entry_t, func: wait_queue_func_t): void {
  init_wait_entry(entry['@addr'], 0);
  st(entry['@addr'] + WaitEntry.TASK, 0);
  st(entry['@addr'] + WaitEntry.FUNC, wake_handle(func));
}

/** Wakes the entry's task if its state is one of `mode`. Context: a wake function. Return: 1 if it was woken. */
export const default_wake_function = (entry: number, mode: number, _flags = 0, _key = 0): number =>
  default_wake(entry, mode);
/** And takes the entry off its queue. */
export const autoremove_wake_function = (entry: number, mode: number, _flags = 0, _key = 0): number =>
  autoremove_wake(entry, mode);
/** For wait_woken: says in the entry that it was woken. */
export const woken_wake_function = (entry: number, mode: number, _flags = 0, _key = 0): number =>
  woken_wake(entry, mode);

const clear_flags = (entry: wait_queue_entry_t, flags: number): number =>
  a_and(entry['@addr'] + WaitEntry.FLAGS, ~flags);
const set_flags = (entry: wait_queue_entry_t, flags: number): number => a_or(entry['@addr'] + WaitEntry.FLAGS, flags);

/** Queues an entry that is in no queue. Context: any. */
export function add_wait_queue(wq: wait_queue_head_t, entry: wait_queue_entry_t): void {
  clear_flags(entry, WQ_FLAG_EXCLUSIVE);
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  add_wait_queue_raw(wq['@addr'], entry['@addr']);
}
/** At the end, as one that only a wake-up in its turn reaches. */
export function add_wait_queue_exclusive(wq: wait_queue_head_t, entry: wait_queue_entry_t): void {
  set_flags(entry, WQ_FLAG_EXCLUSIVE);
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  add_wait_queue_raw(wq['@addr'], entry['@addr']);
}
/** Exclusive, and before all others. */
export function add_wait_queue_priority(wq: wait_queue_head_t, entry: wait_queue_entry_t): void {
  set_flags(entry, WQ_FLAG_EXCLUSIVE | WQ_FLAG_PRIORITY);
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  add_wait_queue_raw(wq['@addr'], entry['@addr']);
}
/** Takes the entry off; one of DEFINE_WAIT_FUNC is gone after this. Context: any, for those of DEFINE_WAIT the task. */
export function remove_wait_queue(wq: wait_queue_head_t, entry: wait_queue_entry_t): void {
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  remove_wait_queue_raw(wq['@addr'], entry['@addr']);
  release_entry(entry['@addr']);
}

/** Queues the entry and sets the task's state; look at the condition, then schedule(). Context: task. */
export function prepare_to_wait(wq: wait_queue_head_t, entry: wait_queue_entry_t, state: number): void {
  clear_flags(entry, WQ_FLAG_EXCLUSIVE);
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  prepare_to_wait_raw(wq['@addr'], entry['@addr'], state);
}
/** As an exclusive waiter. Return: true if it is the first of the queue. */
export function prepare_to_wait_exclusive(wq: wait_queue_head_t, entry: wait_queue_entry_t, state: number): boolean {
  set_flags(entry, WQ_FLAG_EXCLUSIVE);
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  return prepare_to_wait_raw(wq['@addr'], entry['@addr'], state);
}
/**
 * As prepare_to_wait (exclusive if the entry's flags say so), but with a signal that ends a sleep in `state` the entry is
 * off the queue. Return: 0, -ERESTARTSYS.
 */
export function prepare_to_wait_event(wq: wait_queue_head_t, entry: wait_queue_entry_t, state: number): number {
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  return prepare_to_wait_event_raw(wq['@addr'], entry['@addr'], state);
}
/** Ends a wait: the task runs, the entry is off the queue; one of DEFINE_WAIT is gone after this. Context: task. */
export function finish_wait(wq: wait_queue_head_t, entry: wait_queue_entry_t): void {
  if (is_held(wq['@addr'])) settle(wq['@addr']);
  finish_wait_raw(wq['@addr'], entry['@addr']);
  release_entry(entry['@addr']);
}

/**
 * For entries that stay in a queue while the condition is looked at, with woken_wake_function: sleeps unless it was
 * woken since the last time, or the thread is to stop or to park. Context: task. Return: jiffies left of `timeout`.
 */
export function wait_woken(entry: wait_queue_entry_t, mode: number, timeout: number): Sleeping<number> {
  might_sleep('wait_woken');
  return delegate(drive(wait_woken_attempt, WAIT_WOKEN_FRAME, entry['@addr'], mode, timeout));
}
