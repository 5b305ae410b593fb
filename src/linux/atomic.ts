// noinstr: never transformed, never interrupted.
// <linux/atomic.h>: `atomic_t`, a 32-bit signed counter that many CPUs change. Context: any.
//
// Values wrap at 32 bits. Every operation is one step and sequentially consistent, more than Linux promises: there the
// void ones and the _relaxed forms order nothing, _acquire and _release one side. The race detector goes by what Linux
// promises. Arguments have Linux's order: `atomic_add(3, v)`, `atomic_set(v, 3)`.
import { check_address, no_step, poll } from '../cpu/heap.js';
import { marked_attempt, marked_read, marked_update, marked_write, Order, with_order } from '../cpu/order.js';
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
/** The same for each kind of operation, which comes directly after it. */
function reads(v: atomic_t): number {
  const a = counter(v, false);
  marked_read(a, 4, Order.RELAXED);
  return a;
}
function writes(v: atomic_t): number {
  const a = counter(v);
  marked_write(a, 4, Order.RELAXED);
  return a;
}
function updates(v: atomic_t, order: Order): number {
  const a = counter(v);
  marked_update(a, 4, order);
  return a;
}
function exchange(a: number, old: number, n: number): number {
  const found = a_cas(a, old, n);
  marked_attempt(a, 4, found === old);
  return found;
}
function peek(a: number): number {
  marked_read(a, 4, Order.RELAXED);
  return a_ld(a);
}

export function atomic_read(v: atomic_t): number {
  return a_ld(reads(v));
}
export function atomic_set(v: atomic_t, n: number): void {
  a_st(writes(v), n | 0);
}

export function atomic_add(n: number, v: atomic_t): void {
  a_add(updates(v, Order.RELAXED), n);
}
export function atomic_sub(n: number, v: atomic_t): void {
  a_sub(updates(v, Order.RELAXED), n);
}
export function atomic_and(n: number, v: atomic_t): void {
  a_and(updates(v, Order.RELAXED), n);
}
export function atomic_or(n: number, v: atomic_t): void {
  a_or(updates(v, Order.RELAXED), n);
}
export function atomic_xor(n: number, v: atomic_t): void {
  a_xor(updates(v, Order.RELAXED), n);
}
/** Clears the bits of `n`. */
export function atomic_andnot(n: number, v: atomic_t): void {
  a_and(updates(v, Order.RELAXED), ~n);
}
export function atomic_inc(v: atomic_t): void {
  a_add(updates(v, Order.RELAXED), 1);
}
export function atomic_dec(v: atomic_t): void {
  a_sub(updates(v, Order.RELAXED), 1);
}

// The new value.
export function atomic_add_return(n: number, v: atomic_t): number {
  return (a_add(updates(v, Order.FULL), n) + n) | 0;
}
export function atomic_sub_return(n: number, v: atomic_t): number {
  return (a_sub(updates(v, Order.FULL), n) - n) | 0;
}
export function atomic_inc_return(v: atomic_t): number {
  return (a_add(updates(v, Order.FULL), 1) + 1) | 0;
}
export function atomic_dec_return(v: atomic_t): number {
  return (a_sub(updates(v, Order.FULL), 1) - 1) | 0;
}

// The old value.
export function atomic_fetch_add(n: number, v: atomic_t): number {
  return a_add(updates(v, Order.FULL), n);
}
export function atomic_fetch_sub(n: number, v: atomic_t): number {
  return a_sub(updates(v, Order.FULL), n);
}
export function atomic_fetch_and(n: number, v: atomic_t): number {
  return a_and(updates(v, Order.FULL), n);
}
export function atomic_fetch_or(n: number, v: atomic_t): number {
  return a_or(updates(v, Order.FULL), n);
}
export function atomic_fetch_xor(n: number, v: atomic_t): number {
  return a_xor(updates(v, Order.FULL), n);
}
export function atomic_fetch_andnot(n: number, v: atomic_t): number {
  return a_and(updates(v, Order.FULL), ~n);
}
export function atomic_fetch_inc(v: atomic_t): number {
  return a_add(updates(v, Order.FULL), 1);
}
export function atomic_fetch_dec(v: atomic_t): number {
  return a_sub(updates(v, Order.FULL), 1);
}

