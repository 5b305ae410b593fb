// noinstr: never transformed, never interrupted.
// <linux/cmpxchg.h>: exchange and compare on fields of 8, 16, 32 and 64 bits. Context: any. Fully ordered; the
// _acquire, _release and _relaxed forms are too.
import { poll } from '../cpu/heap.js';
import type { StructView } from './field.js';
import { cas, lea, swap, wrap, type Key, type Val } from './lvalue.js';

/** Stores `value`. Return: what the field held. */
export function xchg<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): Val<V, K> {
  poll();
  return swap(lea(v, field, true), value) as Val<V, K>;
}
/** Stores `value` if the field holds `old`. Return: what it held; the store happened if that equals `old`. */
export function cmpxchg<V extends StructView, K extends Key<V>>(
  v: V,
  field: K,
  old: Val<V, K>,
  value: Val<V, K>,
): Val<V, K> {
  poll();
  return cas(lea(v, field, true), old, value) as Val<V, K>;
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
  const expected = wrap(wanted);
  const found = cas(a, expected, value);
  if (found === expected) return true;
  old.value = found as Val<V, K>;
  return false;
}
export {
  xchg as xchg_acquire,
  xchg as xchg_release,
  xchg as xchg_relaxed,
  cmpxchg as cmpxchg_acquire,
  cmpxchg as cmpxchg_release,
  cmpxchg as cmpxchg_relaxed,
  try_cmpxchg as try_cmpxchg_acquire,
  try_cmpxchg as try_cmpxchg_release,
  try_cmpxchg as try_cmpxchg_relaxed,
};
