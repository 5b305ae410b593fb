// inline: what Linux inlines over the caller's data; in the stepped build every access here is a step.
// <linux/kref.h>: a reference count with the function that ends its object. The object is found from the kref by
// container_of. Context: any that `release` allows; what is checked is refcount.ts's to say.
import { Struct } from './struct.js';
import type { mutex } from './mutex.js';
import {
  refcount_dec_and_lock,
  refcount_dec_and_mutex_lock,
  refcount_dec_and_test,
  refcount_inc,
  refcount_inc_not_zero,
  refcount_read,
  refcount_set,
  refcount_t,
  REFCOUNT_INIT,
} from './refcount.js';
import type { spinlock_t } from './spinlock.js';
import type { Sleeping } from '../sched/sleep.js';

export class kref extends Struct('kref', { refcount: refcount_t }) {}

/** `DEFINE_STATIC(kref, KREF_INIT(1))`. */
export function KREF_INIT(n: number): { refcount: { refs: { counter: number } } } {
  return { refcount: REFCOUNT_INIT(n) };
}
/** The creator's reference. */
export function kref_init(k: kref): void {
  refcount_set(k.refcount, 1);
}
export function kref_read(k: kref): number {
  return refcount_read(k.refcount);
}
/** One more reference, by somebody who holds one. */
export function kref_get(k: kref): void {
  refcount_inc(k.refcount);
}
/** For an object that was found without a reference, and whose memory can't go away meanwhile. Return: 1 if it was taken. */
export function kref_get_unless_zero(k: kref): number {
  return refcount_inc_not_zero(k.refcount) ? 1 : 0;
}

/** Drops a reference; `release(k)` ends the object when it was the last. Return: 1 if it was. */
export function kref_put(k: kref, release: (k: kref) => void): number {
  if (!refcount_dec_and_test(k.refcount)) return 0;
  release(k);
  return 1;
}
/** As kref_put, with the lock held when `release` is called, which unlocks it. */
export function kref_put_lock(k: kref, release: (k: kref) => void, lock: spinlock_t): number {
  if (!refcount_dec_and_lock(k.refcount, lock)) return 0;
  release(k);
  return 1;
}
/** As kref_put_lock, with a mutex. Context: task. */
export function* kref_put_mutex(k: kref, release: (k: kref) => void, lock: mutex): Sleeping<number> {
  if (!(yield* refcount_dec_and_mutex_lock(k.refcount, lock))) return 0;
  release(k);
  return 1;
}
