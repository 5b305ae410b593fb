// noinstr: never transformed, never interrupted.
// Of <linux/atomic.h>: `atomic64_t`, a 64-bit signed counter that many CPUs change. Context: any. Part of atomic.ts;
// import from there.
//
// Values are bigint and wrap at 64 bits; a number where a value is meant is a TypeError. Every operation is one step and
// sequentially consistent, whatever its name asks for, as in atomic.ts.
import { check_address, heap, no_step, poll } from '../cpu/heap.js';
import { marked_attempt, marked_read, marked_update, marked_write, Order, with_order } from '../cpu/order.js';
import { a_add64, a_and64, a_cas64, a_ld64, a_or64, a_st64, a_sub64, a_xchg64, a_xor64 } from '../cpu/raw.js';
import { s64 } from './field.js';
import { Struct } from './struct.js';

export class atomic64_t extends Struct('atomic64_t', { counter: s64 }, { typedef: true }) {}

/** `DEFINE_STATIC(atomic64_t, ATOMIC64_INIT(1n))`. */
export const ATOMIC64_INIT = (n: bigint): { counter: bigint } => ({ counter: n });

/** Where the counter is, after the poll and the check. */
function counter(v: atomic64_t, write = true): number {
  poll();
  const a = v['@addr'];
  check_address(a, 8, 'atomic64_t.counter', write);
  return a;
}
/** The same for each kind of operation, which comes directly after it. */
function reads(v: atomic64_t): number {
  const a = counter(v, false);
  marked_read(a, 8, Order.RELAXED);
  return a;
}
function writes(v: atomic64_t): number {
  const a = counter(v);
  marked_write(a, 8, Order.RELAXED);
  return a;
}
function updates(v: atomic64_t, order: Order): number {
  const a = counter(v);
  marked_update(a, 8, order);
  return a;
}
function exchange(a: number, old: bigint, n: bigint): bigint {
  const found = a_cas64(a, old, n);
  marked_attempt(a, 8, found === old);
  return found;
}
function peek(a: number): bigint {
  marked_read(a, 8, Order.RELAXED);
  return a_ld64(a);
}
/** Before any access: a value that is no bigint changes nothing. */
const value = (n: bigint): bigint => (typeof n === 'bigint' ? n : heap.convert64(n, 'atomic64_t.counter'));
const wrap = (n: bigint): bigint => BigInt.asIntN(64, n);

export function atomic64_read(v: atomic64_t): bigint {
  return a_ld64(reads(v));
}
export function atomic64_set(v: atomic64_t, n: bigint): void {
  a_st64(writes(v), value(n));
}

export function atomic64_add(n: bigint, v: atomic64_t): void {
  a_add64(updates(v, Order.RELAXED), value(n));
}
export function atomic64_sub(n: bigint, v: atomic64_t): void {
  a_sub64(updates(v, Order.RELAXED), value(n));
}
export function atomic64_and(n: bigint, v: atomic64_t): void {
  a_and64(updates(v, Order.RELAXED), value(n));
}
export function atomic64_or(n: bigint, v: atomic64_t): void {
  a_or64(updates(v, Order.RELAXED), value(n));
}
export function atomic64_xor(n: bigint, v: atomic64_t): void {
  a_xor64(updates(v, Order.RELAXED), value(n));
}
/** Clears the bits of `n`. */
export function atomic64_andnot(n: bigint, v: atomic64_t): void {
  a_and64(updates(v, Order.RELAXED), ~value(n));
}
export function atomic64_inc(v: atomic64_t): void {
  a_add64(updates(v, Order.RELAXED), 1n);
}
export function atomic64_dec(v: atomic64_t): void {
  a_sub64(updates(v, Order.RELAXED), 1n);
}

// The new value.
export function atomic64_add_return(n: bigint, v: atomic64_t): bigint {
  return wrap(a_add64(updates(v, Order.FULL), value(n)) + n);
}
export function atomic64_sub_return(n: bigint, v: atomic64_t): bigint {
  return wrap(a_sub64(updates(v, Order.FULL), value(n)) - n);
}
export function atomic64_inc_return(v: atomic64_t): bigint {
  return wrap(a_add64(updates(v, Order.FULL), 1n) + 1n);
}
export function atomic64_dec_return(v: atomic64_t): bigint {
  return wrap(a_sub64(updates(v, Order.FULL), 1n) - 1n);
}

