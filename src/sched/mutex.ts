// The mutex on byte addresses; linux/mutex.ts has the public names.
//
// OWNER is one atomic word: the owner's task address (512-aligned), or 0, and flags below:
//   WAITERS  the list is not empty: unlock must take the slow path
//   HANDOFF  the first waiter has been passed over once; unlock gives the mutex to it
// The list and the changes of flags are under WAIT_LOCK; anybody may take a free mutex by one compare-exchange of OWNER
// (stealing is what makes it fast), which HANDOFF bounds. Before it queues, a task spins for a short while if the owner
// runs on another CPU (sched/spin-owner.ts).
import { Break, breaks } from '../cpu/break.js';
import { cpu, current_task } from '../cpu/context.js';
import { LockKind } from '../cpu/lock-stat.js';
import { note_slept, wait_began } from '../cpu/lock-wait.js';
import { a_and, a_cas, a_ld, a_or, a_st, ld, st, STEPPED } from '../cpu/raw.js';
import {
  arch_spin_init,
  LOCK_MAGIC,
  lock_irqsave,
  lock_text,
  spin_holder,
  unlock_irqrestore,
} from '../cpu/spinlock.js';
import { in_interrupt } from '../cpu/preempt.js';
import { BUG, task_comm, task_pid, WARN } from '../kernel/panic.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, forget_mutex, might_sleep, note_mutex, unblock } from './debug.js';
import { signal_pending_state } from './pending.js';
import { list_init, list_is_empty, list_push_back, list_remove } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { spin_begin, spin_end, spin_while_running } from './spin-owner.js';
import { Block, Mutex, MUTEX_FRAME, TASK_NORMAL, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from './task-layout.js';

const WAITERS = 1;
const HANDOFF = 2;
const FLAGS = 7;
const EINTR = 4;

// The waiter on the frame: state, task, list, when it came.
const STATE = 0;
const TASK = 4;
const LIST = 8;
const BEGAN = 16;

export function mutex_init_raw(m: number): void {
  st(m + Mutex.OWNER, 0);
  arch_spin_init(m + Mutex.WAIT_LOCK);
  list_init(m + Mutex.WAIT_LIST);
  st(m + Mutex.MAGIC, LOCK_MAGIC);
  st(m + Mutex.HELD_NEXT, 0);
}
export function mutex_destroy_raw(m: number): void {
  check_mutex(m, 'mutex_destroy');
  const owner = mutex_owner(m);
  if (owner !== 0)
    WARN(true, 'mutex_destroy of %s, which %s/%d holds', lock_text(m), task_comm(owner), task_pid(owner));
  st(m + Mutex.MAGIC, 0);
}
export function check_mutex(m: number, what: string): void {
  if (ld(m + Mutex.MAGIC) !== LOCK_MAGIC)
    BUG(`${what}: the mutex ${lock_text(m)} is not initialised (mutex_init or DEFINE_MUTEX)`);
}
export const mutex_owner = (m: number): number => a_ld(m + Mutex.OWNER) & ~FLAGS;

/** Takes a free mutex, whatever its flags. */
function try_take(m: number, me: number): boolean {
  for (;;) {
    const word = a_ld(m + Mutex.OWNER);
    const owner = word & ~FLAGS;
    if (owner !== 0) return owner === me && (word & HANDOFF) !== 0 && accept(m);
    if (a_cas(m + Mutex.OWNER, word, me | (word & FLAGS)) === word) return true;
  }
}
/** The mutex was handed to this task by unlock. */
function accept(m: number): boolean {
  a_and(m + Mutex.OWNER, ~HANDOFF);
  return true;
}

/** The slow path of mutex_lock. `how` is the state to sleep in, 0 for TASK_UNINTERRUPTIBLE. Result: 0, -EINTR. */
export function mutex_lock_attempt(frame: number, m: number, how = 0): number {
  const me = current_task();
  const state = how === 0 ? TASK_UNINTERRUPTIBLE : how;
  const queued = ld(frame + STATE) !== 0;
  if (!queued) {
    st(frame + BEGAN, wait_began());
    if (!STEPPED && spin_for(m, me)) return taken(frame, m);
  }
  const flags = lock_irqsave(m + Mutex.WAIT_LOCK);
  if (!queued) {
    st(frame + STATE, 1);
    st(frame + TASK, me);
    list_push_back(frame + LIST, m + Mutex.WAIT_LIST);
    a_or(m + Mutex.OWNER, WAITERS);
  }
  const first = ld(m + Mutex.WAIT_LIST) === frame + LIST;
  // After WAITERS is set: an unlock before it is seen here, one after it takes the slow path and wakes the first.
  if (take_in_turn(m, me, first)) {
    leave_queue(frame, m);
    unlock_irqrestore(m + Mutex.WAIT_LOCK, flags);
    if (queued) unblock();
    return taken(frame, m);
  }
  // The state first, then the look: a signal that is sent after it wakes the task.
  set_current_state(state);
  if (signal_pending_state(state, me)) {
    leave_queue(frame, m);
    unlock_irqrestore(m + Mutex.WAIT_LOCK, flags);
    if (queued) unblock();
    return -EINTR;
  }
  if (queued && first && !breaks(Break.NO_HANDOFF)) a_or(m + Mutex.OWNER, HANDOFF);
  unlock_irqrestore(m + Mutex.WAIT_LOCK, flags);
  if (!queued) block_on(Block.MUTEX, m);
  return SLEEP;
}
/** Under WAIT_LOCK. HANDOFF stays for the next waiter, if there is one. */
function leave_queue(frame: number, m: number): void {
  list_remove(frame + LIST);
  if (list_is_empty(m + Mutex.WAIT_LIST)) a_and(m + Mutex.OWNER, ~(WAITERS | HANDOFF));
  __set_current_state(TASK_RUNNING);
}
function taken(frame: number, m: number): number {
  note_slept(ld(frame + BEGAN), m, LockKind.MUTEX);
  note_mutex(m);
  return 0;
}
/** Return: true if it came free while its owner ran on another CPU, and is taken. */
function spin_for(m: number, me: number): boolean {
  if (!spin_begin()) return false;
  let got = false;
  for (let n = 0; !got; n++) {
    const word = a_ld(m + Mutex.OWNER);
    if ((word & HANDOFF) !== 0) break;
    if ((word & ~FLAGS) !== 0) {
      if (!spin_while_running(word & ~FLAGS, n)) break;
    } else got = a_cas(m + Mutex.OWNER, word, me | word) === word;
  }
  spin_end();
  return got;
}
/** With HANDOFF set only the first waiter may take it here. */
function take_in_turn(m: number, me: number, first: boolean): boolean {
  if (!first && (a_ld(m + Mutex.OWNER) & HANDOFF) !== 0) return false;
  return try_take(m, me);
}

/** What comes before the attempt, in every language. Context: task. Return: true if the mutex was free and is taken. */
export function mutex_lock_fast(m: number, what = 'mutex_lock'): boolean {
  might_sleep(what);
  check_mutex(m, what);
  const me = current_task();
  if (a_cas(m + Mutex.OWNER, 0, me) === 0) {
    note_mutex(m);
    return true;
  }
  if ((a_ld(m + Mutex.OWNER) & ~FLAGS) === me)
    BUG(`${what}: ${task_comm(me)}/${task_pid(me)} already holds ${lock_text(m)}: it would wait for itself`);
  return false;
}
/** Context: task. */
export function mutex_lock_raw(m: number): Sleeping<number> {
  return mutex_lock_fast(m) ? ready(0) : delegate(drive(mutex_lock_attempt, MUTEX_FRAME, m));
}

/** As mutex_lock_raw, asleep in `state`. Context: task. Return: 0, -EINTR without the mutex. */
export function mutex_lock_state_raw(m: number, state: number, what: string): Sleeping<number> {
  return mutex_lock_fast(m, what) ? ready(0) : delegate(drive(mutex_lock_attempt, MUTEX_FRAME, m, state));
}

/** Context: task. Return: true if it was taken. */
export function mutex_trylock_raw(m: number): boolean {
  check_mutex(m, 'mutex_trylock');
  if (in_interrupt()) WARN(true, 'mutex_trylock in an interrupt: a mutex has an owner task');
  const me = current_task();
  for (;;) {
    const word = a_ld(m + Mutex.OWNER);
    if ((word & ~WAITERS) !== 0) return false;
    if (a_cas(m + Mutex.OWNER, word, me | word) === word) {
      note_mutex(m);
      return true;
    }
  }
}

/** Context: task, the owner. */
export function mutex_unlock_raw(m: number): void {
  check_mutex(m, 'mutex_unlock');
  const me = current_task();
  if ((ld(m + Mutex.OWNER) & ~FLAGS) !== me) not_owner(m, me);
  if (in_interrupt()) WARN(true, 'mutex_unlock in an interrupt: a mutex has an owner task');
  forget_mutex(m);
  if (a_cas(m + Mutex.OWNER, me, 0) !== me) unlock_slow(m);
}
function unlock_slow(m: number): void {
  const flags = lock_irqsave(m + Mutex.WAIT_LOCK);
  const empty = list_is_empty(m + Mutex.WAIT_LIST);
  const waiter = ld(m + Mutex.WAIT_LIST) - LIST;
  const task = empty ? 0 : ld(waiter + TASK);
  // Flags change only under WAIT_LOCK, which is held, and nobody but the owner changes the owner: a store will do.
  const handed = !empty && (a_ld(m + Mutex.OWNER) & HANDOFF) !== 0;
  a_st(m + Mutex.OWNER, handed ? task | WAITERS | HANDOFF : empty ? 0 : WAITERS);
  if (!empty) try_to_wake_up(task, TASK_NORMAL);
  unlock_irqrestore(m + Mutex.WAIT_LOCK, flags);
}
/**
 * A task dies of an oops while it waits for the mutex: takes it off the list, or the next unlock would wake the dead and
 * nobody else, and passes on what was meant for it. Context: the end of that task.
 */
export function mutex_abandon(m: number, task: number): void {
  // An oops in the middle of a change of the list, or a mutex that was overwritten: nothing can be mended.
  if (ld(m + Mutex.MAGIC) !== LOCK_MAGIC || spin_holder(m + Mutex.WAIT_LOCK) === cpu) return;
  const flags = lock_irqsave(m + Mutex.WAIT_LOCK);
  const list = m + Mutex.WAIT_LIST;
  for (let at = ld(list); at !== list; at = ld(at)) {
    if (ld(at - LIST + TASK) !== task) continue;
    list_remove(at);
    break;
  }
  const empty = list_is_empty(list);
  const owner = mutex_owner(m);
  if (empty) a_and(m + Mutex.OWNER, ~(WAITERS | HANDOFF));
  // It was woken because the mutex is free, or it has even been handed over to it.
  if (owner === task) a_st(m + Mutex.OWNER, empty ? 0 : WAITERS);
  if (!empty && (owner === task || owner === 0)) try_to_wake_up(ld(ld(list) - LIST + TASK), TASK_NORMAL);
  unlock_irqrestore(m + Mutex.WAIT_LOCK, flags);
}
function not_owner(m: number, me: number): never {
  const owner = mutex_owner(m);
  BUG(
    `mutex_unlock of ${lock_text(m)} by ${task_comm(me)}/${task_pid(me)}, which does not hold it: ` +
      (owner === 0 ? 'it is not locked' : `held by ${task_comm(owner)}/${task_pid(owner)}`),
  );
}
export const mutex_is_locked_raw = (m: number): boolean => mutex_owner(m) !== 0;
