// noinstr: never transformed, never interrupted.
// <linux/atomic.h>: `atomic_t`, a 32-bit signed counter that many CPUs change. Context: any.
//
// Values wrap at 32 bits. Every operation is one step and sequentially consistent, more than Linux promises: there the
// void ones and the _relaxed forms order nothing, _acquire and _release one side. Names are kept so that the code says
// what it needs. Arguments have Linux's order: `atomic_add(3, v)`, `atomic_set(v, 3)`.
import { check_address, no_step, poll } from '../cpu/heap.js';
import { a_add, a_and, a_cas, a_ld, a_or, a_st, a_sub, a_xchg, a_xor } from '../cpu/raw.js';
import { ATOMIC_INIT, type atomic_t } from './atomic-types.js';

export { atomic_t, ATOMIC_INIT } from './atomic-types.js';

/** Where the counter is, after the poll and the check. */
function counter(v: atomic_t, write = true): number {
  poll();
  const a = v['@addr'];
  check_address(a, 4, 'atomic_t.counter', write);
  return a;
}

export function atomic_read(v: atomic_t): number {
  return a_ld(counter(v, false));
}
export function atomic_set(v: atomic_t, n: number): void {
  a_st(counter(v), n | 0);
}

export function atomic_add(n: number, v: atomic_t): void {
  a_add(counter(v), n);
}
export function atomic_sub(n: number, v: atomic_t): void {
  a_sub(counter(v), n);
}
export function atomic_and(n: number, v: atomic_t): void {
  a_and(counter(v), n);
}
export function atomic_or(n: number, v: atomic_t): void {
  a_or(counter(v), n);
}
export function atomic_xor(n: number, v: atomic_t): void {
  a_xor(counter(v), n);
}
/** Clears the bits of `n`. */
export function atomic_andnot(n: number, v: atomic_t): void {
  a_and(counter(v), ~n);
}
export function atomic_inc(v: atomic_t): void {
  a_add(counter(v), 1);
}
export function atomic_dec(v: atomic_t): void {
  a_sub(counter(v), 1);
}

// The new value.
export function atomic_add_return(n: number, v: atomic_t): number {
  return (a_add(counter(v), n) + n) | 0;
}
export function atomic_sub_return(n: number, v: atomic_t): number {
  return (a_sub(counter(v), n) - n) | 0;
}
export function atomic_inc_return(v: atomic_t): number {
  return (a_add(counter(v), 1) + 1) | 0;
}
export function atomic_dec_return(v: atomic_t): number {
  return (a_sub(counter(v), 1) - 1) | 0;
}

// The old value.
export function atomic_fetch_add(n: number, v: atomic_t): number {
  return a_add(counter(v), n);
}
export function atomic_fetch_sub(n: number, v: atomic_t): number {
  return a_sub(counter(v), n);
}
export function atomic_fetch_and(n: number, v: atomic_t): number {
  return a_and(counter(v), n);
}
export function atomic_fetch_or(n: number, v: atomic_t): number {
  return a_or(counter(v), n);
}
export function atomic_fetch_xor(n: number, v: atomic_t): number {
  return a_xor(counter(v), n);
}
export function atomic_fetch_andnot(n: number, v: atomic_t): number {
  return a_and(counter(v), ~n);
}
export function atomic_fetch_inc(v: atomic_t): number {
  return a_add(counter(v), 1);
}
export function atomic_fetch_dec(v: atomic_t): number {
  return a_sub(counter(v), 1);
}

/** Stores `n`. Return: the old value. */
export function atomic_xchg(v: atomic_t, n: number): number {
  return a_xchg(counter(v), n | 0);
}
/** Stores `n` if the value is `old`. Return: the value it had. */
export function atomic_cmpxchg(v: atomic_t, old: number, n: number): number {
  return a_cas(counter(v), old | 0, n | 0);
}
/** As atomic_cmpxchg(), but says whether it stored, and if not sets `old.value` to what was found. */
export function atomic_try_cmpxchg(v: atomic_t, old: { value: number }, n: number): boolean {
  const wanted = old.value | 0;
  const found = a_cas(counter(v), wanted, n | 0);
  if (found === wanted) return true;
  old.value = found;
  return false;
}

/** Return: whether the result is 0. */
export function atomic_sub_and_test(n: number, v: atomic_t): boolean {
  return ((a_sub(counter(v), n) - n) | 0) === 0;
}
export function atomic_inc_and_test(v: atomic_t): boolean {
  return a_add(counter(v), 1) === -1;
}
export function atomic_dec_and_test(v: atomic_t): boolean {
  return a_sub(counter(v), 1) === 1;
}
/** Return: whether the result is negative. */
export function atomic_add_negative(n: number, v: atomic_t): boolean {
  return ((a_add(counter(v), n) + n) | 0) < 0;
}

