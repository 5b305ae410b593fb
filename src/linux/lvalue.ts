// noinstr: never transformed, never interrupted.
// An lvalue is a view and the name of a field that is one load or store (or an array of such fields and an index):
// `READ_ONCE(s, 'packets')`. Here is what all that take one share. Internal to src/linux.
//
// Order of every primitive: poll, find and check the address, then the accesses, with nothing in between.
import { check_address, heap } from '../cpu/heap.js';
import {
  a_cas,
  a_cas16,
  a_cas64,
  a_cas8,
  a_ld,
  a_ld16,
  a_ld64,
  a_ld8,
  a_st,
  a_st16,
  a_st64,
  a_st8,
  a_xchg,
  ld,
  ld16,
  ld64,
  ld8,
  ldf64,
  st,
  st16,
  st64,
  st8,
  stf64,
} from '../cpu/raw.js';
import type { ArrayView, FieldType, StructView, ValueOf } from './field.js';
import type { FieldName } from './struct.js';
import { Code } from './view.js';

/** What names a place in `V`. */
export type Key<V> = V extends ArrayView<FieldType> ? number : FieldName<V>;
/** What is stored there. */
export type Val<V, K> = V extends ArrayView<infer E> ? ValueOf<E> : K extends keyof V ? V[K] : never;
/** What arithmetic is defined on. */
export type Num<V, K> = Val<V, K> extends bigint ? bigint : number;

interface HasLea {
  '@lea'(key: unknown, write: boolean): number;
}
export type Value = number | bigint | boolean;

/** The checked address of the place; `heap.code` then says what it is. */
export const lea = (v: StructView, key: unknown, write: boolean): number =>
  (v as unknown as HasLea)['@lea'](key, write);

/** As `lea`, of a plain 32-bit word given by address. */
export function word_address(a: number, where: string, write: boolean): number {
  check_address(a, 4, where, write);
  return a;
}

export function load_once(a: number): Value {
  switch (heap.code) {
    case Code.I32:
      return a_ld(a);
    case Code.U32:
      return a_ld(a) >>> 0;
    case Code.I8:
      return (a_ld8(a) << 24) >> 24;
    case Code.U8:
      return a_ld8(a);
    case Code.BOOL:
      return a_ld8(a) !== 0;
    case Code.I16:
      return (a_ld16(a) << 16) >> 16;
    case Code.U16:
      return a_ld16(a);
    case Code.I64:
      return a_ld64(a);
    case Code.U64:
      return BigInt.asUintN(64, a_ld64(a));
    default:
      return ldf64(a);
  }
}

export function load_plain(a: number): Value {
  switch (heap.code) {
    case Code.I32:
      return ld(a);
    case Code.U32:
      return ld(a) >>> 0;
    case Code.I8:
      return (ld8(a) << 24) >> 24;
    case Code.U8:
      return ld8(a);
    case Code.BOOL:
      return ld8(a) !== 0;
    case Code.I16:
      return (ld16(a) << 16) >> 16;
    case Code.U16:
      return ld16(a);
    case Code.I64:
      return ld64(a);
    case Code.U64:
      return BigInt.asUintN(64, ld64(a));
    default:
      return ldf64(a);
  }
}

/** `v` as the raw number that a field of `heap.code` holds. Views and functions are not taken here, only values. */
function to_number(v: unknown): number {
  if (typeof v === 'number' && v === v) return v;
  return heap.convert(v, 'the value', 0);
}
const to_bigint = (v: unknown): bigint => (typeof v === 'bigint' ? v : heap.convert64(v, 'the value'));

export function store_once(a: number, v: unknown): void {
  switch (heap.code) {
    case Code.I32:
    case Code.U32:
      return a_st(a, to_number(v) | 0);
    case Code.I8:
    case Code.U8:
      return a_st8(a, to_number(v));
    case Code.BOOL:
      return a_st8(a, v ? 1 : 0);
    case Code.I16:
    case Code.U16:
      return a_st16(a, to_number(v));
    case Code.I64:
    case Code.U64:
      return a_st64(a, to_bigint(v));
    default:
      return stf64(a, to_number(v));
  }
}

export function store_plain(a: number, v: unknown): void {
  switch (heap.code) {
    case Code.I32:
    case Code.U32:
      return st(a, to_number(v));
    case Code.I8:
    case Code.U8:
      return st8(a, to_number(v));
    case Code.BOOL:
      return st8(a, v ? 1 : 0);
    case Code.I16:
    case Code.U16:
      return st16(a, to_number(v));
    case Code.I64:
    case Code.U64:
      return st64(a, to_bigint(v));
    default:
      return stf64(a, to_number(v));
  }
}

/** Stores `v` if the place holds `old`; returns what it held. */
export function cas(a: number, old: unknown, v: unknown): Value {
  switch (heap.code) {
    case Code.I32:
      return a_cas(a, to_number(old) | 0, to_number(v) | 0);
    case Code.U32:
      return a_cas(a, to_number(old) | 0, to_number(v) | 0) >>> 0;
    case Code.I8:
      return (a_cas8(a, to_number(old) & 0xff, to_number(v)) << 24) >> 24;
    case Code.U8:
      return a_cas8(a, to_number(old) & 0xff, to_number(v));
    case Code.BOOL:
      return a_cas8(a, old ? 1 : 0, v ? 1 : 0) !== 0;
    case Code.I16:
      return (a_cas16(a, to_number(old) & 0xffff, to_number(v)) << 16) >> 16;
    case Code.U16:
      return a_cas16(a, to_number(old) & 0xffff, to_number(v));
    case Code.I64:
      return a_cas64(a, BigInt.asIntN(64, to_bigint(old)), to_bigint(v));
    case Code.U64:
      return BigInt.asUintN(64, a_cas64(a, BigInt.asIntN(64, to_bigint(old)), to_bigint(v)));
    default:
      throw new TypeError('there is no atomic read-modify-write of an f64 field');
  }
}

/** Stores `v` atomically; returns what the place held. */
export function swap(a: number, v: unknown): Value {
  if (heap.code === Code.I32) return a_xchg(a, to_number(v) | 0);
  if (heap.code === Code.U32) return a_xchg(a, to_number(v) | 0) >>> 0;
  for (;;) {
    const old = load_once(a);
    if (cas(a, old, v) === old) return old;
  }
}

/** `v` as a field of `heap.code` reads it back after a store: -1 in a u32 is 4294967295. */
export function wrap(v: unknown): Value {
  switch (heap.code) {
    case Code.I32:
      return to_number(v) | 0;
    case Code.U32:
      return to_number(v) >>> 0;
    case Code.I8:
      return (to_number(v) << 24) >> 24;
    case Code.U8:
      return to_number(v) & 0xff;
    case Code.BOOL:
      return Boolean(v);
    case Code.I16:
      return (to_number(v) << 16) >> 16;
    case Code.U16:
      return to_number(v) & 0xffff;
    case Code.I64:
      return BigInt.asIntN(64, to_bigint(v));
    case Code.U64:
      return BigInt.asUintN(64, to_bigint(v));
    default:
      return to_number(v);
  }
}

/** `old + v` in the width of the place: the store wraps it, so this need not. */
export const sum = (old: Value, v: unknown): Value =>
  typeof old === 'bigint' ? old + to_bigint(v) : Number(old) + to_number(v);
