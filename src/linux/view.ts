// noinstr: never transformed, never interrupted.
// Generates the code of views: accessors with the offset as a constant (a closure over the offset costs ten times more
// as soon as several structs share it). Internal to the struct layer; see linux/types.ts.
//
// Every access polls for interrupts (free-running build), then checks null page, end of memory and alignment by one
// unsigned compare of the address rotated right by log2 of the width: a low bit that is set makes it huge.
import { check_address, heap, poll } from '../cpu/heap.js';
import { ACCESS, ACCESS_NOTE, ACCESS_POLL, ld8, st8, st, st16, st64, stf64, STEPPED } from '../cpu/raw.js';
import { plain_read, plain_write } from '../cpu/order.js';
import {
  c_name,
  type AnyStruct,
  type FieldType,
  type FnType,
  type PtrType,
  type Scalar,
  type StructView,
} from './field.js';

type AnyScalar = Scalar<unknown>;
/** A generated class; addresses go in unchecked, so only the struct layer constructs. */
export type ViewClass = new (address: number) => StructView;

/** A field that is one load or store, for reports and detectors: `view['@fields'].packets`, `array['@element']`. */
export interface FieldAccess {
  readonly offset: number;
  readonly access: AnyScalar['access'];
  readonly bool: boolean;
  /** `struct.field`. */
  readonly where: string;
}

/** What an lvalue's field is, as `view['@lea']` leaves it in `heap.code`. */
export const enum Code {
  I32 = 0,
  U32 = 1,
  I8 = 2,
  U8 = 3,
  BOOL = 4,
  I16 = 5,
  U16 = 6,
  I64 = 7,
  U64 = 8,
  F64 = 9,
}
const CODES: Record<AnyScalar['access'], Code> = {
  i8: Code.I8,
  u8: Code.U8,
  i16: Code.I16,
  u16: Code.U16,
  i32: Code.I32,
  u32: Code.U32,
  i64: Code.I64,
  u64: Code.U64,
  f64: Code.F64,
};
const code_of = (t: AnyScalar): Code => (t.bool ? Code.BOOL : CODES[t.access]);

const LOG2: Record<number, number> = { 1: 0, 2: 1, 4: 2, 8: 3 };

function check(size: number, where: string, write: boolean | 'w'): string {
  const k = LOG2[size]!;
  const index = k === 0 ? '(a - 4096) >>> 0' : `(((a - 4096) >>> ${k}) | ((a - 4096) << ${32 - k})) >>> 0`;
  const args = `a, ${JSON.stringify(where)}, ${write}, ${size}`;
  const object = STEPPED ? ` if (a >= heap.checked_from) heap.check_object(${args});` : '';
  return `if (${index} >= heap.limit${size}) heap.bad_address(${args});${object}`;
}

/** Which conversions a store allows; see `convert` in cpu/heap.ts. */
const store_kind = (t: AnyScalar): number =>
  (t as Partial<FnType>).text ? 2 : (t as Partial<PtrType>).pointer ? 1 : 0;

/** Every scalar that has an accessor: what a report knows it by. The first is nobody's. */
export const fields: { readonly where: string; readonly access: string; readonly bool: boolean }[] = [
  { where: '', access: 'u32', bool: false },
];
const field_number = (t: AnyScalar, where: string): number =>
  STEPPED ? fields.push({ where, access: t.access, bool: t.bool }) - 1 : 0;

/** Statements that read a scalar at the address expression `at`. */
export function read_code(t: AnyScalar, at: string, where: string): string {
  const value = ACCESS[t.access]!.read('a');
  return `${ACCESS_POLL} const a = ${at}; ${check(t.size, where, false)} ${ACCESS_NOTE(t.size, false, field_number(t, where))} return ${t.bool ? `(${value}) !== 0` : value};`;
}

/** Statements that store `v` there. */
export function write_code(t: AnyScalar, at: string, where: string): string {
  const name = JSON.stringify(where);
  let convert: string;
  if (t.bool) convert = 'v = v ? 1 : 0;';
  else if (t.access === 'i64' || t.access === 'u64')
    convert = `if (typeof v !== 'bigint') v = heap.convert64(v, ${name});`;
  else convert = `if (typeof v !== 'number' || v !== v) v = heap.convert(v, ${name}, ${store_kind(t)});`;
  return `${convert} ${ACCESS_POLL} const a = ${at}; ${check(t.size, where, true)} ${ACCESS_NOTE(t.size, true, field_number(t, where))} ${ACCESS[t.access]!.write('a', 'v')};`;
}

const VIEW_HEAD = `constructor(a) { this['@addr'] = a; }
  [Symbol.toPrimitive](hint) { return hint === 'string' ? heap.describe(this) : this['@addr']; }`;

const makers = new WeakMap<ViewClass, ViewClass>();
/**
 * What makes views of a class without its constructors, which have nothing to do: the one that `extends` implies costs
 * more than the access that the view is for.
 */
