// The reader-writer semaphore on byte addresses; linux/rwsem.ts has the public names.
//
// COUNT, one atomic word:
//
//    31                     3   2   1   0
//   | readers that hold it   | H | W | L |
//
//   L  a writer holds it
//   W  the list is not empty: who comes goes the slow way, who leaves wakes the first
//   H  the first of the list has been passed over once: nobody takes it before that one
//
// OWNER is the writer's task, or that of the reader who came last with bit 0 set, for reports. The list, W and H change
// under WAIT_LOCK. A free one is taken by whoever runs, which H bounds. Who waits is on the list in the order in which it
// came; when a reader is first, all readers of the list are let in together: they are counted for them, and their frames
// say so. A writer that is woken takes it by itself.
import { cpu, current_task } from '../cpu/context.js';
import { LockKind } from '../cpu/lock-stat.js';
import { note_slept, wait_began } from '../cpu/lock-wait.js';
import { a_add, a_and, a_cas, a_ld, a_or, a_sub, ld, st, STEPPED } from '../cpu/raw.js';
import {
  arch_spin_init,
  LOCK_MAGIC,
  lock_irqsave,
  lock_text,
  spin_holder,
  unlock_irqrestore,
} from '../cpu/spinlock.js';
import { BUG, task_comm, task_pid } from '../kernel/panic.js';
import { Event, trace_begin, trace_end } from '../kernel/trace.js';
import { set_current_state, try_to_wake_up, __set_current_state } from './core.js';
import { block_on, forget_mutex, might_sleep, note_mutex, rwsem_text, unblock } from './debug.js';
import { signal_pending_state } from './pending.js';
import { list_init, list_is_empty, list_push_back, list_remove } from './rawlist.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { spin_begin, spin_end, spin_while_running } from './spin-owner.js';
import { Block, Rwsem, RwsemCount as Count, RWSEM_FRAME, TASK_NORMAL, TASK_RUNNING } from './task-layout.js';

const EINTR = 4;
const READER_OWNED = 1;
const BLOCKS_READERS = Count.WRITER | Count.WAITERS | Count.HANDOFF;

// The waiter on the frame: what it wants, task (0: a reader that was let in), list, when it came.
const KIND = 0;
const TASK = 4;
const LIST = 8;
const BEGAN = 16;
const READ = 1;
const WRITE = 2;

export function init_rwsem_raw(s: number): void {
  st(s + Rwsem.COUNT, 0);
  st(s + Rwsem.OWNER, 0);
  arch_spin_init(s + Rwsem.WAIT_LOCK);
  st(s + Rwsem.MAGIC, LOCK_MAGIC);
  st(s + Rwsem.HELD_NEXT, 0);
  list_init(s + Rwsem.WAIT_LIST);
}
function check(s: number, what: string): void {
  if (ld(s + Rwsem.MAGIC) !== LOCK_MAGIC)
    BUG(`${what}: the rwsem ${lock_text(s)} is not initialised (init_rwsem or DECLARE_RWSEM)`);
}
const me_text = (): string => `${task_comm(current_task())}/${task_pid(current_task())}`;
const readers = (word: number): number => word >>> Count.READER_SHIFT;
const is_free = (word: number): boolean => (word & Count.WRITER) === 0 && readers(word) === 0;

function check_recursion(s: number, what: string): void {
  if ((a_ld(s) & Count.WRITER) !== 0 && ld(s + Rwsem.OWNER) === current_task())
    BUG(`${what}: ${me_text()} already holds ${lock_text(s)} for writing: it would wait for itself`);
}

// ---- taking it ------------------------------------------------------------------------------------------------------
/** Return: true if nothing of `blockers` was in the way and it is held for reading. */
function try_read(s: number, blockers: number): boolean {
  for (;;) {
    const word = ld(s);
    if ((word & blockers) !== 0) return false;
    if (a_cas(s, word, word + Count.READER) === word) return true;
  }
}
function got_read(s: number): void {
  st(s + Rwsem.OWNER, current_task() | READER_OWNED);
  trace_begin(Event.DOWN_READ, s);
}
function got_write(s: number): void {
  st(s + Rwsem.OWNER, current_task());
  note_mutex(s, Event.DOWN_WRITE);
}

/** Context: any. */
export function down_read_trylock_raw(s: number): boolean {
  check(s, 'down_read_trylock');
  if (!try_read(s, BLOCKS_READERS)) return false;
  got_read(s);
  return true;
}
/** Context: task. */
export function down_write_trylock_raw(s: number): boolean {
  check(s, 'down_write_trylock');
  if (a_cas(s, 0, Count.WRITER) !== 0) return false;
  got_write(s);
  return true;
}

