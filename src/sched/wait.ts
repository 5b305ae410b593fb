// Wait queues on byte addresses; linux/wait.ts has the public names. The list of a head is under the head's own lock,
// taken with interrupts off; an entry belongs to the task that queued it.
import {
  arch_spin_init,
  arch_spin_lock,
  arch_spin_unlock,
  HOLDER,
  LOCK_MAGIC,
  lock_irqsave,
  lock_text,
  unlock_irqrestore,
} from '../cpu/spinlock.js';
import { current_task } from '../cpu/context.js';
import { a_and, a_ld, a_or, ld, st, STEPPED } from '../cpu/raw.js';
import { BUG } from '../kernel/panic.js';
import { text_at } from '../kernel/text.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, unblock } from './debug.js';
import { list_init, list_is_empty, list_push_back, list_push_front, list_remove, list_unlinked } from './rawlist.js';
import { signal_pending_state } from './pending.js';
import { pop_frame, push_frame } from './sleep.js';
import {
  Block,
  KTHREAD_SHOULD_PARK,
  KTHREAD_SHOULD_STOP,
  Task,
  TASK_NORMAL,
  TASK_RUNNING,
  TIMEOUT_FRAME,
  WaitEntry,
  WaitHead,
} from './task-layout.js';
import { schedule_timeout_attempt } from './timer.js';

export const WQ_FLAG_EXCLUSIVE = 0x01;
export const WQ_FLAG_WOKEN = 0x02;
export const WQ_FLAG_PRIORITY = 0x10;
/** The entry lies on a frame of its task: DEFINE_WAIT. */
export const WQ_FLAG_ON_FRAME = 0x80;
/** Entry's FUNC of the kernel's own, others are text handles: wakes the task; also takes the entry off; notes WOKEN. */
export const DEFAULT_WAKE = 0;
export const AUTOREMOVE_WAKE = 1;
export const WOKEN_WAKE = 2;
/** An entry of sched/wait-bit.ts: only if it waits for the key, and its bit is clear. */
export const BIT_WAKE = 3;

export function init_wait_head(head: number): void {
  arch_spin_init(head + WaitHead.LOCK);
  list_init(head + WaitHead.LIST);
}
export function check_wait_head(head: number, what: string): void {
  if (ld(head + WaitHead.LOCK + 4) !== LOCK_MAGIC)
    BUG(
      `${what}: the wait queue ${lock_text(head)} is not initialised (init_waitqueue_head or DEFINE_WAIT_QUEUE_HEAD)`,
    );
}

/**
 * Stepped build: a module holds the queue's lock (spin_lock(wq.lock)) at one of its own steps. Then `settle` waits for it,
 * and what follows is one step as ever.
 */
export const is_held = (head: number): boolean => STEPPED && (ld(head + WaitHead.LOCK) & HOLDER) !== 0;
export function settle(head: number): void {
  arch_spin_lock(head + WaitHead.LOCK);
  arch_spin_unlock(head + WaitHead.LOCK);
}

/**
 * Wakes the tasks of the queue whose state is one of `states`: all that are not exclusive, and `nr` exclusive ones
 * (0: all). `key` is given to wake functions. Context: any. Return: how many exclusive ones were woken.
 */
export function wake_up_queue(head: number, states: number, nr: number, key = 0): number {
  check_wait_head(head, 'wake_up');
  const flags = lock_irqsave(head + WaitHead.LOCK);
  const woken = wake_up_queue_locked(head, states, nr, key);
  unlock_irqrestore(head + WaitHead.LOCK, flags);
  return woken;
}
/** The same under the queue's lock. */
export function wake_up_queue_locked(head: number, states: number, nr: number, key = 0): number {
  let exclusive = 0;
  const list = head + WaitHead.LIST;
  for (let at = ld(list), next; at !== list; at = next) {
    next = ld(at);
    const entry = at - WaitEntry.LIST;
    const entry_flags = ld(entry + WaitEntry.FLAGS);
    const woken = wake_entry(entry, states, key);
    if (woken < 0) break;
    if (woken !== 0 && (entry_flags & WQ_FLAG_EXCLUSIVE) !== 0 && ++exclusive === nr) break;
  }
  return exclusive;
}
/** A wake function: 0 if it woke nobody, which does not count; less ends the wake-up. */
export type WakeFunction = (entry: number, mode: number, flags: number, key: number) => number;