export function maker(of: ViewClass): ViewClass {
  const known = makers.get(of);
  if (known !== undefined) return known;
  // A function of its own for each class, so that the compiler knows what it makes.
  const made = new Function(`return function view(a) { this['@addr'] = a; }`)() as ViewClass;
  (made as { prototype: unknown }).prototype = of.prototype;
  makers.set(of, made);
  return made;
}
/** The first `at` of a class: the others find what makes its views. */
function first_view(of: ViewClass, address: number): StructView {
  Object.defineProperty(of, '$view', { value: maker(of) });
  return new of(address);
}

/** One field or array as the class body needs it. */
interface Slot {
  readonly name: string;
  readonly offset: number;
  readonly type: FieldType;
}

/** The class of a struct's views. */
export function struct_view(name: string, slots: readonly Slot[]): ViewClass {
  const classes: ViewClass[] = [];
  const table: Record<string, FieldAccess> = Object.create(null) as Record<string, FieldAccess>;
  let body = '';
  // The address of a field by its name, checked: what READ_ONCE(view, 'field') and its kin start with. A switch over
  // interned strings inside the class is the cheapest way to it: the caller has seen too many classes to be quick.
  let lea = '';
  let offsets = '';
  for (const { name: field, offset, type } of slots) {
    const where = `${name}.${field}`;
    offsets += `case '${field}': return ${offset};\n    `;
    const at = offset === 0 ? `this['@addr']` : `this['@addr'] + ${offset}`;
    if (type.kind === 'scalar') {
      table[field] = { offset, access: type.access, bool: type.bool, where };
      lea += `case '${field}': { const a = ${at}; ${check(type.size, where, 'w')} heap.code = ${code_of(type)}; return a; }\n    `;
      body += `get ${field}() { ${read_code(type, at, where)} }\n  set ${field}(v) { ${write_code(type, at, where)} }\n  `;
    } else {
      classes.push(view_class(type, where));
      body += `get ${field}() { return new c${classes.length - 1}(${at}); }
  set ${field}(v) { heap.no_assignment(${JSON.stringify(where)}); }\n  `;
    }
  }
  const names = classes.map((_, i) => `c${i}`);
  const source = `'use strict';
return class struct_${name} {
  ${VIEW_HEAD}
  static at(a) { const m = this.$view; return m !== undefined && m.prototype === this.prototype ? new m(a | 0) : first_view(this, a | 0); }
  static offset_of(f) { switch (f) {
    ${offsets}} heap.no_field('${name}', f); }
  ['@lea'](f, w) { switch (f) {
    ${lea}} heap.no_field('${name}', f); }
  ${body}}`;
  const made = new Function('heap', 'first_view', ...names, source)(
    heap,
    first_view,
    ...classes.map(maker),
  ) as ViewClass;
  Object.defineProperty(made.prototype, '$shared', { value: true });
  // What lies in place is no access of its own: the stepped build does not pause before it.
  for (const { name: field, type } of slots)
    if (type.kind !== 'scalar') Object.defineProperty(made.prototype, `$in_${field}`, { value: true });
  Object.defineProperty(made.prototype, '@fields', { value: table });
  return made;
}

/** The class of views of anything that is more than one load or store; for a scalar, a cell with `.value`. */
export function view_class(type: FieldType, where: string): ViewClass {
  if (type.kind === 'struct') return type as unknown as ViewClass;
  if (type.kind === 'chars') return char_view(type.count, where);
  if (type.kind === 'array') return array_view(type.element as FieldType, type.count, where);
  return struct_view(c_identifier(type), [{ name: 'value', offset: 0, type }]);
}

const c_identifier = (t: FieldType): string => c_name(t).replace(/\W+/g, '_').replace(/_$/, '');

function array_view(element: FieldType, count: number, where: string): ViewClass {
  const size = element.size;
  const what = JSON.stringify(`${c_name(element)} [${count}]`);
  const bound = `const n = i >>> 0; if (n >= ${count}) heap.bad_index(i, ${what}, ${JSON.stringify(where)});`;
  const at = `this['@addr'] + n * ${size}`;
  const item = `${where}[]`;
  const inner = element.kind === 'scalar' ? undefined : view_class(element, item);
  const lea =
    element.kind === 'scalar'
      ? `const a = ${at}; ${check(size, item, 'w')} heap.code = ${code_of(element as AnyScalar)}; return a;`
      : `heap.no_field(${JSON.stringify(where)}, i);`;
  const source = `'use strict';
return class array {
  ${VIEW_HEAD}
  get length() { return ${count}; }
  at(i) { ${bound} ${element.kind === 'scalar' ? read_code(element, at, item) : `return new c0(${at});`} }
  set(i, v) { ${bound} ${element.kind === 'scalar' ? write_code(element, at, item) : `heap.no_assignment(${JSON.stringify(item)});`} }
  ['@lea'](i, w) { ${bound} ${lea} }
  addr(i) { const n = i >>> 0; if (n > ${count}) heap.bad_index(i, ${what}, ${JSON.stringify(where)}); return ${at}; }
}`;
  const made = new Function('heap', 'c0', source)(heap, inner && maker(inner)) as ViewClass;
  if (element.kind === 'scalar') {
    const { access, bool } = element as AnyScalar;
    Object.defineProperty(made.prototype, '@element', { value: { offset: 0, access, bool, where: item } });
    const p = made.prototype as unknown as Record<'at' | 'set', { $p?: boolean }>;
    p.at.$p = true;
    p.set.$p = true;
  }
  return made;
}

