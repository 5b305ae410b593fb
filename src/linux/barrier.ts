// noinstr: never transformed, never interrupted.
// <asm/barrier.h>. Context: any.
//
// JavaScript has no fences. READ_ONCE, WRITE_ONCE and the atomics are sequentially consistent there, so between those
// all of these hold by themselves. To order plain accesses too, a barrier is an atomic read-modify-write of a word that
// only this CPU touches, which is a full barrier for the compiler everywhere and for the hardware on x86 and, but for a
// plain store before a plain load, on Arm.
import { heap, no_step, poll } from '../cpu/heap.js';
import { my } from '../cpu/context.js';
import { a_or } from '../cpu/raw.js';
import { Pcpu } from '../machine/memory-map.js';
import type { StructView } from './field.js';
import { lea, load_once, store_once, type Key, type Val } from './lvalue.js';

/** Orders all earlier loads and stores before all later ones. */
export function smp_mb(): void {
  poll();
  if (heap.limit1 !== 0) a_or(my + Pcpu.STAT_OPS, 0);
}
/** Orders earlier loads before later loads. */
export const smp_rmb = smp_mb;
/** Orders earlier stores before later stores. */
export const smp_wmb = smp_mb;
export const mb = smp_mb;
export const rmb = smp_mb;
export const wmb = smp_mb;

/** For devices that share memory: none is nearer than another CPU. */
export const dma_mb = smp_mb;
export const dma_rmb = smp_mb;
export const dma_wmb = smp_mb;

/** The atomics order everything by themselves. */
export function smp_mb__before_atomic(): void {}
export function smp_mb__after_atomic(): void {}

/** A load that everything after it follows. Pairs with smp_store_release(). */
export function smp_load_acquire<V extends StructView, K extends Key<V>>(v: V, field: K): Val<V, K> {
  poll();
  return load_once(lea(v, field, false)) as Val<V, K>;
}
/** A store that everything before it precedes. */
export function smp_store_release<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  store_once(lea(v, field, true), value);
}
/** A store followed by a full barrier: what a sleeper does to its state before it looks at the condition again. */
export function smp_store_mb<V extends StructView, K extends Key<V>>(v: V, field: K, value: Val<V, K>): void {
  poll();
  store_once(lea(v, field, true), value);
  if (heap.limit1 !== 0) a_or(my + Pcpu.STAT_OPS, 0);
}
no_step(smp_mb__before_atomic, smp_mb__after_atomic);
export { smp_cond_load_acquire, smp_cond_load_relaxed } from './cond-load.js';
