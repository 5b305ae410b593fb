// Wait queues on byte addresses; linux/wait.ts has the public names. The list of a head is under the head's own lock,
// taken with interrupts off; an entry belongs to the task that queued it.
import { arch_spin_init, LOCK_MAGIC, lock_irqsave, lock_text, unlock_irqrestore } from '../cpu/spinlock.js';
import { current_task } from '../cpu/context.js';
import { ld, st } from '../cpu/raw.js';
import { BUG } from '../kernel/panic.js';
import { call_text } from '../kernel/text.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, unblock } from './debug.js';
import { list_init, list_is_empty, list_push_back, list_push_front, list_remove, list_unlinked } from './rawlist.js';
import { signal_pending_state } from './pending.js';
import { Block, TASK_NORMAL, TASK_RUNNING, WaitEntry, WaitHead } from './task-layout.js';

export const WQ_FLAG_EXCLUSIVE = 1;
/** Entry's FUNC of the kernel's own: wakes the task; the second also takes the entry off. */
export const DEFAULT_WAKE = 0;
export const AUTOREMOVE_WAKE = 1;

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
 * Wakes the tasks of the queue whose state is one of `states`: all that are not exclusive, and `nr` exclusive ones
 * (0: all). Context: any. Return: how many were woken.
 */
export function wake_up_queue(head: number, states: number, nr: number): number {
  check_wait_head(head, 'wake_up');
  const flags = lock_irqsave(head + WaitHead.LOCK);
  const woken = wake_up_queue_locked(head, states, nr);
  unlock_irqrestore(head + WaitHead.LOCK, flags);
  return woken;
}
export function wake_up_queue_locked(head: number, states: number, nr: number): number {
  let woken = 0;
  let exclusive = nr;
  const list = head + WaitHead.LIST;
  for (let at = ld(list), next; at !== list; at = next) {
    next = ld(at);
    const entry = at - WaitEntry.LIST;
    const entry_flags = ld(entry + WaitEntry.FLAGS);
    if (!wake_entry(entry, states)) continue;
    woken++;
    if ((entry_flags & WQ_FLAG_EXCLUSIVE) !== 0 && --exclusive === 0) break;
  }
  return woken;
}
function wake_entry(entry: number, states: number): boolean {
  const func = ld(entry + WaitEntry.FUNC);
  if (func > AUTOREMOVE_WAKE) return !!call_text(func, entry, states, 0);
  const woken = try_to_wake_up(ld(entry + WaitEntry.TASK), states);
  if (woken && func === AUTOREMOVE_WAKE) list_remove(entry + WaitEntry.LIST);
  return woken;
}

export function init_wait_entry(entry: number, flags: number): void {
  st(entry + WaitEntry.FLAGS, flags);
  st(entry + WaitEntry.TASK, current_task());
  st(entry + WaitEntry.FUNC, AUTOREMOVE_WAKE);
  list_init(entry + WaitEntry.LIST);
}

/** Queues the entry if it is not queued and sets the task's state. Look at the condition after it. Context: task. */
export function prepare_to_wait_raw(head: number, entry: number, state: number): void {
  check_wait_head(head, 'prepare_to_wait');
  const exclusive = (ld(entry + WaitEntry.FLAGS) & WQ_FLAG_EXCLUSIVE) !== 0;
  const flags = lock_irqsave(head + WaitHead.LOCK);
  if (list_unlinked(entry + WaitEntry.LIST)) {
    if (exclusive) list_push_back(entry + WaitEntry.LIST, head + WaitHead.LIST);
    else list_push_front(entry + WaitEntry.LIST, head + WaitHead.LIST);
  }
  set_current_state(state);
  unlock_irqrestore(head + WaitHead.LOCK, flags);
  block_on(Block.WAIT_QUEUE, head);
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
  const flags = lock_irqsave(head + WaitHead.LOCK);
  if (!list_unlinked(entry + WaitEntry.LIST)) list_remove(entry + WaitEntry.LIST);
  unlock_irqrestore(head + WaitHead.LOCK, flags);
}
export const waitqueue_active_raw = (head: number): boolean => !list_is_empty(head + WaitHead.LIST);
export { TASK_NORMAL };