function wake_entry(entry: number, states: number, key: number): number {
  const func = ld(entry + WaitEntry.FUNC);
  // Part of the step of the wake-up in the stepped build: it runs under the queue's lock.
  if (func > BIT_WAKE) return (text_at(func) as WakeFunction)(entry, states, 0, key) | 0;
  if (func === WOKEN_WAKE) return woken_wake(entry, states);
  if (func === BIT_WAKE) return waits_for(entry, key) ? autoremove_wake(entry, states) : 0;
  const woken = try_to_wake_up(ld(entry + WaitEntry.TASK), states);
  if (woken && func === AUTOREMOVE_WAKE) list_remove(entry + WaitEntry.LIST);
  return woken ? 1 : 0;
}
/** Behind an entry for BIT_WAKE: the word's address, and the bit, or VARIABLE. The key is made of both. */
export const BIT_ENTRY = 32;
export const VARIABLE = 63;
export const bit_key = (word: number, bit: number): number => word * 64 + bit;
function waits_for(entry: number, key: number): boolean {
  const word = ld(entry + WaitEntry.SIZE);
  const bit = ld(entry + WaitEntry.SIZE + 4);
  if (bit_key(word, bit) !== key) return false;
  return bit === VARIABLE || ((a_ld(word + ((bit >> 5) << 2)) >>> (bit & 31)) & 1) === 0;
}
export const default_wake = (entry: number, states: number): number =>
  try_to_wake_up(ld(entry + WaitEntry.TASK), states) ? 1 : 0;
export function autoremove_wake(entry: number, states: number): number {
  const woken = default_wake(entry, states);
  if (woken !== 0) list_remove(entry + WaitEntry.LIST);
  return woken;
}
/** Pairs with wait_woken: what the waker did before, it sees when it sees WOKEN. */
export function woken_wake(entry: number, states: number): number {
  a_or(entry + WaitEntry.FLAGS, WQ_FLAG_WOKEN);
  return default_wake(entry, states);
}

export function init_wait_entry(entry: number, flags: number): void {
  st(entry + WaitEntry.FLAGS, flags);
  st(entry + WaitEntry.TASK, current_task());
  st(entry + WaitEntry.FUNC, AUTOREMOVE_WAKE);
  list_init(entry + WaitEntry.LIST);
}

/** Puts an entry into the queue: exclusive ones at the end, others at the front, behind those with priority. */
function enqueue(head: number, entry: number): void {
  const flags = ld(entry + WaitEntry.FLAGS);
  const list = head + WaitHead.LIST;
  if ((flags & (WQ_FLAG_EXCLUSIVE | WQ_FLAG_PRIORITY)) === WQ_FLAG_EXCLUSIVE)
    return list_push_back(entry + WaitEntry.LIST, list);
  let before = list;
  for (let at = ld(list); at !== list; at = ld(at)) {
    if ((ld(at - WaitEntry.LIST + WaitEntry.FLAGS) & WQ_FLAG_PRIORITY) === 0) break;
    before = at;
  }
  list_push_front(entry + WaitEntry.LIST, before);
}

/**
 * Queues the entry if it is not queued and sets the task's state. Look at the condition after it. Context: task.
 * Return: true if the queue was empty before, and the entry was not queued.
 */
export function prepare_to_wait_raw(head: number, entry: number, state: number): boolean {
  check_wait_head(head, 'prepare_to_wait');
  if (ld(entry + WaitEntry.TASK) === 0) bad_entry(entry);
  const flags = lock_irqsave(head + WaitHead.LOCK);
  let was_empty = false;
  if (list_unlinked(entry + WaitEntry.LIST)) {
    was_empty = list_is_empty(head + WaitHead.LIST);
    enqueue(head, entry);
  }
  set_current_state(state);
  unlock_irqrestore(head + WaitHead.LOCK, flags);
  block_on(Block.WAIT_QUEUE, head);
  return was_empty;
}
function bad_entry(entry: number): never {
  BUG(
    `the wait queue entry ${lock_text(entry)} belongs to no task: use init_wait, or DEFINE_WAIT again after finish_wait or remove_wait_queue`,
  );
}

