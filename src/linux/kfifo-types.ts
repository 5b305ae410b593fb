// noinstr: never transformed, never interrupted.
// The structs of <linux/kfifo.h>, and the classes made for each type of element. See kfifo.ts.
import { st } from '../cpu/raw.js';
import { array, ptr, uint, type AnyStruct, type FieldType, type StructView } from './field.js';
import { DEFINE_STATIC } from './static.js';
import { Struct } from './struct.js';

/** `in` is written by whoever puts, `out` by whoever gets; both count for ever and wrap. The rest is set once. */
export class __kfifo extends Struct('__kfifo', { in: uint, out: uint, mask: uint, esize: uint, data: ptr() }) {}

/** A FIFO whose elements are of type `T`: a view of it. */
export interface kfifo<T extends FieldType> extends StructView {
  readonly kfifo: __kfifo;
  /** Only for the type checker. */
  readonly element_type?: T;
}
/** An element as a field, and its type: statics of the class of a FIFO. */
interface Element {
  slot: { at(address: number): { value: unknown } };
  element: FieldType;
}
export const element_of = (fifo: StructView): Element => fifo.constructor as unknown as Element;

/** What DECLARE_KFIFO gives: a type for a field of a struct. */
export type KfifoType<T extends FieldType> = Omit<AnyStruct, never> & (new (address: never) => kfifo<T>);

function statics(made: object, type: FieldType): void {
  const slot = class extends Struct('kfifo_element', { value: type }) {};
  Object.defineProperty(made, 'slot', { value: slot });
  Object.defineProperty(made, 'element', { value: type });
}

/** The type of a FIFO of `size` elements (a power of two, at least 2) with its buffer inside. */
export function DECLARE_KFIFO<T extends FieldType>(type: T, size: number): KfifoType<T> {
  if (!Number.isInteger(size) || size < 2 || (size & (size - 1)) !== 0)
    throw new RangeError(`DECLARE_KFIFO: the size, ${size}, has to be a power of two, and at least 2`);
  const init = (address: number): void => {
    st(address, 0);
    st(address + 4, 0);
    st(address + 8, size - 1);
    st(address + 12, type.size);
    st(address + 16, address + made.offset_of('buf'));
  };
  const made = class extends Struct('kfifo', { kfifo: __kfifo, buf: array(type, size) }, { init }) {};
  statics(made, type);
  return made as unknown as KfifoType<T>;
}
/** The type of a FIFO whose buffer comes from kfifo_alloc() or kfifo_init(). */
export function DECLARE_KFIFO_PTR<T extends FieldType>(type: T): KfifoType<T> {
  const made = class extends Struct('kfifo_ptr', { kfifo: __kfifo }) {};
  statics(made, type);
  return made as unknown as KfifoType<T>;
}
/** Static data: an empty FIFO of `size` elements. Context: module level only. */
export const DEFINE_KFIFO = <T extends FieldType>(type: T, size: number): kfifo<T> =>
  DEFINE_STATIC(DECLARE_KFIFO(type, size) as never) as kfifo<T>;
/** Static data: a FIFO without a buffer yet. Context: module level only. */
export const DEFINE_KFIFO_PTR = <T extends FieldType>(type: T): kfifo<T> =>
  DEFINE_STATIC(DECLARE_KFIFO_PTR(type) as never) as kfifo<T>;
