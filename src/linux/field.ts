// noinstr: never transformed, never interrupted.
// What a struct's field can be, laid out by the wasm32 C ABI (pointers and `long` 32 bits, 64-bit types aligned to 8).
// Import from 'lockstep/linux/types'. Pure descriptions: no machine memory is touched here.
//
// Fields up to 32 bits are `number`, `bool` is boolean, 64-bit ones are `bigint` (`f64` is the kernel's own: number).
// A value out of a field's range wraps as in C, a fraction is cut off; anything that is not a number is refused.
declare const brand: unique symbol;

/** A view of something in the machine's memory. Views have no identity: compare `addr_of(a) === addr_of(b)`. */
export interface StructView {
  readonly '@addr': number;
}

/** Only the struct layer makes these, so that nobody can call `new stats(...)`: use `stats.at(address)`. */
export interface ViewAddress {
  readonly [brand]: 'use T.at(address)';
}

type AccessName = 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'i64' | 'u64' | 'f64';

/** A field that is one load or store. */
export interface Scalar<V> {
  readonly kind: 'scalar';
  /** Name in C; `%s`, if it is there, stands for the field's name. */
  readonly c: string;
  readonly size: number;
  readonly align: number;
  /** Which of ACCESS in cpu/raw.ts reads and writes it. */
  readonly access: AccessName;
  readonly bool: boolean;
  /** Only for the type checker. */
  readonly value_type: V;
}
/** The address of something; what an initialiser gives may be a view. */
export interface PtrType extends Scalar<number> {
  readonly pointer: true;
}
/** A function: its handle in kernel text. An initialiser gives the exported function itself. */
export interface FnType extends Scalar<number> {
  readonly text: true;
}
export interface ArrayType<E extends FieldType> {
  readonly kind: 'array';
  readonly element: E;
  readonly count: number;
  readonly size: number;
  readonly align: number;
}
export interface CharArrayType {
  readonly kind: 'chars';
  readonly count: number;
  readonly size: number;
  readonly align: number;
}
/** What `Struct` and `Union` return, or a class that extends it. */
export interface AnyStruct {
  readonly kind: 'struct';
  readonly struct_name: string;
  /** `struct stats`, `union u` or the name of a typedef. */
  readonly c_name: string;
  readonly size: number;
  readonly align: number;
  readonly fields: Readonly<Record<string, Field>>;
  /** Initialises what must not be all zeros (locks, list heads), embedded structs first. */
  init(address: number): void;
  c_definition(): string;
  new (address: never): StructView;
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- V is invariant here
export type FieldType = Scalar<any> | ArrayType<any> | CharArrayType | AnyStruct;

/** One field of a laid-out struct. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly type: FieldType;
}

/** An array in memory. An index outside it is an oops. */
export interface ArrayView<E extends FieldType> extends StructView {
  readonly length: number;
  at(i: number): ValueOf<E>;
  /** For elements that are one load or store. */
  set(i: number, value: ValueOf<E>): void;
  /** Address of an element, 0 to length (one past the end) included. */
  addr(i: number): number;
}
/** A `char[n]`. */
export interface CharView extends StructView {
  readonly length: number;
  /** The bytes up to the first NUL, as UTF-8. */
  toString(): string;
  /** As strscpy: copies what fits, always ends with NUL. Return: bytes copied, or -E2BIG if cut off. */
  set(text: string): number;
  at(i: number): number;
}

/** What reading a field of this type gives. */
export type ValueOf<T> =
  T extends Scalar<infer V>
    ? V
    : T extends ArrayType<infer E>
      ? ArrayView<E>
      : T extends CharArrayType
        ? CharView
        : T extends abstract new (address: never) => infer V
          ? V
          : never;

/** What an initialiser in `DEFINE_STATIC` and its kin gives for this type; what is left out is zero. */
export type InitOf<T> = T extends FnType
  ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function can be a handle
    number | ((...args: any[]) => unknown)
  : T extends PtrType
    ? number | StructView
    : T extends Scalar<infer V>
      ? V
      : T extends ArrayType<infer E>
        ? readonly InitOf<E>[]
        : T extends CharArrayType
          ? string
          : T extends { readonly field_types: infer F }
            ? { readonly [K in keyof F]?: InitOf<F[K]> }
            : never;

function scalar<V>(c: string, access: AccessName, size: number, bool = false): Scalar<V> {
  return { kind: 'scalar', c, access, size, align: size, bool } as Scalar<V>;
}
const word = (c: string): Scalar<number> => scalar<number>(c, 'u32', 4);

export const u8 = scalar<number>('u8', 'u8', 1);
export const u16 = scalar<number>('u16', 'u16', 2);
export const u32 = word('u32');
export const u64 = scalar<bigint>('u64', 'u64', 8);
export const s8 = scalar<number>('s8', 'i8', 1);
export const s16 = scalar<number>('s16', 'i16', 2);
export const s32 = scalar<number>('s32', 'i32', 4);
export const s64 = scalar<bigint>('s64', 'i64', 8);
export const char = scalar<number>('char', 'i8', 1);
export const short = scalar<number>('short', 'i16', 2);
export const ushort = scalar<number>('unsigned short', 'u16', 2);
export const int = scalar<number>('int', 'i32', 4);
export const uint = word('unsigned int');
export const long = scalar<number>('long', 'i32', 4);
export const ulong = word('unsigned long');
export const bool = scalar<boolean>('bool', 'u8', 1, true);
/** Kernel-private: C modules see a double. */
export const f64 = scalar<number>('double', 'f64', 8);
export const size_t = word('size_t');
export const ssize_t = scalar<number>('ssize_t', 'i32', 4);
export const gfp_t = word('gfp_t');
export const pid_t = scalar<number>('pid_t', 'i32', 4);
export const uid_t = word('uid_t');
export const dev_t = word('dev_t');
export const umode_t = scalar<number>('umode_t', 'u16', 2);
export const loff_t = scalar<bigint>('loff_t', 'i64', 8);
export const ktime_t = scalar<bigint>('ktime_t', 'i64', 8);
export const sector_t = scalar<bigint>('sector_t', 'u64', 8);
/** Fields of a fixed byte order: convert with cpu_to_le16() and its kin of 'lockstep/linux/byteorder'. */
export const __le16 = scalar<number>('__le16', 'u16', 2);
export const __le32 = word('__le32');
export const __le64 = scalar<bigint>('__le64', 'u64', 8);
export const __be16 = scalar<number>('__be16', 'u16', 2);
export const __be32 = word('__be32');
export const __be64 = scalar<bigint>('__be64', 'u64', 8);

/**
 * A pointer: the address as a number; error pointers are negative. `to` is only for the C definition: a struct, a
 * field type, or the C name as text (for a struct that is not defined yet: `ptr('struct list_head')`).
 */
export function ptr(to?: FieldType | string): PtrType {
  const c = `${to === undefined ? 'void' : typeof to === 'string' ? to : c_name(to)} *%s`;
  return { ...scalar<number>(c, 'i32', 4), pointer: true };
}

/** A function pointer without a prototype for C. */
export const fn: FnType = { ...scalar<number>('void (*%s)(void)', 'i32', 4), text: true };
/** A function pointer: `fn_proto('int', 'struct file *, char *')`. */
export function fn_proto(result: string, parameters = 'void'): FnType {
  return { ...scalar<number>(`${result} (*%s)(${parameters})`, 'i32', 4), text: true };
}
/** An `enum name`, 32 bits. */
export const enum_t = (name: string): Scalar<number> => scalar<number>(`enum ${name}`, 'i32', 4);

const check_count = (what: string, n: number): number => {
  if (!Number.isInteger(n) || n < 0 || n > 1 << 28) throw new RangeError(`${what}: ${n} is not a length`);
  return n;
};
/** `T name[n]`. */
export function array<E extends FieldType>(element: E, n: number): ArrayType<E> {
  check_count('array', n);
  return { kind: 'array', element, count: n, size: element.size * n, align: element.align };
}
/** `char name[n]`. */
export const char_array = (n: number): CharArrayType => {
  check_count('char_array', n);
  return { kind: 'chars', count: n, size: n, align: 1 };
};
/** `DECLARE_BITMAP(name, bits)`; use it with the bit operations on `addr_of(field)`. */
export const bitmap = (bits: number): ArrayType<Scalar<number>> => array(ulong, (bits + 31) >> 5);

export function c_name(t: FieldType): string {
  if (t.kind === 'scalar') return t.c.replace('%s', '');
  if (t.kind === 'struct') return t.c_name;
  if (t.kind === 'chars') return 'char';
  return c_name(t.element as FieldType);
}

/** The C declaration of a field: `u32 packets`, `char name[16]`. */
export function c_declaration(t: FieldType, name: string): string {
  if (t.kind === 'array') return c_declaration(t.element as FieldType, `${name}[${t.count}]`);
  if (t.kind === 'chars') return `char ${name}[${t.count}]`;
  if (t.kind === 'scalar' && t.c.includes('%s')) return t.c.replace('%s', name);
  return `${c_name(t)} ${name}`;
}

/** The address behind a view, or the address itself; with a field, the address of that (`&view->field`). */
export function addr_of<V extends StructView>(x: V | number, field?: keyof V & string): number {
  if (typeof x === 'number') return x;
  return field === undefined ? x['@addr'] : x['@addr'] + (x.constructor as unknown as Offsets).offset_of(field);
}
interface Offsets {
  offset_of(field: string): number;
}