/** Queues an entry that is in no queue. Context: any. */
export function add_wait_queue_raw(head: number, entry: number): void {
  check_wait_head(head, 'add_wait_queue');
  if (ld(entry + WaitEntry.TASK) === 0 && ld(entry + WaitEntry.FUNC) <= BIT_WAKE) bad_entry(entry);
  if (!list_unlinked(entry + WaitEntry.LIST))
    BUG(`add_wait_queue: the entry ${lock_text(entry)} is in a queue already, or was never initialised`);
  const flags = lock_irqsave(head + WaitHead.LOCK);
  enqueue(head, entry);
  unlock_irqrestore(head + WaitHead.LOCK, flags);
}
/** Takes it off, if it is in the queue. Context: any. */
export function remove_wait_queue_raw(head: number, entry: number): void {
  const flags = lock_irqsave(head + WaitHead.LOCK);
  if (!list_unlinked(entry + WaitEntry.LIST)) list_remove(entry + WaitEntry.LIST);
  unlock_irqrestore(head + WaitHead.LOCK, flags);
}

/**
 * One sleep of wait_event_*_locked, under the queue's lock, up to where the lock is given back. Context: task.
 * Return: 0, -ERESTARTSYS.
 */
export function prepare_locked(head: number, entry: number, state: number): number {
  if (list_unlinked(entry + WaitEntry.LIST)) list_push_back(entry + WaitEntry.LIST, head + WaitHead.LIST);
  set_current_state(state);
  return signal_pending_state(state, current_task()) ? -ERESTARTSYS : 0;
}
export function finish_locked(entry: number): void {
  if (!list_unlinked(entry + WaitEntry.LIST)) list_remove(entry + WaitEntry.LIST);
  __set_current_state(TASK_RUNNING);
  unblock();
}

/**
 * As prepare_to_wait, but with a signal pending that ends a sleep in `state` the entry is taken off the queue instead: an
 * exclusive waiter that is about to give up must not swallow the next wake-up. The condition is still looked at.
 * Context: task. Return: 0, -ERESTARTSYS.
 */
export function prepare_to_wait_event_raw(head: number, entry: number, state: number): number {
  if (signal_pending_state(state, current_task())) {
    check_wait_head(head, 'prepare_to_wait_event');
    const flags = lock_irqsave(head + WaitHead.LOCK);
    if (!list_unlinked(entry + WaitEntry.LIST)) list_remove(entry + WaitEntry.LIST);
    unlock_irqrestore(head + WaitHead.LOCK, flags);
    return -ERESTARTSYS;
  }
  prepare_to_wait_raw(head, entry, state);
  return 0;
}
const ERESTARTSYS = 512;

/** Ends a wait: the task runs, the entry is off the queue. Context: task. */
export function finish_wait_raw(head: number, entry: number): void {
  __set_current_state(TASK_RUNNING);
  unblock();
  // A waker may be taking it off right now: only its lock says that it is done with the entry.
  remove_wait_queue_raw(head, entry);
}

/** An entry on a frame of the running task, which goes with release_entry. */
export function push_wait_entry(func: number): number {
  const entry = push_frame(FRAME_ENTRY);
  init_wait_entry(entry, WQ_FLAG_ON_FRAME);
  st(entry + WaitEntry.FUNC, func);
  return entry;
}
/** Entries go in the reverse order; one that does not stays on its frame until the one below it goes. */
export function release_entry(entry: number): void {
  if ((ld(entry + WaitEntry.FLAGS) & WQ_FLAG_ON_FRAME) === 0) return;
  st(entry + WaitEntry.TASK, 0); // a use after this is found
  if (entry + FRAME_ENTRY === ld(current_task() + Task.FRAME_TOP)) pop_frame(entry);
}
const FRAME_ENTRY = 24;

/** Frame: state, pad, time-out. Result: jiffies left. See wait_woken. */
export const WAIT_WOKEN_FRAME = 8 + TIMEOUT_FRAME;
export function wait_woken_attempt(frame: number, entry: number, mode: number, timeout: number): number {
  let left = timeout;
  if (ld(frame) === 0) {
    st(frame, 1);
    set_current_state(mode);
    const stop = (a_ld(current_task() + Task.KTHREAD) & (KTHREAD_SHOULD_STOP | KTHREAD_SHOULD_PARK)) !== 0;
    if ((a_ld(entry + WaitEntry.FLAGS) & WQ_FLAG_WOKEN) === 0 && !stop)
      return schedule_timeout_attempt(frame + 8, timeout);
  } else left = schedule_timeout_attempt(frame + 8, timeout);
  __set_current_state(TASK_RUNNING);
  a_and(entry + WaitEntry.FLAGS, ~WQ_FLAG_WOKEN);
  return left;
}
export const waitqueue_active_raw = (head: number): boolean => !list_is_empty(head + WaitHead.LIST);
export { TASK_NORMAL };