/** Stores `n`. Return: the old value. */
export function atomic_xchg(v: atomic_t, n: number): number {
  return a_xchg(updates(v, Order.FULL), n | 0);
}
/** Stores `n` if the value is `old`. Return: the value it had. */
export function atomic_cmpxchg(v: atomic_t, old: number, n: number): number {
  return exchange(counter(v), old | 0, n | 0);
}
/** As atomic_cmpxchg(), but says whether it stored, and if not sets `old.value` to what was found. */
export function atomic_try_cmpxchg(v: atomic_t, old: { value: number }, n: number): boolean {
  const wanted = old.value | 0;
  const found = exchange(counter(v), wanted, n | 0);
  if (found === wanted) return true;
  old.value = found;
  return false;
}

/** Return: whether the result is 0. */
export function atomic_sub_and_test(n: number, v: atomic_t): boolean {
  return ((a_sub(updates(v, Order.FULL), n) - n) | 0) === 0;
}
export function atomic_inc_and_test(v: atomic_t): boolean {
  return a_add(updates(v, Order.FULL), 1) === -1;
}
export function atomic_dec_and_test(v: atomic_t): boolean {
  return a_sub(updates(v, Order.FULL), 1) === 1;
}
/** Return: whether the result is negative. */
export function atomic_add_negative(n: number, v: atomic_t): boolean {
  return ((a_add(updates(v, Order.FULL), n) + n) | 0) < 0;
}

