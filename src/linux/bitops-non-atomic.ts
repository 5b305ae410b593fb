// inline: what Linux inlines over the caller's data; in the stepped build every field access here is a step.
// The `__` bit operations: a load, then a store, for data that a lock protects; and walks over bitmaps. Part of
// bitops.ts; import from there. Context: any.
import { addr_of, ulong, type StructView } from './field.js';
import { find_next_bit, find_next_zero_bit, type Bits } from './find.js';
import { Struct, type FieldName } from './struct.js';

class bitmap_word extends Struct('bitmap_word', { bits: ulong }) {}

function word_of(nr: number, addr: Bits, field: string | undefined): bitmap_word {
  return bitmap_word.at(addr_of(addr as never, field as never) + ((nr >> 5) << 2));
}

export function __set_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): void {
  const w = word_of(nr, addr, field);
  w.bits |= 1 << nr;
}
export function __clear_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): void {
  const w = word_of(nr, addr, field);
  w.bits &= ~(1 << nr);
}
export function __change_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): void {
  const w = word_of(nr, addr, field);
  w.bits ^= 1 << nr;
}
export function __assign_bit<V extends StructView>(nr: number, addr: V | number, value: boolean): void {
  if (value) __set_bit(nr, addr);
  else __clear_bit(nr, addr);
}
export function __test_and_set_bit<V extends StructView>(nr: number, addr: V | number, field?: FieldName<V>): boolean {
  const w = word_of(nr, addr, field);
  const old = w.bits;
  w.bits = old | (1 << nr);
  return ((old >>> (nr & 31)) & 1) !== 0;
}
export function __test_and_clear_bit<V extends StructView>(
  nr: number,
  addr: V | number,
  field?: FieldName<V>,
): boolean {
  const w = word_of(nr, addr, field);
  const old = w.bits;
  w.bits = old & ~(1 << nr);
  return ((old >>> (nr & 31)) & 1) !== 0;
}
export function __test_and_change_bit<V extends StructView>(
  nr: number,
  addr: V | number,
  field?: FieldName<V>,
): boolean {
  const w = word_of(nr, addr, field);
  const old = w.bits;
  w.bits = old ^ (1 << nr);
  return ((old >>> (nr & 31)) & 1) !== 0;
}

/** The cursor of for_each_set_bit() and for_each_clear_bit(): one search for each turn. */
export class bit_walk implements IterableIterator<number> {
  declare readonly $cursor: true;
  declare done: boolean;
  value: number;
  private readonly addr: number;
  private readonly size: number;
  private readonly clear: boolean;

  constructor(addr: number, size: number, clear: boolean) {
    this.value = -1;
    this.addr = addr;
    this.size = size;
    this.clear = clear;
    this.done = false;
  }
  advance(): boolean {
    const from = this.value + 1;
    this.value = this.clear
      ? find_next_zero_bit(this.addr, this.size, from)
      : find_next_bit(this.addr, this.size, from);
    return this.value < this.size;
  }
  next(): IteratorResult<number> {
    this.done = !this.advance();
    return this as unknown as IteratorResult<number>;
  }
  [Symbol.iterator](): IterableIterator<number> {
    return this;
  }
}
Object.defineProperty(bit_walk.prototype, '$cursor', { value: true });

/** `for (const nr of for_each_set_bit(map, 64))`: bits that change meanwhile may be seen or not. */
export function for_each_set_bit(addr: Bits, size: number): bit_walk {
  return new bit_walk(addr_of(addr as never), size, false);
}
export function for_each_clear_bit(addr: Bits, size: number): bit_walk {
  return new bit_walk(addr_of(addr as never), size, true);
}
