// noinstr: never transformed, never interrupted.
// Of <linux/percpu-defs.h>: this_cpu_read(), this_cpu_add() and their kin. Each is one uninterruptible operation on the copy
// of the CPU that it runs on. They are not atomic against other CPUs: those only read. Context: any, preemption on or off.
//
// `this_cpu_read(hits)` for a variable of a primitive type, `this_cpu_read(stats, 'packets')` for one of a struct (or an
// array, with the index); the other operations take their values after that.
import { heap, poll } from '../cpu/heap.js';
import { marked_lvalue, Order, update_lvalue } from '../cpu/order.js';
import type { FieldType, Scalar, ValueOf } from './field.js';
import { cas, load_plain, store_plain, sum, wrap, type Key, type Num, type Val, type Value } from './lvalue.js';
import type { PerCpu } from './percpu-defs.js';

type Prim<V> = PerCpu<Scalar<V>>;
type In<T> = Key<ValueOf<T>>;
type Of<T, K> = Val<ValueOf<T>, K>;
type NumberOf<V> = V extends bigint ? bigint : number;
export type AnyPerCpu = PerCpu<FieldType>;

// What the operations look like: a variable, or a variable and a field, then the values.
export interface Read {
  <V>(p: Prim<V>): V;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K): Of<T, K>;
}
export interface Write {
  <V>(p: Prim<V>, value: V): void;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, value: Of<T, K>): void;
}
export interface Step {
  <V>(p: Prim<V>): void;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K): void;
}
export interface Modify {
  <V>(p: Prim<V>, n: NumberOf<V>): void;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, n: Num<ValueOf<T>, K>): void;
}
/** Return: the new value. */
export interface ModifyReturn {
  <V>(p: Prim<V>, n: NumberOf<V>): V;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, n: Num<ValueOf<T>, K>): Of<T, K>;
}
/** Return: the old value. */
export interface Exchange {
  <V>(p: Prim<V>, value: V): V;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, value: Of<T, K>): Of<T, K>;
}
/** Stores `value` if the variable holds `old`. Return: what it held. */
export interface CompareExchange {
  <V>(p: Prim<V>, old: V, value: V): V;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, old: Of<T, K>, value: Of<T, K>): Of<T, K>;
}
/** As CompareExchange, with `old.value` set to what was found if it was something else. Return: whether it stored. */
export interface TryCompareExchange {
  <V>(p: Prim<V>, old: { value: V }, value: V): boolean;
  <T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, old: { value: Of<T, K> }, value: Of<T, K>): boolean;
}

/** Where an operation that changes the variable finds it. */
function place(p: AnyPerCpu, x: unknown): number {
  const a = p.here(x, true);
  update_lvalue(a, heap.code, Order.RELAXED);
  return a;
}
function read(p: AnyPerCpu, field?: unknown): unknown {
  poll();
  const a = p.here(field, false);
  marked_lvalue(a, heap.code, false, Order.RELAXED);
  return load_plain(a);
}
function write(p: AnyPerCpu, x?: unknown, y?: unknown): void {
  poll();
  const a = p.here(x, true);
  marked_lvalue(a, heap.code, true, Order.RELAXED);
  store_plain(a, p.primitive ? x : y);
}
function add(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  poll();
  const a = place(p, x);
  const v = wrap(sum(load_plain(a), p.primitive ? x : y));
  store_plain(a, v);
  return v;
}
function sub(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  const n = p.primitive ? x : y;
  const minus = typeof n === 'bigint' ? -n : -(n as number);
  return p.primitive ? add(p, minus) : add(p, x, minus);
}
function and(p: AnyPerCpu, x?: unknown, y?: unknown): void {
  poll();
  const a = place(p, x);
  store_plain(a, both(load_plain(a), p.primitive ? x : y, true));
}
function or(p: AnyPerCpu, x?: unknown, y?: unknown): void {
  poll();
  const a = place(p, x);
  store_plain(a, both(load_plain(a), p.primitive ? x : y, false));
}
/** The bits that are in both, or in one of them. */
export function both(old: Value, n: unknown, and: boolean): Value {
  if (typeof old === 'bigint') return and ? old & (n as bigint) : old | (n as bigint);
  return and ? Number(old) & (n as number) : Number(old) | (n as number);
}
function step_by(p: AnyPerCpu, x: unknown, n: number): unknown {
  poll();
  const a = place(p, x);
  const old = load_plain(a);
  const v = wrap(typeof old === 'bigint' ? old + BigInt(n) : Number(old) + n);
  store_plain(a, v);
  return v;
}
function inc(p: AnyPerCpu, x?: unknown): unknown {
  return step_by(p, x, 1);
}
function dec(p: AnyPerCpu, x?: unknown): unknown {
  return step_by(p, x, -1);
}
function exchange(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  poll();
  const a = place(p, x);
  const old = load_plain(a);
  store_plain(a, p.primitive ? x : y);
  return old;
}
function compare_exchange(p: AnyPerCpu, x?: unknown, y?: unknown, z?: unknown): unknown {
  poll();
  return cas(place(p, x), p.primitive ? x : y, p.primitive ? y : z);
}
function try_compare_exchange(p: AnyPerCpu, x?: unknown, y?: unknown, z?: unknown): boolean {
  poll();
  const old = (p.primitive ? x : y) as { value: unknown };
  const wanted = old.value;
  const a = place(p, x);
  const expected = wrap(wanted);
  const found = cas(a, expected, p.primitive ? y : z);
  if (found === expected) return true;
  old.value = found;
  return false;
}

export const this_cpu_read = read as Read;
export const this_cpu_write = write as Write;
export const this_cpu_add = add as Modify;
export const this_cpu_sub = sub as Modify;
export const this_cpu_and = and as Modify;
export const this_cpu_or = or as Modify;
export const this_cpu_inc = inc as Step;
export const this_cpu_dec = dec as Step;
export const this_cpu_add_return = add as ModifyReturn;
export const this_cpu_sub_return = sub as ModifyReturn;
export const this_cpu_inc_return = inc as Read;
export const this_cpu_dec_return = dec as Read;
export const this_cpu_xchg = exchange as Exchange;
export const this_cpu_cmpxchg = compare_exchange as CompareExchange;
export const this_cpu_try_cmpxchg = try_compare_exchange as TryCompareExchange;
