// noinstr: never transformed, never interrupted.
// <linux/compiler.h>: accesses that happen exactly once, as written. Context: any.
import { no_step, poll } from '../cpu/heap.js';
import type { StructView } from './field.js';
import { lea, load_once, store_once, type Key, type Val } from './lvalue.js';

/** One load of a field that other CPUs may write: never torn, repeated or left out. `READ_ONCE(s, 'packets')`. */
export function READ_ONCE<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  poll();
  return load_once(lea(v, field, false)) as Val<V, K>;
}

/** One store to a field that other CPUs may read. */
export function WRITE_ONCE<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  store_once(lea(v, field, true), value);
}

/** Keeps the compiler from moving accesses across; JavaScript's never does. */
export function barrier(): void {}

export const likely = <T>(x: T): T => x;
export const unlikely = <T>(x: T): T => x;
no_step(barrier, likely, unlikely);
