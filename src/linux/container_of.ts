// noinstr: never transformed, never interrupted.
// <linux/container_of.h>. Arithmetic on addresses: no memory is touched. Context: any.
import { no_step } from '../cpu/heap.js';
import { addr_of, type AnyStruct, type StructView } from './field.js';

interface Offsets {
  offset_of(field: string): number;
}
/** Names of the fields of a struct class. */
export type MemberOf<T extends AnyStruct> = keyof T['fields'] & string;

/** The struct of class `T` whose field `member` is at `x` (a view or an address): `container_of(node, item, 'link')`. */
export function container_of<T extends AnyStruct>(x: StructView | number, T: T, member: MemberOf<T>): InstanceType<T> {
  const offset = (T as unknown as Offsets).offset_of(member);
  return (T as unknown as { at(a: number): InstanceType<T> }).at(addr_of(x) - offset);
}

/** `offsetof(stats, 'packets')`. */
export const offsetof = <T extends AnyStruct>(T: T, member: MemberOf<T>): number =>
  (T as unknown as Offsets).offset_of(member);
no_step(container_of, offsetof, addr_of);