/** Adds `n` unless the value is `unless`. Return: the old value. */
export function atomic_fetch_add_unless(v: atomic_t, n: number, unless: number): number {
  const a = counter(v);
  for (let old = a_ld(a); ;) {
    if (old === (unless | 0)) return old;
    const found = a_cas(a, old, (old + n) | 0);
    if (found === old) return old;
    old = found;
  }
}
/** Return: whether it added. */
export function atomic_add_unless(v: atomic_t, n: number, unless: number): boolean {
  return atomic_fetch_add_unless(v, n, unless) !== (unless | 0);
}
/** Takes a reference that may already be the last one dropped. Return: whether it did. */
export function atomic_inc_not_zero(v: atomic_t): boolean {
  return atomic_fetch_add_unless(v, 1, 0) !== 0;
}
/** Return: whether it incremented. */
export function atomic_inc_unless_negative(v: atomic_t): boolean {
  const a = counter(v);
  for (let old = a_ld(a); ;) {
    if (old < 0) return false;
    const found = a_cas(a, old, (old + 1) | 0);
    if (found === old) return true;
    old = found;
  }
}
/** Return: whether it decremented. */
export function atomic_dec_unless_positive(v: atomic_t): boolean {
  const a = counter(v);
  for (let old = a_ld(a); ;) {
    if (old > 0) return false;
    const found = a_cas(a, old, (old - 1) | 0);
    if (found === old) return true;
    old = found;
  }
}
/** Decrements unless that makes it negative. Return: the old value minus one, stored or not. */
export function atomic_dec_if_positive(v: atomic_t): number {
  const a = counter(v);
  for (let old = a_ld(a); ;) {
    if (old <= 0) return (old - 1) | 0;
    const found = a_cas(a, old, (old - 1) | 0);
    if (found === old) return old - 1;
    old = found;
  }
}

export {
  atomic_read as atomic_read_acquire,
  atomic_set as atomic_set_release,
  atomic_add_return as atomic_add_return_acquire,
  atomic_add_return as atomic_add_return_release,
  atomic_add_return as atomic_add_return_relaxed,
  atomic_sub_return as atomic_sub_return_acquire,
  atomic_sub_return as atomic_sub_return_release,
  atomic_sub_return as atomic_sub_return_relaxed,
  atomic_inc_return as atomic_inc_return_acquire,
  atomic_inc_return as atomic_inc_return_release,
  atomic_inc_return as atomic_inc_return_relaxed,
  atomic_dec_return as atomic_dec_return_acquire,
  atomic_dec_return as atomic_dec_return_release,
  atomic_dec_return as atomic_dec_return_relaxed,
  atomic_fetch_add as atomic_fetch_add_acquire,
  atomic_fetch_add as atomic_fetch_add_release,
  atomic_fetch_add as atomic_fetch_add_relaxed,
  atomic_fetch_sub as atomic_fetch_sub_acquire,
  atomic_fetch_sub as atomic_fetch_sub_release,
  atomic_fetch_sub as atomic_fetch_sub_relaxed,
  atomic_fetch_inc as atomic_fetch_inc_acquire,
  atomic_fetch_inc as atomic_fetch_inc_release,
  atomic_fetch_inc as atomic_fetch_inc_relaxed,
  atomic_fetch_dec as atomic_fetch_dec_acquire,
  atomic_fetch_dec as atomic_fetch_dec_release,
  atomic_fetch_dec as atomic_fetch_dec_relaxed,
  atomic_fetch_and as atomic_fetch_and_acquire,
  atomic_fetch_and as atomic_fetch_and_release,
  atomic_fetch_and as atomic_fetch_and_relaxed,
  atomic_fetch_or as atomic_fetch_or_acquire,
  atomic_fetch_or as atomic_fetch_or_release,
  atomic_fetch_or as atomic_fetch_or_relaxed,
  atomic_fetch_xor as atomic_fetch_xor_acquire,
  atomic_fetch_xor as atomic_fetch_xor_release,
  atomic_fetch_xor as atomic_fetch_xor_relaxed,
  atomic_fetch_andnot as atomic_fetch_andnot_acquire,
  atomic_fetch_andnot as atomic_fetch_andnot_release,
  atomic_fetch_andnot as atomic_fetch_andnot_relaxed,
  atomic_add_negative as atomic_add_negative_acquire,
  atomic_add_negative as atomic_add_negative_release,
  atomic_add_negative as atomic_add_negative_relaxed,
  atomic_xchg as atomic_xchg_acquire,
  atomic_xchg as atomic_xchg_release,
  atomic_xchg as atomic_xchg_relaxed,
  atomic_cmpxchg as atomic_cmpxchg_acquire,
  atomic_cmpxchg as atomic_cmpxchg_release,
  atomic_cmpxchg as atomic_cmpxchg_relaxed,
  atomic_try_cmpxchg as atomic_try_cmpxchg_acquire,
  atomic_try_cmpxchg as atomic_try_cmpxchg_release,
  atomic_try_cmpxchg as atomic_try_cmpxchg_relaxed,
};
export * from './atomic64.js';
export * from './atomic-long.js';
export * from './cmpxchg.js';
export * from './barrier.js';
no_step(ATOMIC_INIT);
export { atomic_cond_read_acquire, atomic_cond_read_relaxed } from './cond-load.js';
