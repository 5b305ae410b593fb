// noinstr: never transformed, never interrupted.
// <asm/barrier.h>. Context: any.
//
// JavaScript has no fences. READ_ONCE, WRITE_ONCE and the atomics are sequentially consistent there, so between those
// all of these hold by themselves. To order plain accesses too, a barrier is an atomic read-modify-write of a word that
// only this CPU touches, which is a full barrier for the compiler everywhere and for the hardware on x86 and, but for a
// plain store before a plain load, on Arm.
import { heap, no_step, poll } from '../cpu/heap.js';
import { my } from '../cpu/context.js';
import { full_barrier, marked_lvalue, Order, read_barrier, write_barrier } from '../cpu/order.js';
import { a_or } from '../cpu/raw.js';
import { Pcpu } from '../machine/memory-map.js';
import type { StructView } from './field.js';
import { lea, load_once, store_once, type Key, type Val } from './lvalue.js';

/** Orders all earlier loads and stores before all later ones. */
export function smp_mb(): void {
  full_barrier();
  fence();
}
/** Orders earlier loads before later loads. */
export function smp_rmb(): void {
  read_barrier();
  fence();
}
/** Orders earlier stores before later stores. */
export function smp_wmb(): void {
  write_barrier();
  fence();
}
function fence(): void {
  poll();
  if (heap.limit1 !== 0) a_or(my + Pcpu.STAT_OPS, 0);
}
export const mb = smp_mb;
export const rmb = smp_rmb;
export const wmb = smp_wmb;

/** For devices that share memory: none is nearer than another CPU. */
export const dma_mb = smp_mb;
export const dma_rmb = smp_rmb;
export const dma_wmb = smp_wmb;

/** The atomics order everything by themselves. */
export const smp_mb__before_atomic = (): void => full_barrier();
export const smp_mb__after_atomic = (): void => full_barrier();

/** A load that everything after it follows. Pairs with smp_store_release(). */
export function smp_load_acquire<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  poll();
  const a = lea(v, field, false);
  marked_lvalue(a, heap.code, false, Order.ACQUIRE);
  return load_once(a) as Val<V, K>;
}
/** A store that everything before it precedes. */
export function smp_store_release<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  const a = lea(v, field, true);
  marked_lvalue(a, heap.code, true, Order.RELEASE);
  store_once(a, value);
}
/** A store followed by a full barrier: what a sleeper does to its state before it looks at the condition again. */
export function smp_store_mb<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  const a = lea(v, field, true);
  marked_lvalue(a, heap.code, true, Order.RELAXED);
  store_once(a, value);
  full_barrier();
  if (heap.limit1 !== 0) a_or(my + Pcpu.STAT_OPS, 0);
}
no_step(smp_mb__before_atomic, smp_mb__after_atomic);
export { smp_cond_load_acquire, smp_cond_load_relaxed } from './cond-load.js';