/** Context: task. Return: 0, -EINTR without it. `state` is the one to sleep in. */
export function down_read_raw(s: number, state: number, what: string): Sleeping<number> {
  might_sleep(what);
  if (ld(s + Rwsem.MAGIC) !== LOCK_MAGIC) check(s, what);
  if (try_read(s, BLOCKS_READERS)) {
    got_read(s);
    return ready(0);
  }
  check_recursion(s, what);
  return delegate(drive(down_read_attempt, RWSEM_FRAME, s, state));
}
export function down_write_raw(s: number, state: number, what: string): Sleeping<number> {
  might_sleep(what);
  if (ld(s + Rwsem.MAGIC) !== LOCK_MAGIC) check(s, what);
  if (a_cas(s, 0, Count.WRITER) === 0) {
    got_write(s);
    return ready(0);
  }
  check_recursion(s, what);
  return delegate(drive(down_write_attempt, RWSEM_FRAME, s, state));
}

function enqueue(frame: number, s: number, kind: number): void {
  st(frame + KIND, kind);
  st(frame + TASK, current_task());
  list_push_back(frame + LIST, s + Rwsem.WAIT_LIST);
  a_or(s, Count.WAITERS);
}
const is_first = (frame: number, s: number): boolean => ld(s + Rwsem.WAIT_LIST) === frame + LIST;
/** Off the list. Under WAIT_LOCK. */
function dequeue(frame: number, s: number): void {
  const first = is_first(frame, s);
  list_remove(frame + LIST);
  if (first) a_and(s, ~Count.HANDOFF);
  if (list_is_empty(s + Rwsem.WAIT_LIST)) a_and(s, ~Count.WAITERS);
}

/** Result: 0, -EINTR. */
export function down_read_attempt(frame: number, s: number, state: number): number {
  const queued = ld(frame + KIND) !== 0;
  if (!queued) st(frame + BEGAN, wait_began());
  const flags = lock_irqsave(s + Rwsem.WAIT_LOCK);
  let got = false;
  if (!queued) {
    got = steal_read(s);
    if (!got) enqueue(frame, s, READ);
    // Who released it before W was set does not come here; with a stolen one readers that wait come in, too.
    wake_waiters(s, false);
  }
  got ||= ld(frame + TASK) === 0;
  if (!got) return wait_on_list(frame, s, state, flags, queued, Block.RWSEM_READ);
  __set_current_state(TASK_RUNNING);
  unlock_irqrestore(s + Rwsem.WAIT_LOCK, flags);
  if (queued) unblock();
  got_read(s);
  note_slept(ld(frame + BEGAN), s, LockKind.RWSEM_READ);
  return 0;
}
/** A free one is taken, and one that readers hold if nobody waits. */
function steal_read(s: number): boolean {
  for (;;) {
    const word = a_ld(s);
    if ((word & (Count.WRITER | Count.HANDOFF)) !== 0) return false;
    if (readers(word) !== 0 && (word & Count.WAITERS) !== 0) return false;
    if (a_cas(s, word, word + Count.READER) === word) return true;
  }
}

/** Result: 0, -EINTR. */
export function down_write_attempt(frame: number, s: number, state: number): number {
  const queued = ld(frame + KIND) !== 0;
  if (!queued) {
    st(frame + BEGAN, wait_began());
    if (!STEPPED && spin_for_write(s)) {
      got_write(s);
      note_slept(ld(frame + BEGAN), s, LockKind.RWSEM_WRITE);
      return 0;
    }
  }
  const flags = lock_irqsave(s + Rwsem.WAIT_LOCK);
  if (!queued) enqueue(frame, s, WRITE);
  const first = is_first(frame, s);
  if (!take_write(s, first)) {
    if (queued && first) a_or(s, Count.HANDOFF);
    return wait_on_list(frame, s, state, flags, queued, Block.RWSEM_WRITE);
  }
  dequeue(frame, s);
  __set_current_state(TASK_RUNNING);
  unlock_irqrestore(s + Rwsem.WAIT_LOCK, flags);
  if (queued) unblock();
  got_write(s);
  note_slept(ld(frame + BEGAN), s, LockKind.RWSEM_WRITE);
  return 0;
}
/** With H only the first of the list may. */
function take_write(s: number, first: boolean): boolean {
  for (;;) {
    const word = a_ld(s);
    if (!is_free(word) || (!first && (word & Count.HANDOFF) !== 0)) return false;
    if (a_cas(s, word, word | Count.WRITER) === word) return true;
  }
}
/** Return: true if it came free while a writer ran with it on another CPU, and is taken. */
function spin_for_write(s: number): boolean {
  if (!spin_begin()) return false;
  let got = false;
  for (let n = 0; !got; n++) {
    const word = a_ld(s);
    if ((word & Count.HANDOFF) !== 0 || readers(word) !== 0) break;
    if ((word & Count.WRITER) !== 0) {
      const owner = ld(s + Rwsem.OWNER);
      // 0 or a reader: the new writer has not put its name there yet.
      if (owner !== 0 && (owner & READER_OWNED) === 0 ? !spin_while_running(owner, n) : n > 1000) break;
    } else got = a_cas(s, word, word | Count.WRITER) === word;
  }
  spin_end();
  return got;
}

