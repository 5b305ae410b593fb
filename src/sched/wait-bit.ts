// Waiting for a bit of a word, or for a variable, that has no wait queue of its own: linux/wait_bit.ts has the public
// names. Words are hashed to a table of wait queues; an entry is woken only for the word and the bit that it waits for.
import { WAIT_TABLE, WAIT_TABLE_BITS } from '../machine/memory-map.js';
import { current_task } from '../cpu/context.js';
import { order_acquire } from '../cpu/order.js';
import { a_ld, a_or, ld, st } from '../cpu/raw.js';
import { might_sleep } from './debug.js';
import { signal_pending_state } from './pending.js';
import { delegate, drive, ready, SLEEP, type Sleeping } from './sleep.js';
import { TASK_NORMAL, TIMEOUT_FRAME, WaitEntry, WaitHead } from './task-layout.js';
import { arm_timeout, disarm_timeout, fresh_jiffies, MAX_SCHEDULE_TIMEOUT } from './timer.js';
import {
  bit_key,
  BIT_ENTRY,
  BIT_WAKE,
  finish_wait_raw,
  init_wait_entry,
  init_wait_head,
  prepare_to_wait_raw,
  waitqueue_active_raw,
  wake_up_queue,
  WQ_FLAG_EXCLUSIVE,
} from './wait.js';

const EINTR = 4;
const EAGAIN = 11;

export function init_wait_table(): void {
  for (let n = 0; n < 1 << WAIT_TABLE_BITS; n++) init_wait_head(WAIT_TABLE + n * WaitHead.SIZE);
}
/** The wait queue of a word and a bit (VARIABLE for all of it). */
export const bit_queue = (word: number, bit: number): number =>
  WAIT_TABLE + (Math.imul((word << 6) | bit, 0x61c88647) >>> (32 - WAIT_TABLE_BITS)) * WaitHead.SIZE;

const at = (word: number, bit: number): number => word + ((bit >> 5) << 2);
const is_set = (word: number, bit: number): boolean => ((a_ld(at(word, bit)) >>> (bit & 31)) & 1) !== 0;
/** Return: true if it was set already. */
const test_and_set = (word: number, bit: number): boolean =>
  ((a_or(at(word, bit), 1 << (bit & 31)) >>> (bit & 31)) & 1) !== 0;

/** Wakes who waits for this bit to be clear, or for this variable. The change, then a full barrier, come before. */
export function wake_up_bit_raw(word: number, bit: number): void {
  const head = bit_queue(word, bit);
  if (waitqueue_active_raw(head)) wake_up_queue(head, TASK_NORMAL, 1, bit_key(word, bit));
}

/** Prepares the entry for a word and a bit; BIT_ENTRY bytes. */
export function init_bit_entry(entry: number, word: number, bit: number, flags: number): void {
  init_wait_entry(entry, flags);
  st(entry + WaitEntry.FUNC, BIT_WAKE);
  st(entry + WaitEntry.SIZE, word);
  st(entry + WaitEntry.SIZE + 4, bit);
}

// Frame: state, end of the time-out in jiffies, pad; entry; time-out.
const STARTED = 0;
const END = 4;
const ENTRY = 16;
const TIMER = ENTRY + BIT_ENTRY;
export const BIT_FRAME = TIMER + TIMEOUT_FRAME;
// What is waited for, in one argument: the bit; the waiter also sets it; the time-out in jiffies plus 1, 0 for none.
const BIT = 64;
const LOCK = 64;
const TIMEOUT = 128;

/** Result: 0, -EINTR for a signal that ends a sleep in `mode`, -EAGAIN when the time is over. */
export function wait_bit_attempt(frame: number, word: number, what: number, mode: number): number {
  const bit = what % BIT;
  const lock = what % TIMEOUT >= LOCK;
  const timeout = Math.floor(what / TIMEOUT) - 1;
  const head = bit_queue(word, bit);
  const entry = frame + ENTRY;
  let error = 0;
  if (ld(frame + STARTED) === 0) {
    st(frame + STARTED, 1);
    init_bit_entry(entry, word, bit, lock ? WQ_FLAG_EXCLUSIVE : 0);
    if (timeout >= 0) {
      st(frame + END, fresh_jiffies() + timeout);
      arm_timeout(frame + TIMER, timeout);
    }
  } else if (signal_pending_state(mode, current_task())) error = -EINTR;
  if (error === 0) prepare_to_wait_raw(head, entry, mode);
  else finish_wait_raw(head, entry); // before the last look: no wake-up that was meant for this waiter is lost
  const over = lock ? !test_and_set(word, bit) : !is_set(word, bit);
  if (!over && error === 0 && timeout >= 0 && ((ld(frame + END) - fresh_jiffies()) | 0) <= 0) error = -EAGAIN;
  if (!over && error === 0) return SLEEP;
  finish_wait_raw(head, entry);
  if (timeout >= 0) disarm_timeout(frame + TIMER);
  if (over) order_acquire(at(word, bit));
  return over ? 0 : error;
}

/** Context: task. Return: 0 when the bit is clear, -EINTR for a signal that ends a sleep in `mode`. */
export function wait_on_bit_raw(word: number, bit: number, mode: number): Sleeping<number> {
  might_sleep('wait_on_bit');
  if (!is_set(word, bit)) {
    order_acquire(at(word, bit));
    return ready(0);
  }
  return delegate(drive(wait_bit_attempt, BIT_FRAME, word, bit, mode));
}
/** Also -EAGAIN when `timeout` jiffies have passed. */
export function wait_on_bit_timeout_raw(word: number, bit: number, mode: number, timeout: number): Sleeping<number> {
  might_sleep('wait_on_bit_timeout');
  if (!is_set(word, bit)) {
    order_acquire(at(word, bit));
    return ready(0);
  }
  const limit = timeout >= MAX_SCHEDULE_TIMEOUT ? 0 : Math.max(0, timeout) + 1;
  return delegate(drive(wait_bit_attempt, BIT_FRAME, word, limit * TIMEOUT + bit, mode));
}
/** Context: task. Return: 0 when the waiter has set the bit, which was clear; -EINTR. */
export function wait_on_bit_lock_raw(word: number, bit: number, mode: number): Sleeping<number> {
  might_sleep('wait_on_bit_lock');
  if (!test_and_set(word, bit)) {
    order_acquire(at(word, bit));
    return ready(0);
  }
  return delegate(drive(wait_bit_attempt, BIT_FRAME, word, bit + LOCK, mode));
}
