// noinstr: never transformed, never interrupted.
// <linux/cmpxchg.h>: exchange and compare on fields of 8, 16, 32 and 64 bits. Context: any. Fully ordered; for the
// race detector the _acquire, _release and _relaxed forms, and one that does not store, order as little as in Linux.
import { heap, poll } from '../cpu/heap.js';
import { attempt_lvalue, Order, update_lvalue, with_order } from '../cpu/order.js';
import type { StructView } from './field.js';
import { cas, lea, swap, wrap, type Key, type Val } from './lvalue.js';

/** Stores `value`. Return: what the field held. */
export function xchg<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): Val<V, K> {
  poll();
  const a = lea(v, field, true);
  update_lvalue(a, heap.code, Order.FULL);
  return swap(a, value) as Val<V, K>;
}
/** Stores `value` if the field holds `old`. Return: what it held; the store happened if that equals `old`. */
export function cmpxchg<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  old: Val<V, K>,
  value: Val<V, K>,
): Val<V, K> {
  poll();
  const a = lea(v, field, true);
  const { code } = heap;
  const expected = wrap(old);
  const found = cas(a, expected, value);
  attempt_lvalue(a, code, found === expected);
  return found as Val<V, K>;
}
/**
 * As cmpxchg(), for loops. C updates `*old` on failure; here `old` is an object whose `value` is updated:
 *
 *   const old = { value: READ_ONCE(s, 'n') };
 *   while (!try_cmpxchg(s, 'n', old, old.value + 1)) cpu_relax();
 *
 * Return: whether the store happened.
 */
export function try_cmpxchg<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  old: { value: Val<V, K> },
  value: Val<V, K>,
): boolean {
  poll();
  // Read before the address is taken: `old` may itself be a cell in memory.
  const wanted = old.value;
  const a = lea(v, field, true);
  const { code } = heap;
  const expected = wrap(wanted);
  const found = cas(a, expected, value);
  attempt_lvalue(a, code, found === expected);
  if (found === expected) return true;
  old.value = found as Val<V, K>;
  return false;
}
export const xchg_acquire = with_order(xchg, Order.ACQUIRE);
export const xchg_release = with_order(xchg, Order.RELEASE);
export const xchg_relaxed = with_order(xchg, Order.RELAXED);
export const cmpxchg_acquire = with_order(cmpxchg, Order.ACQUIRE);
export const cmpxchg_release = with_order(cmpxchg, Order.RELEASE);
export const cmpxchg_relaxed = with_order(cmpxchg, Order.RELAXED);
export const try_cmpxchg_acquire = with_order(try_cmpxchg, Order.ACQUIRE);
export const try_cmpxchg_release = with_order(try_cmpxchg, Order.RELEASE);
export const try_cmpxchg_relaxed = with_order(try_cmpxchg, Order.RELAXED);
