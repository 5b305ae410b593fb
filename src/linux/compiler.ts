// noinstr: never transformed, never interrupted.
// <linux/compiler.h>: accesses that happen exactly once, as written. Context: any.
import { heap, no_step, poll } from '../cpu/heap.js';
import { marked_lvalue, Order } from '../cpu/order.js';
import type { StructView } from './field.js';
import { lea, load_once, store_once, type Key, type Val } from './lvalue.js';

export { data_race } from './data-race.js';

/** One load of a field that other CPUs may write: never torn, repeated or left out. `READ_ONCE(s, 'packets')`. */
export function READ_ONCE<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  poll();
  const a = lea(v, field, false);
  marked_lvalue(a, heap.code, false, Order.RELAXED);
  return load_once(a) as Val<V, K>;
}

/** One store to a field that other CPUs may read. */
export function WRITE_ONCE<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  const a = lea(v, field, true);
  marked_lvalue(a, heap.code, true, Order.RELAXED);
  store_once(a, value);
}

/** Keeps the compiler from moving accesses across; JavaScript's never does. */
export function barrier(): void {}

export const likely = <T>(x: T): T => x;
export const unlikely = <T>(x: T): T => x;
no_step(barrier, likely, unlikely);