// The old value.
export function atomic64_fetch_add(n: bigint, v: atomic64_t): bigint {
  return a_add64(updates(v, Order.FULL), value(n));
}
export function atomic64_fetch_sub(n: bigint, v: atomic64_t): bigint {
  return a_sub64(updates(v, Order.FULL), value(n));
}
export function atomic64_fetch_and(n: bigint, v: atomic64_t): bigint {
  return a_and64(updates(v, Order.FULL), value(n));
}
export function atomic64_fetch_or(n: bigint, v: atomic64_t): bigint {
  return a_or64(updates(v, Order.FULL), value(n));
}
export function atomic64_fetch_xor(n: bigint, v: atomic64_t): bigint {
  return a_xor64(updates(v, Order.FULL), value(n));
}
export function atomic64_fetch_andnot(n: bigint, v: atomic64_t): bigint {
  return a_and64(updates(v, Order.FULL), ~value(n));
}
export function atomic64_fetch_inc(v: atomic64_t): bigint {
  return a_add64(updates(v, Order.FULL), 1n);
}
export function atomic64_fetch_dec(v: atomic64_t): bigint {
  return a_sub64(updates(v, Order.FULL), 1n);
}

/** Stores `n`. Return: the old value. */
export function atomic64_xchg(v: atomic64_t, n: bigint): bigint {
  return a_xchg64(updates(v, Order.FULL), value(n));
}
/** Stores `n` if the value is `old`. Return: the value it had. */
export function atomic64_cmpxchg(v: atomic64_t, old: bigint, n: bigint): bigint {
  return exchange(counter(v), wrap(value(old)), value(n));
}
/** As atomic64_cmpxchg(), but says whether it stored, and if not sets `old.value` to what was found. */
export function atomic64_try_cmpxchg(v: atomic64_t, old: { value: bigint }, n: bigint): boolean {
  const wanted = wrap(value(old.value));
  const found = exchange(counter(v), wanted, value(n));
  if (found === wanted) return true;
  old.value = found;
  return false;
}

/** Return: whether the result is 0. */
export function atomic64_sub_and_test(n: bigint, v: atomic64_t): boolean {
  return wrap(a_sub64(updates(v, Order.FULL), value(n)) - n) === 0n;
}
export function atomic64_inc_and_test(v: atomic64_t): boolean {
  return a_add64(updates(v, Order.FULL), 1n) === -1n;
}
export function atomic64_dec_and_test(v: atomic64_t): boolean {
  return a_sub64(updates(v, Order.FULL), 1n) === 1n;
}
/** Return: whether the result is negative. */
export function atomic64_add_negative(n: bigint, v: atomic64_t): boolean {
  return wrap(a_add64(updates(v, Order.FULL), value(n)) + n) < 0n;
}

/** Adds `n` unless the value is `unless`. Return: the old value. */
export function atomic64_fetch_add_unless(v: atomic64_t, n: bigint, unless: bigint): bigint {
  const a = counter(v);
  for (let old = peek(a); ;) {
    if (old === wrap(unless)) return old;
    const found = exchange(a, old, wrap(old + n));
    if (found === old) return old;
    old = found;
  }
}
/** Return: whether it added. */
export function atomic64_add_unless(v: atomic64_t, n: bigint, unless: bigint): boolean {
  return atomic64_fetch_add_unless(v, n, unless) !== wrap(unless);
}
/** Takes a reference that may already be the last one dropped. Return: whether it did. */
export function atomic64_inc_not_zero(v: atomic64_t): boolean {
  return atomic64_fetch_add_unless(v, 1n, 0n) !== 0n;
}
/** Return: whether it incremented. */
export function atomic64_inc_unless_negative(v: atomic64_t): boolean {
  const a = counter(v);
  for (let old = peek(a); ;) {
    if (old < 0n) return false;
    const found = exchange(a, old, wrap(old + 1n));
    if (found === old) return true;
    old = found;
  }
}
/** Return: whether it decremented. */
export function atomic64_dec_unless_positive(v: atomic64_t): boolean {
  const a = counter(v);
  for (let old = peek(a); ;) {
    if (old > 0n) return false;
    const found = exchange(a, old, wrap(old - 1n));
    if (found === old) return true;
    old = found;
  }
}
/** Decrements unless that makes it negative. Return: the old value minus one, stored or not. */
export function atomic64_dec_if_positive(v: atomic64_t): bigint {
  const a = counter(v);
  for (let old = peek(a); ;) {
    if (old <= 0n) return wrap(old - 1n);
    const found = exchange(a, old, wrap(old - 1n));
    if (found === old) return old - 1n;
    old = found;
  }
}

