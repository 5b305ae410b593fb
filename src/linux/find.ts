// noinstr: never transformed, never interrupted.
// <linux/find.h>: searches in bitmaps in memory, each one step. Context: any.
import { check_address, poll } from '../cpu/heap.js';
import { ld } from '../cpu/raw.js';
import { addr_of, type StructView } from './field.js';

/** Where a bitmap begins. */
export type Bits = StructView | number;

/** The first bit at or after `start` whose word, xored with `flip`, has it set; `size` if there is none. */
function find(addr: Bits, size: number, start: number, flip: number): number {
  poll();
  const base = addr_of(addr as never);
  for (let nr = start; nr < size; nr = (nr | 31) + 1) {
    const a = base + ((nr >> 5) << 2);
    check_address(a, 4, 'a bitmap', false);
    const rest = (ld(a) ^ flip) & (-1 << (nr & 31));
    if (rest !== 0) return Math.min((nr & ~31) + 31 - Math.clz32(rest & -rest), size);
  }
  return size;
}

/** Return: number of the bit, or `size` if there is none. `size` is in bits. */
export function find_first_bit(addr: Bits, size: number): number {
  return find(addr, size, 0, 0);
}
export function find_first_zero_bit(addr: Bits, size: number): number {
  return find(addr, size, 0, -1);
}
/** As find_first_bit(), from bit `offset` on. */
export function find_next_bit(addr: Bits, size: number, offset: number): number {
  return find(addr, size, offset, 0);
}
export function find_next_zero_bit(addr: Bits, size: number, offset: number): number {
  return find(addr, size, offset, -1);
}
export function find_last_bit(addr: Bits, size: number): number {
  poll();
  const base = addr_of(addr as never);
  for (let nr = size - 1; nr >= 0; nr = (nr & ~31) - 1) {
    const a = base + ((nr >> 5) << 2);
    check_address(a, 4, 'a bitmap', false);
    const rest = ld(a) & (-1 >>> (31 - (nr & 31)));
    if (rest !== 0) return (nr & ~31) + 31 - Math.clz32(rest);
  }
  return size;
}
