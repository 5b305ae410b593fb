// noinstr: never transformed, never interrupted.
// <linux/bitops.h>: atomic operations on single bits of bitmaps in memory. Context: any.
//
// A bitmap is `unsigned long`s of 32 bits: given by its address, a view of it (a `bitmap(n)` field), or a view and the
// name of a 32-bit field: `set_bit(3, s, 'flags')`. The number of the bit may go beyond the first word. The forms
// with `__` are in bitops-non-atomic.ts: a load and a store, for data that a lock protects.
import { check_address, poll } from '../cpu/heap.js';
import { marked_read, marked_update, Order, with_order } from '../cpu/order.js';
import { a_and, a_ld, a_or, a_xor } from '../cpu/raw.js';
import { addr_of, type StructView } from './field.js';
import type { Bits } from './find.js';
import type { FieldName } from './struct.js';

export * from './bits.js';
export * from './bitops-non-atomic.js';
export * from './find.js';

/** The word of bit `nr`, after the poll and the check. */
function word(nr: number, addr: Bits, field: string | undefined, write: boolean): number {
  poll();
  const a = addr_of(addr as never, field as never) + ((nr >> 5) << 2);
  check_address(a, 4, 'a bitmap', write);
  if (!write) marked_read(a, 4, Order.RELAXED);
  return a;
}
/** The same for a change of the bit. */
function change(nr: number, addr: Bits, field: string | undefined, order: Order): number {
  const a = word(nr, addr, field, true);
  marked_update(a, 4, order);
  return a;
}

export function set_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): void {
  a_or(change(nr, addr, field, Order.RELAXED), 1 << nr);
}
export function clear_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): void {
  a_and(change(nr, addr, field, Order.RELAXED), ~(1 << nr));
}
export function change_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): void {
  a_xor(change(nr, addr, field, Order.RELAXED), 1 << nr);
}
export function assign_bit<V extends StructView>(nr: number, addr: V | number, value: boolean): void;
export function assign_bit<V extends StructView>(nr: number, addr: V, field: FieldName<V>, value: boolean): void;
export function assign_bit(nr: number, addr: Bits, x: string | boolean, y?: boolean): void {
  const field = typeof x === 'string' ? x : undefined;
  const a = change(nr, addr, field, Order.RELAXED);
  if (field === undefined ? x : y) a_or(a, 1 << nr);
  else a_and(a, ~(1 << nr));
}
export function test_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): boolean {
  return ((a_ld(word(nr, addr, field, false)) >>> (nr & 31)) & 1) !== 0;
}
/** These return the old bit. */
export function test_and_set_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): boolean {
  return ((a_or(change(nr, addr, field, Order.FULL), 1 << nr) >>> (nr & 31)) & 1) !== 0;
}
export function test_and_clear_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): boolean {
  return ((a_and(change(nr, addr, field, Order.FULL), ~(1 << nr)) >>> (nr & 31)) & 1) !== 0;
}
export function test_and_change_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): boolean {
  return ((a_xor(change(nr, addr, field, Order.FULL), 1 << nr) >>> (nr & 31)) & 1) !== 0;
}
/** A bit as a lock: acquire and release order. Return: true if somebody else holds it. */
export function test_and_set_bit_lock<V extends StructView>(
  nr: number,
  addr: V | number,
  field?: FieldName<V>,
): boolean {
  const a = word(nr, addr, field, true);
  const held = ((a_or(a, 1 << nr) >>> (nr & 31)) & 1) !== 0;
  if (held) marked_read(a, 4, Order.RELAXED);
  else marked_update(a, 4, Order.ACQUIRE);
  return held;
}
export const clear_bit_unlock = with_order(clear_bit, Order.RELEASE);
export const test_bit_acquire = with_order(test_bit, Order.ACQUIRE);