export const atomic64_read_acquire = with_order(atomic64_read, Order.ACQUIRE);
export const atomic64_set_release = with_order(atomic64_set, Order.RELEASE);
export const atomic64_add_return_acquire = with_order(atomic64_add_return, Order.ACQUIRE);
export const atomic64_add_return_release = with_order(atomic64_add_return, Order.RELEASE);
export const atomic64_add_return_relaxed = with_order(atomic64_add_return, Order.RELAXED);
export const atomic64_sub_return_acquire = with_order(atomic64_sub_return, Order.ACQUIRE);
export const atomic64_sub_return_release = with_order(atomic64_sub_return, Order.RELEASE);
export const atomic64_sub_return_relaxed = with_order(atomic64_sub_return, Order.RELAXED);
export const atomic64_inc_return_acquire = with_order(atomic64_inc_return, Order.ACQUIRE);
export const atomic64_inc_return_release = with_order(atomic64_inc_return, Order.RELEASE);
export const atomic64_inc_return_relaxed = with_order(atomic64_inc_return, Order.RELAXED);
export const atomic64_dec_return_acquire = with_order(atomic64_dec_return, Order.ACQUIRE);
export const atomic64_dec_return_release = with_order(atomic64_dec_return, Order.RELEASE);
export const atomic64_dec_return_relaxed = with_order(atomic64_dec_return, Order.RELAXED);
export const atomic64_fetch_add_acquire = with_order(atomic64_fetch_add, Order.ACQUIRE);
export const atomic64_fetch_add_release = with_order(atomic64_fetch_add, Order.RELEASE);
export const atomic64_fetch_add_relaxed = with_order(atomic64_fetch_add, Order.RELAXED);
export const atomic64_fetch_sub_acquire = with_order(atomic64_fetch_sub, Order.ACQUIRE);
export const atomic64_fetch_sub_release = with_order(atomic64_fetch_sub, Order.RELEASE);
export const atomic64_fetch_sub_relaxed = with_order(atomic64_fetch_sub, Order.RELAXED);
export const atomic64_fetch_inc_acquire = with_order(atomic64_fetch_inc, Order.ACQUIRE);
export const atomic64_fetch_inc_release = with_order(atomic64_fetch_inc, Order.RELEASE);
export const atomic64_fetch_inc_relaxed = with_order(atomic64_fetch_inc, Order.RELAXED);
export const atomic64_fetch_dec_acquire = with_order(atomic64_fetch_dec, Order.ACQUIRE);
export const atomic64_fetch_dec_release = with_order(atomic64_fetch_dec, Order.RELEASE);
export const atomic64_fetch_dec_relaxed = with_order(atomic64_fetch_dec, Order.RELAXED);
export const atomic64_fetch_and_acquire = with_order(atomic64_fetch_and, Order.ACQUIRE);
export const atomic64_fetch_and_release = with_order(atomic64_fetch_and, Order.RELEASE);
export const atomic64_fetch_and_relaxed = with_order(atomic64_fetch_and, Order.RELAXED);
export const atomic64_fetch_or_acquire = with_order(atomic64_fetch_or, Order.ACQUIRE);
export const atomic64_fetch_or_release = with_order(atomic64_fetch_or, Order.RELEASE);
export const atomic64_fetch_or_relaxed = with_order(atomic64_fetch_or, Order.RELAXED);
export const atomic64_fetch_xor_acquire = with_order(atomic64_fetch_xor, Order.ACQUIRE);
export const atomic64_fetch_xor_release = with_order(atomic64_fetch_xor, Order.RELEASE);
export const atomic64_fetch_xor_relaxed = with_order(atomic64_fetch_xor, Order.RELAXED);
export const atomic64_fetch_andnot_acquire = with_order(atomic64_fetch_andnot, Order.ACQUIRE);
export const atomic64_fetch_andnot_release = with_order(atomic64_fetch_andnot, Order.RELEASE);
export const atomic64_fetch_andnot_relaxed = with_order(atomic64_fetch_andnot, Order.RELAXED);
export const atomic64_add_negative_acquire = with_order(atomic64_add_negative, Order.ACQUIRE);
export const atomic64_add_negative_release = with_order(atomic64_add_negative, Order.RELEASE);
export const atomic64_add_negative_relaxed = with_order(atomic64_add_negative, Order.RELAXED);
export const atomic64_xchg_acquire = with_order(atomic64_xchg, Order.ACQUIRE);
export const atomic64_xchg_release = with_order(atomic64_xchg, Order.RELEASE);
export const atomic64_xchg_relaxed = with_order(atomic64_xchg, Order.RELAXED);
export const atomic64_cmpxchg_acquire = with_order(atomic64_cmpxchg, Order.ACQUIRE);
export const atomic64_cmpxchg_release = with_order(atomic64_cmpxchg, Order.RELEASE);
export const atomic64_cmpxchg_relaxed = with_order(atomic64_cmpxchg, Order.RELAXED);
export const atomic64_try_cmpxchg_acquire = with_order(atomic64_try_cmpxchg, Order.ACQUIRE);
export const atomic64_try_cmpxchg_release = with_order(atomic64_try_cmpxchg, Order.RELEASE);
export const atomic64_try_cmpxchg_relaxed = with_order(atomic64_try_cmpxchg, Order.RELAXED);
no_step(ATOMIC64_INIT);
