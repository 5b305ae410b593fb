// noinstr: never transformed, never interrupted.
// <linux/refcount.h>: `refcount_t`, an atomic_t that counts references to an object and never wraps: what would be a use
// after free or a leak is reported, and the counter then stays far from both ends for good (saturated), so that the
// object leaks instead of being freed under somebody. Each report comes once for each place that calls, as in Linux
// once for each kind. Context: any. Every operation is one step.
import { check_address, no_step, poll } from '../cpu/heap.js';
import { marked_read, marked_update, marked_write, Order } from '../cpu/order.js';
import { a_add, a_cas, a_ld, a_st, a_sub } from '../cpu/raw.js';
import { WARN_ONCE } from '../kernel/panic.js';
import { atomic_t } from './atomic-types.js';
import { Struct } from './struct.js';

export class refcount_t extends Struct('refcount_t', { refs: atomic_t }, { typedef: true }) {}

export const REFCOUNT_MAX = 0x7fffffff;
/** Half way between the largest and the smallest value: 2^30 wrong steps away from either. */
export const REFCOUNT_SATURATED = -0x40000000;
/** `DEFINE_STATIC(refcount_t, REFCOUNT_INIT(1))`. */
export const REFCOUNT_INIT = (n: number): { refs: { counter: number } } => ({ refs: { counter: n } });

function counter(r: refcount_t, write = true): number {
  poll();
  const a = r['@addr'];
  check_address(a, 4, 'refcount_t.refs', write);
  return a;
}

function saturate(a: number, what: string): void {
  a_st(a, REFCOUNT_SATURATED);
  WARN_ONCE(true, 'refcount_t: %s.\n', what);
}
const ADD_OVF = 'saturated; leaking memory';
const ADD_UAF = 'addition on 0; use-after-free';
const SUB_UAF = 'underflow; use-after-free';
const DEC_LEAK = 'decrement hit 0; leaking memory';

export function refcount_set(r: refcount_t, n: number): void {
  const a = counter(r);
  marked_write(a, 4, Order.RELAXED);
  a_st(a, n | 0);
}
/** As Linux's, unsigned: a saturated counter is large. */
export function refcount_read(r: refcount_t): number {
  const a = counter(r, false);
  marked_read(a, 4, Order.RELAXED);
  return a_ld(a) >>> 0;
}

/** Adds `n` unless the counter is 0: for objects found where no reference is held. Return: whether it did. */
export function refcount_add_not_zero(n: number, r: refcount_t): boolean {
  const a = counter(r);
  marked_update(a, 4, Order.RELAXED);
  for (let old = a_ld(a); old !== 0;) {
    const found = a_cas(a, old, (old + n) | 0);
    if (found === old) {
      if (old < 0 || ((old + n) | 0) < 0) saturate(a, ADD_OVF);
      return true;
    }
    old = found;
  }
  return false;
}
export function refcount_inc_not_zero(r: refcount_t): boolean {
  return refcount_add_not_zero(1, r);
}

/** Adds `n`. Warns if the counter was 0: the object is being freed. */
export function refcount_add(n: number, r: refcount_t): void {
  const a = counter(r);
  marked_update(a, 4, Order.RELAXED);
  const old = a_add(a, n);
  if (old === 0) saturate(a, ADD_UAF);
  else if (old < 0 || ((old + n) | 0) < 0) saturate(a, ADD_OVF);
}
/** One more reference, by somebody who holds one. */
export function refcount_inc(r: refcount_t): void {
  refcount_add(1, r);
}

/** Return: whether that was the last reference: then nobody else has the object. */
export function refcount_sub_and_test(n: number, r: refcount_t): boolean {
  const a = counter(r);
  const old = a_sub(a, n);
  marked_update(a, 4, old === n ? Order.ACQUIRE | Order.RELEASE : Order.RELEASE);
  if (old > 0 && old === n) return true;
  if (old <= 0 || old - n < 0) saturate(a, SUB_UAF);
  return false;
}
/** Return: whether that was the last reference. The release order of the earlier users is the caller's to rely on. */
export function refcount_dec_and_test(r: refcount_t): boolean {
  return refcount_sub_and_test(1, r);
}
/** Drops a reference that is known not to be the last one. */
export function refcount_dec(r: refcount_t): void {
  const a = counter(r);
  marked_update(a, 4, Order.RELEASE);
  const old = a_sub(a, 1);
  if (old <= 1) saturate(a, old === 1 ? DEC_LEAK : SUB_UAF);
}

/** From 1 to 0, or nothing. Return: whether it did. */
export function refcount_dec_if_one(r: refcount_t): boolean {
  const a = counter(r);
  const done = a_cas(a, 1, 0) === 1;
  if (done) marked_update(a, 4, Order.ACQUIRE | Order.RELEASE);
  else marked_read(a, 4, Order.RELAXED);
  return done;
}
/** Drops a reference unless it is the last one. Return: whether it did. */
export function refcount_dec_not_one(r: refcount_t): boolean {
  const a = counter(r);
  for (let old = a_ld(a); ;) {
    marked_read(a, 4, Order.RELAXED);
    if (old === REFCOUNT_SATURATED) return true;
    if (old === 1) return false;
    const next = (old - 1) | 0;
    if (next >>> 0 > old >>> 0) {
      WARN_ONCE(true, 'refcount_t: %s.\n', SUB_UAF);
      return true;
    }
    const found = a_cas(a, old, next);
    if (found === old) {
      marked_update(a, 4, Order.RELEASE);
      return true;
    }
    old = found;
  }
}

export * from './refcount-lock.js';
no_step(REFCOUNT_INIT);