/** Adds `n` unless the value is `unless`. Return: the old value. */
export function atomic_fetch_add_unless(v: atomic_t, n: number, unless: number): number {
  const a = counter(v);
  for (let old = peek(a); ;) {
    if (old === (unless | 0)) return old;
    const found = exchange(a, old, (old + n) | 0);
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
  for (let old = peek(a); ;) {
    if (old < 0) return false;
    const found = exchange(a, old, (old + 1) | 0);
    if (found === old) return true;
    old = found;
  }
}
/** Return: whether it decremented. */
export function atomic_dec_unless_positive(v: atomic_t): boolean {
  const a = counter(v);
  for (let old = peek(a); ;) {
    if (old > 0) return false;
    const found = exchange(a, old, (old - 1) | 0);
    if (found === old) return true;
    old = found;
  }
}
/** Decrements unless that makes it negative. Return: the old value minus one, stored or not. */
export function atomic_dec_if_positive(v: atomic_t): number {
  const a = counter(v);
  for (let old = peek(a); ;) {
    if (old <= 0) return (old - 1) | 0;
    const found = exchange(a, old, (old - 1) | 0);
    if (found === old) return old - 1;
    old = found;
  }
}

export const atomic_read_acquire = with_order(atomic_read, Order.ACQUIRE);
export const atomic_set_release = with_order(atomic_set, Order.RELEASE);
export const atomic_add_return_acquire = with_order(atomic_add_return, Order.ACQUIRE);
export const atomic_add_return_release = with_order(atomic_add_return, Order.RELEASE);
export const atomic_add_return_relaxed = with_order(atomic_add_return, Order.RELAXED);
export const atomic_sub_return_acquire = with_order(atomic_sub_return, Order.ACQUIRE);
export const atomic_sub_return_release = with_order(atomic_sub_return, Order.RELEASE);
export const atomic_sub_return_relaxed = with_order(atomic_sub_return, Order.RELAXED);
export const atomic_inc_return_acquire = with_order(atomic_inc_return, Order.ACQUIRE);
export const atomic_inc_return_release = with_order(atomic_inc_return, Order.RELEASE);
export const atomic_inc_return_relaxed = with_order(atomic_inc_return, Order.RELAXED);
export const atomic_dec_return_acquire = with_order(atomic_dec_return, Order.ACQUIRE);
export const atomic_dec_return_release = with_order(atomic_dec_return, Order.RELEASE);
export const atomic_dec_return_relaxed = with_order(atomic_dec_return, Order.RELAXED);
export const atomic_fetch_add_acquire = with_order(atomic_fetch_add, Order.ACQUIRE);
export const atomic_fetch_add_release = with_order(atomic_fetch_add, Order.RELEASE);
export const atomic_fetch_add_relaxed = with_order(atomic_fetch_add, Order.RELAXED);
export const atomic_fetch_sub_acquire = with_order(atomic_fetch_sub, Order.ACQUIRE);
export const atomic_fetch_sub_release = with_order(atomic_fetch_sub, Order.RELEASE);
export const atomic_fetch_sub_relaxed = with_order(atomic_fetch_sub, Order.RELAXED);
export const atomic_fetch_inc_acquire = with_order(atomic_fetch_inc, Order.ACQUIRE);
export const atomic_fetch_inc_release = with_order(atomic_fetch_inc, Order.RELEASE);
export const atomic_fetch_inc_relaxed = with_order(atomic_fetch_inc, Order.RELAXED);
export const atomic_fetch_dec_acquire = with_order(atomic_fetch_dec, Order.ACQUIRE);
export const atomic_fetch_dec_release = with_order(atomic_fetch_dec, Order.RELEASE);
export const atomic_fetch_dec_relaxed = with_order(atomic_fetch_dec, Order.RELAXED);
export const atomic_fetch_and_acquire = with_order(atomic_fetch_and, Order.ACQUIRE);
export const atomic_fetch_and_release = with_order(atomic_fetch_and, Order.RELEASE);
export const atomic_fetch_and_relaxed = with_order(atomic_fetch_and, Order.RELAXED);
export const atomic_fetch_or_acquire = with_order(atomic_fetch_or, Order.ACQUIRE);
export const atomic_fetch_or_release = with_order(atomic_fetch_or, Order.RELEASE);
export const atomic_fetch_or_relaxed = with_order(atomic_fetch_or, Order.RELAXED);
export const atomic_fetch_xor_acquire = with_order(atomic_fetch_xor, Order.ACQUIRE);
export const atomic_fetch_xor_release = with_order(atomic_fetch_xor, Order.RELEASE);
export const atomic_fetch_xor_relaxed = with_order(atomic_fetch_xor, Order.RELAXED);
export const atomic_fetch_andnot_acquire = with_order(atomic_fetch_andnot, Order.ACQUIRE);
export const atomic_fetch_andnot_release = with_order(atomic_fetch_andnot, Order.RELEASE);
export const atomic_fetch_andnot_relaxed = with_order(atomic_fetch_andnot, Order.RELAXED);
export const atomic_add_negative_acquire = with_order(atomic_add_negative, Order.ACQUIRE);
export const atomic_add_negative_release = with_order(atomic_add_negative, Order.RELEASE);
export const atomic_add_negative_relaxed = with_order(atomic_add_negative, Order.RELAXED);
export const atomic_xchg_acquire = with_order(atomic_xchg, Order.ACQUIRE);
export const atomic_xchg_release = with_order(atomic_xchg, Order.RELEASE);
export const atomic_xchg_relaxed = with_order(atomic_xchg, Order.RELAXED);
export const atomic_cmpxchg_acquire = with_order(atomic_cmpxchg, Order.ACQUIRE);
export const atomic_cmpxchg_release = with_order(atomic_cmpxchg, Order.RELEASE);
export const atomic_cmpxchg_relaxed = with_order(atomic_cmpxchg, Order.RELAXED);
export const atomic_try_cmpxchg_acquire = with_order(atomic_try_cmpxchg, Order.ACQUIRE);
export const atomic_try_cmpxchg_release = with_order(atomic_try_cmpxchg, Order.RELEASE);
export const atomic_try_cmpxchg_relaxed = with_order(atomic_try_cmpxchg, Order.RELAXED);
export * from './atomic64.js';
export * from './atomic-long.js';
export * from './cmpxchg.js';
export * from './barrier.js';
no_step(ATOMIC_INIT);
export { atomic_cond_read_acquire, atomic_cond_read_relaxed } from './cond-load.js';