const E2BIG = 7;

function char_view(count: number, where: string): ViewClass {
  class chars {
    declare '@addr': number;
    constructor(a: number) {
      this['@addr'] = a;
    }
    get length(): number {
      return count;
    }
    at(i: number): number {
      if (i >>> 0 >= count) heap.bad_index(i, `char [${count}]`, where);
      poll();
      check_address(this['@addr'] + i, 1, where, false);
      plain_read(this['@addr'] + i, 1);
      return (ld8(this['@addr'] + i) << 24) >> 24;
    }
    set(text: string): number {
      if (typeof text !== 'string') throw new TypeError(`${where}: set() takes a string, not ${typeof text}`);
      poll();
      const a = this['@addr'];
      check_address(a, 1, where, true);
      check_address(a + count - 1, 1, where, true);
      const bytes = new TextEncoder().encode(text);
      const n = Math.min(bytes.length, count - 1);
      plain_write(a, n + 1);
      for (let i = 0; i < n; i++) st8(a + i, bytes[i]!);
      st8(a + n, 0);
      return n < bytes.length ? -E2BIG : n;
    }
    toString(): string {
      poll();
      const a = this['@addr'];
      check_address(a, 1, where, false);
      check_address(a + count - 1, 1, where, false);
      plain_read(a, count);
      return read_string(a, count);
    }
    [Symbol.toPrimitive](hint: string): string | number {
      return hint === 'string' ? this.toString() : this['@addr'];
    }
  }
  for (const f of [chars.prototype.at, chars.prototype.set, chars.prototype.toString])
    (f as unknown as { $p: boolean }).$p = true;
  return chars;
}

/** The bytes from `a` up to a NUL or `limit`, as UTF-8. The caller has checked the addresses. */
export function read_string(a: number, limit: number): string {
  const bytes: number[] = [];
  for (let i = 0; i < limit; i++) {
    const c = ld8(a + i);
    if (c === 0) break;
    bytes.push(c);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

/** Stores an initialiser's value: `value` is an `InitOf` the type, unchecked. */
export function init_value(type: FieldType, a: number, value: unknown, where: string): void {
  if (type.kind === 'scalar') return init_scalar(type as AnyScalar, a, value, where);
  if (type.kind === 'struct') return init_struct(type, a, value, where);
  if (type.kind === 'chars') {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : undefined;
    if (bytes === undefined) throw new TypeError(`${where}: the initialiser of a char array is a string`);
    if (bytes.length > type.count) throw new RangeError(`${where}: initialiser is longer than char [${type.count}]`);
    bytes.forEach((byte, i) => st8(a + i, byte));
    return;
  }
  if (!Array.isArray(value)) throw new TypeError(`${where}: the initialiser of an array is an array`);
  if (value.length > type.count)
    throw new RangeError(`${where}: ${value.length} initialisers for ${type.count} elements`);
  const element = type.element as FieldType;
  value.forEach((v, i) => init_value(element, a + i * element.size, v, `${where}[${i}]`));
}

function init_struct(type: AnyStruct, a: number, value: unknown, where: string): void {
  if (typeof value !== 'object' || value === null)
    throw new TypeError(`${where}: the initialiser of struct ${type.struct_name} is an object of its fields`);
  for (const [name, v] of Object.entries(value)) {
    const field = Object.hasOwn(type.fields, name) ? type.fields[name] : undefined;
    if (field === undefined) throw new TypeError(`${where}: struct ${type.struct_name} has no field '${name}'`);
    if (v !== undefined) init_value(field.type, a + field.offset, v, `${where}.${name}`);
  }
}

function init_scalar(t: AnyScalar, a: number, value: unknown, where: string): void {
  if (t.access === 'i64' || t.access === 'u64')
    return st64(a, typeof value === 'bigint' ? value : heap.convert64(value, where));
  let v: number;
  if (t.bool) v = value ? 1 : 0;
  else if (typeof value === 'number' && !Number.isNaN(value)) v = value;
  else v = heap.convert(value, where, store_kind(t));
  if (t.access === 'f64') stf64(a, v);
  else if (t.size === 4) st(a, v);
  else if (t.size === 2) st16(a, v);
  else st8(a, v);
}
