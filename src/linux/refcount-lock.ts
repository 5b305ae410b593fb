// The end of an object that is found under a lock: the last reference is dropped with the lock held, so that nobody
// finds the object between its last put and its removal. No import of mutex.ts: that one exports from here. Of <linux/refcount.h>, <linux/spinlock.h> and
// <linux/atomic.h>; the caller unlocks.
import { mutex_lock_raw, mutex_unlock_raw } from '../sched/mutex.js';
import { delegate, ready, type Sleeping } from '../sched/sleep.js';
import { atomic_add_unless, atomic_dec_and_test, type atomic_t } from './atomic.js';
import type { mutex } from './mutex.js';
import { refcount_dec_and_test, refcount_dec_not_one, type refcount_t } from './refcount.js';
import { spin_lock, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore, type spinlock_t } from './spinlock.js';

/** Context: task. Return: true, with the mutex held, if that was the last reference. */
export function refcount_dec_and_mutex_lock(r: refcount_t, lock: mutex): Sleeping<boolean> {
  return refcount_dec_not_one(r) ? ready(false) : delegate(last_under_mutex(r, lock));
}
function* last_under_mutex(r: refcount_t, lock: mutex): Sleeping<boolean> {
  yield* mutex_lock_raw(lock['@addr']);
  if (refcount_dec_and_test(r)) return true;
  mutex_unlock_raw(lock['@addr']);
  return false;
}

/** Context: any in which the lock may be taken. Return: true, with the lock held, if that was the last reference. */
export function refcount_dec_and_lock(r: refcount_t, lock: spinlock_t): boolean {
  if (refcount_dec_not_one(r)) return false;
  spin_lock(lock);
  if (refcount_dec_and_test(r)) return true;
  spin_unlock(lock);
  return false;
}
/**
 * Return: the flags for spin_unlock_irqrestore (0 or more; Linux stores them through its third argument), with the lock
 * held and interrupts off, if that was the last reference; else -1.
 */
export function refcount_dec_and_lock_irqsave(r: refcount_t, lock: spinlock_t): number {
  if (refcount_dec_not_one(r)) return -1;
  const flags = spin_lock_irqsave(lock);
  if (refcount_dec_and_test(r)) return flags;
  spin_unlock_irqrestore(lock, flags);
  return -1;
}

/** As refcount_dec_and_lock, on an atomic_t. */
export function atomic_dec_and_lock(v: atomic_t, lock: spinlock_t): boolean {
  if (atomic_add_unless(v, -1, 1)) return false;
  spin_lock(lock);
  if (atomic_dec_and_test(v)) return true;
  spin_unlock(lock);
  return false;
}
/** As refcount_dec_and_lock_irqsave, on an atomic_t. */
export function atomic_dec_and_lock_irqsave(v: atomic_t, lock: spinlock_t): number {
  if (atomic_add_unless(v, -1, 1)) return -1;
  const flags = spin_lock_irqsave(lock);
  if (atomic_dec_and_test(v)) return flags;
  spin_unlock_irqrestore(lock, flags);
  return -1;
}
/** As refcount_dec_and_mutex_lock, on an atomic_t. Context: task. */
export function atomic_dec_and_mutex_lock(v: atomic_t, lock: mutex): Sleeping<boolean> {
  return atomic_add_unless(v, -1, 1) ? ready(false) : delegate(last_atomic_under_mutex(v, lock));
}
function* last_atomic_under_mutex(v: atomic_t, lock: mutex): Sleeping<boolean> {
  yield* mutex_lock_raw(lock['@addr']);
  if (atomic_dec_and_test(v)) return true;
  mutex_unlock_raw(lock['@addr']);
  return false;
}
