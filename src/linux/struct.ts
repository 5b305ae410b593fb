// noinstr: never transformed, never interrupted.
// `Struct` and `Union`: one definition gives typed field access, size and offsets by the wasm32 C ABI, and the C text
// for include/. Import from 'lockstep/linux/types'. Called when code is loaded, before any machine runs.
import { plain_read, plain_write } from '../cpu/order.js';
import { copy_bytes } from '../cpu/raw.js';
import { check_address, poll } from '../cpu/heap.js';
import {
  c_declaration,
  type AnyStruct,
  type Field,
  type FieldType,
  type Scalar,
  type StructView,
  type ValueOf,
  type ViewAddress,
} from './field.js';
import { struct_view } from './view.js';

type Fields = Record<string, FieldType>;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any scalar
type AnyScalar = Scalar<any>;

/** What a view of such a struct offers: scalars can be assigned, the rest is a view in place. */
export type View<F> = StructView & { [K in keyof F as F[K] extends AnyScalar ? K : never]: ValueOf<F[K]> } & {
  readonly [K in keyof F as F[K] extends AnyScalar ? never : K]: ValueOf<F[K]>;
};

/** Fields of a view that are one load or store: the lvalues of READ_ONCE and its kin. */
export type FieldName<V> = {
  [K in keyof V]: K extends '@addr' ? never : V[K] extends number | bigint | boolean ? K : never;
}[keyof V] &
  string;

// Omit drops AnyStruct's construct signature, which would hide the one below from InstanceType.
export interface StructClass<F> extends Omit<AnyStruct, never> {
  /** Only for the type checker. */
  readonly field_types: F;
  readonly fields: { readonly [K in keyof F & string]: Field };
  /** A view of the struct at this address; nothing is accessed yet, and 0 is a null pointer. */
  at<T extends AnyStruct>(this: T, address: number): InstanceType<T>;
  /** Bytes from the start of the struct. */
  offset_of(field: keyof F & string): number;
  new (address: ViewAddress): View<F>;
}

export interface StructOptions {
  /** Initialises what must not be all zeros, after the embedded structs'. Not called by kzalloc. */
  init?(address: number): void;
  /** A larger alignment than the fields need: `____cacheline_aligned` is 128. A power of two. */
  align?: number;
  /** C knows it as `name`, without `struct`: `atomic_t`. */
  typedef?: boolean;
}

const round_up = (n: number, to: number): number => Math.ceil(n / to) * to;

/**
 * Defines a struct: `class stats extends Struct('stats', { lock: spinlock_t, packets: u32 }) {}`. Use a view by
 * `stats.at(address)`, `stats.size`, `stats.offset_of('packets')`; methods of the class work on views.
 */
export function Struct<F extends Fields>(name: string, fields: F, options: StructOptions = {}): StructClass<F> {
  return define('struct', name, fields, options);
}

/** As `Struct`, all fields at offset 0. Has no embedded initialisers. */
export function Union<F extends Fields>(name: string, fields: F, options: StructOptions = {}): StructClass<F> {
  return define('union', name, fields, options);
}

function define<F extends Fields>(
  what: 'struct' | 'union',
  name: string,
  fields: F,
  options: StructOptions,
): StructClass<F> {
  check_name(what, name);
  const laid: Record<string, Field> = {};
  let size = 0;
  let align = 1;
  for (const [field, type] of Object.entries(fields)) {
    check_name(`${what} ${name}: field`, field);
    if ((type as FieldType | undefined)?.align === undefined)
      throw new TypeError(`${what} ${name}: field '${field}' has no type (an import cycle, or not a field type)`);
    const offset = what === 'union' ? 0 : round_up(size, type.align);
    laid[field] = { name: field, offset, size: type.size, type };
    size = Math.max(size, offset + type.size);
    align = Math.max(align, type.align);
  }
  const wanted = options.align ?? 1;
  if (!Number.isInteger(wanted) || wanted < 1 || (wanted & (wanted - 1)) !== 0)
    throw new RangeError(`${what} ${name}: alignment ${wanted} is not a power of two`);
  align = Math.max(align, wanted);
  const inits = what === 'union' ? [] : embedded_inits(Object.values(laid));
  const made = struct_view(name, Object.values(laid));
  const statics: Record<string, unknown> = {
    kind: 'struct',
    struct_name: name,
    c_name: options.typedef ? name : `${what} ${name}`,
    size: round_up(size, align),
    align,
    fields: laid,
    needs_init: inits.length > 0 || options.init !== undefined,
    init(address: number): void {
      for (const f of inits) f(address);
      options.init?.(address);
    },
    c_definition(): string {
      const lines = Object.values(laid).map((f) => `\t${c_declaration(f.type, f.name)};\n`);
      const attribute = wanted > 1 ? ` __attribute__((aligned(${wanted})))` : '';
      const body = `${what} ${options.typedef ? '' : `${name} `}{\n${lines.join('')}}${attribute}`;
      return options.typedef ? `typedef ${body} ${name};\n` : `${body};\n`;
    },
  };
  for (const [key, value] of Object.entries(statics)) Object.defineProperty(made, key, { value });
  return made as unknown as StructClass<F>;
}

/** Initialisers of the structs inside, each taking the outer address. */
function embedded_inits(fields: readonly Field[]): ((address: number) => void)[] {
  const all: ((address: number) => void)[] = [];
  for (const { offset, type } of fields) {
    const one = initialiser(type);
    if (one !== undefined) all.push((address) => one(address + offset));
  }
  return all;
}

/** What initialises an object of this type beyond zeros; undefined if zeros are fine. */
export function initialiser(type: FieldType): ((address: number) => void) | undefined {
  if (type.kind === 'struct')
    return (type as AnyStruct & { needs_init: boolean }).needs_init ? (address) => type.init(address) : undefined;
  if (type.kind !== 'array') return undefined;
  const element = type.element as FieldType;
  const one = initialiser(element);
  return (
    one &&
    ((address) => {
      for (let i = 0; i < type.count; i++) one(address + i * element.size);
    })
  );
}

// Own properties of every view or of Object.prototype; also what would break the generated code.
const RESERVED =
  /^(constructor|__proto__|toString|valueOf|hasOwnProperty|isPrototypeOf|propertyIsEnumerable|toLocaleString)$/;

function check_name(what: string, name: string): void {
  if (typeof name !== 'string' || !/^[A-Za-z_]\w*$/.test(name) || RESERVED.test(name))
    throw new TypeError(
      `${what}: '${String(name)}' can't be used as a name: it must be a C identifier and not one of JavaScript's own`,
    );
}

/** `*to = *from`, as one copy of all bytes (locks included, as in C). */
export function assign_struct<T extends StructView>(to: T, from: T): void {
  const type = to.constructor as unknown as AnyStruct;
  if ((from.constructor as unknown as AnyStruct).struct_name !== type.struct_name)
    throw new TypeError(`assign_struct: can't assign ${String(from)} to ${String(to)}: different types`);
  poll();
  const where = `struct ${type.struct_name}`;
  for (const [a, write] of [
    [to['@addr'], true],
    [from['@addr'], false],
  ] as const) {
    check_address(a, type.align, where, write);
    check_address(a + type.size - 1, 1, where, write);
  }
  plain_read(from['@addr'], type.size);
  plain_write(to['@addr'], type.size);
  copy_bytes(to['@addr'], from['@addr'], type.size);
}