/** Under WAIT_LOCK, which it gives back: the task stays on the list, unless a signal ends the wait. */
function wait_on_list(frame: number, s: number, state: number, flags: number, queued: boolean, block: Block): number {
  // The state first, then the look: a signal that is sent after it wakes the task.
  set_current_state(state);
  const signal = signal_pending_state(state, current_task());
  if (signal) {
    dequeue(frame, s);
    __set_current_state(TASK_RUNNING);
    // Those behind may have waited for this one only.
    wake_waiters(s, false);
  }
  unlock_irqrestore(s + Rwsem.WAIT_LOCK, flags);
  if (signal) {
    if (queued) unblock();
    return -EINTR;
  }
  if (!queued) block_on(block, s);
  return SLEEP;
}

// ---- giving it back -------------------------------------------------------------------------------------------------
/**
 * Lets in the readers of the list if one of them is first and no writer holds it; wakes the writer that is first if it is
 * free. `released`: somebody gave it back, so a first reader that finds a writer again has been passed over.
 * Under WAIT_LOCK.
 */
function wake_waiters(s: number, released: boolean): void {
  if (list_is_empty(s + Rwsem.WAIT_LIST)) return;
  const first = ld(s + Rwsem.WAIT_LIST) - LIST;
  if (ld(first + KIND) === WRITE) {
    if (is_free(a_ld(s))) try_to_wake_up(ld(first + TASK), TASK_NORMAL);
    return;
  }
  if (!try_read(s, Count.WRITER)) {
    if (released) a_or(s, Count.HANDOFF);
    return;
  }
  let at = ld(s + Rwsem.WAIT_LIST);
  while (at !== s + Rwsem.WAIT_LIST) {
    const next = ld(at);
    if (ld(at - LIST + KIND) === READ) {
      // Counted before its task may run; the one that held the place of them all goes below.
      a_add(s, Count.READER);
      let_in(at - LIST, s);
    }
    at = next;
  }
  a_sub(s, Count.READER);
}
function let_in(waiter: number, s: number): void {
  const task = ld(waiter + TASK);
  dequeue(waiter, s);
  st(waiter + TASK, 0);
  // Under WAIT_LOCK: the task does not go on, and its frame stays, until it has had it.
  try_to_wake_up(task, TASK_NORMAL);
}
function wake_after_release(s: number): void {
  const flags = lock_irqsave(s + Rwsem.WAIT_LOCK);
  wake_waiters(s, true);
  unlock_irqrestore(s + Rwsem.WAIT_LOCK, flags);
}

/** Context: any. */
export function up_read_raw(s: number): void {
  check(s, 'up_read');
  trace_end(Event.UP_READ, s);
  if (ld(s + Rwsem.OWNER) === (current_task() | READER_OWNED)) st(s + Rwsem.OWNER, READER_OWNED);
  const word = a_sub(s, Count.READER) - Count.READER;
  if (word < 0) {
    a_add(s, Count.READER);
    BUG(`up_read of ${rwsem_text(s)} by ${me_text()}: nobody holds it for reading`);
  }
  if ((word & Count.WAITERS) !== 0 && is_free(word)) wake_after_release(s);
}
/** Context: task, the writer. */
export function up_write_raw(s: number): void {
  check_writer(s, 'up_write');
  forget_mutex(s, Event.UP_WRITE);
  st(s + Rwsem.OWNER, 0);
  if (a_cas(s, Count.WRITER, 0) === Count.WRITER) return;
  a_and(s, ~Count.WRITER);
  wake_after_release(s);
}
function check_writer(s: number, what: string): void {
  check(s, what);
  if ((a_ld(s) & Count.WRITER) === 0 || ld(s + Rwsem.OWNER) !== current_task())
    BUG(`${what} of ${rwsem_text(s)} by ${me_text()}, which does not hold it for writing`);
}
/** The writer becomes a reader, and no writer comes in between. Context: task, the writer. */
export function downgrade_write_raw(s: number): void {
  check_writer(s, 'downgrade_write');
  forget_mutex(s, Event.UP_WRITE);
  got_read(s);
  if ((a_add(s, Count.READER - Count.WRITER) & Count.WAITERS) === 0) return;
  // Readers that wait at the head come in, too.
  wake_after_release(s);
}

/** As mutex_abandon: the task died of an oops while it was on the list. One that was let in holds it for ever. */
export function rwsem_abandon(s: number, task: number): void {
  if (ld(s + Rwsem.MAGIC) !== LOCK_MAGIC || spin_holder(s + Rwsem.WAIT_LOCK) === cpu) return;
  const flags = lock_irqsave(s + Rwsem.WAIT_LOCK);
  for (let at = ld(s + Rwsem.WAIT_LIST); at !== s + Rwsem.WAIT_LIST; at = ld(at)) {
    if (ld(at - LIST + TASK) !== task) continue;
    dequeue(at - LIST, s);
    wake_waiters(s, false);
    break;
  }
  unlock_irqrestore(s + Rwsem.WAIT_LOCK, flags);
}

export const rwsem_is_locked_raw = (s: number): boolean => !is_free(a_ld(s));
export const rwsem_is_contended_raw = (s: number): boolean => (a_ld(s) & Count.WAITERS) !== 0;
export const rwsem_write_held_raw = (s: number): boolean => (a_ld(s) & Count.WRITER) !== 0;
