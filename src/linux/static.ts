// noinstr: never transformed, never interrupted.
// Static data of modules: `DEFINE_STATIC` here, `DEFINE_PER_CPU` in percpu-defs.ts over the cursors kept here. Every CPU
// evaluates a module in the same order, so a bump of the same cursor gives the same addresses; only the first
// evaluation initialises. The loader brackets each evaluation with begin_static() and end_static(), under its own lock.
//
// A module's area begins with a header that the first evaluation writes and the others read:
//   +0  offset in the per-CPU areas where the module's per-CPU data begins
//   +4  address where the static data ended, +8 offset where the per-CPU data ended; 0 while the first one runs
import { fill_bytes, ld, st } from '../cpu/raw.js';
import { Mach, Pcpu, PERCPU_SIZE, STATIC_END } from '../machine/memory-map.js';
import type { FieldType, InitOf, Scalar, StructView, ValueOf } from './field.js';
import { initialiser } from './struct.js';
import { init_value, maker, view_class } from './view.js';

const HEADER = 16;

/** One load or store outside a struct: `.value`. */
export interface Cell<V> extends StructView {
  value: V;
}
/** What `DEFINE_STATIC` gives: a cell for a primitive, else the view. */
export type StaticOf<T> = T extends Scalar<infer V> ? Cell<V> : ValueOf<T>;

type OnStatic = (name: string, address: number, size: number, type: FieldType | null) => void;

/** The evaluation that is going on in this thread. */
const now = {
  active: false,
  initialise: false,
  base: 0,
  next: 0,
  percpu_next: 0,
  name: '',
  on_static: ((): void => {}) as OnStatic,
};

/**
 * Calls `f` for each static datum defined in this thread: kallsyms. Per-CPU data is reported by the offset, and like C's
 * without its type.
 */
export function set_on_static(f: OnStatic): void {
  now.on_static = f;
}

/**
 * Begins the evaluation of a module in this thread. `base` is the value of Mach.STATIC_NEXT before the first CPU's
 * evaluation, the same on every CPU; `initialise` is true on that first one.
 */
export function begin_static(base: number, initialise: boolean): void {
  if (now.active) throw new Error('begin_static: an evaluation is already going on in this thread');
  now.active = true;
  now.initialise = initialise;
  now.base = (base + 15) & ~15;
  now.next = now.base + HEADER;
  now.name = '';
  if (now.next > STATIC_END) out_of(`static data`, 0, STATIC_END - now.base);
  if (initialise) {
    st(now.base, Math.max(ld(Mach.PERCPU_NEXT), Pcpu.DYNAMIC));
    st(now.base + 4, 0);
    st(now.base + 8, 0);
  }
  now.percpu_next = ld(now.base);
}

/**
 * Ends it, also after it threw. Return: the new value for Mach.STATIC_NEXT (the first evaluation has set
 * Mach.PERCPU_NEXT itself). Throws if this CPU's evaluation defined something else than the first one.
 */
export function end_static(): number {
  if (!now.active) throw new Error('end_static without begin_static');
  now.active = false;
  if (now.initialise) {
    st(now.base + 4, now.next);
    st(now.base + 8, now.percpu_next);
    st(Mach.PERCPU_NEXT, now.percpu_next);
  } else if (ld(now.base + 4) !== now.next || ld(now.base + 8) !== now.percpu_next) {
    throw new Error(
      'the module defined other static data on this CPU than on the first: DEFINE_* must not depend on conditions',
    );
  }
  return now.next;
}

/** Gives the next DEFINE_* its name; called by the code that the loader puts in. */
export function def_name(name: string): void {
  now.name = name;
}

function out_of(what: string, wanted: number, left: number): never {
  const e = new Error(`out of memory for ${what}: ${wanted} bytes wanted, ${Math.max(left, 0)} left (-ENOMEM)`);
  throw Object.assign(e, { errno: -12 });
}

/** The name of the datum being defined, used up; checks that a module is being evaluated. */
export function take_name(macro: string): string {
  const name = now.name;
  now.name = '';
  if (!now.active)
    throw new Error(
      `${macro}${name === '' ? '' : ` (${name})`} outside the evaluation of a module: static data is defined at module level only`,
    );
  return name;
}

export const initialising = (): boolean => now.initialise;

/** Bytes for one static datum at the cursor. The first evaluation zeroes them. */
export function take_static(name: string, size: number, align: number, type: FieldType | null = null): number {
  const a = Math.max(8, align);
  const address = (now.next + a - 1) & -a;
  if (address + size > STATIC_END) out_of(`static data of the module (${name})`, size, STATIC_END - address);
  now.next = address + size;
  if (now.initialise) fill_bytes(address, 0, size);
  now.on_static(name, address, size, type);
  return address;
}

/** Bytes at the same offset of every CPU's area. Return: the offset. Zeroing is the caller's. */
export function take_percpu(name: string, size: number, align: number): number {
  const a = Math.max(4, align);
  const offset = (now.percpu_next + a - 1) & -a;
  if (offset + size > PERCPU_SIZE) out_of(`per-CPU data (${name})`, size, PERCPU_SIZE - offset);
  now.percpu_next = offset + size;
  now.on_static(name, offset, size, null);
  return offset;
}

/** Makes zeroed bytes an object of this type: locks and lists first, then what the initialiser says. */
export function construct(type: FieldType, address: number, init: unknown, where: string): void {
  initialiser(type)?.(address);
  if (init !== undefined) init_value(type, address, init, where);
}

/** The name that reports use for a datum without one. */
export const name_or = (name: string, type: FieldType): string =>
  name !== '' ? name : type.kind === 'struct' ? type.struct_name : 'static';

/**
 * Static data of a module, in the machine's memory at one address on every CPU: zeroed, then its locks and lists are
 * initialised, then the fields that `init` names. Functions in `init` must be exported: they become text handles.
 * Context: module level only.
 */
export function DEFINE_STATIC<T extends FieldType>(type: T, init?: InitOf<T>): StaticOf<T> {
  const name = name_or(take_name('DEFINE_STATIC'), type);
  const address = take_static(name, type.size, type.align, type);
  if (now.initialise) construct(type, address, init, name);
  return view_at(type, address, name) as StaticOf<T>;
}

/** A view of anything at an address; `name` is for reports. */
export const view_at = (type: FieldType, address: number, name: string): StructView =>
  new (maker(view_class(type, name)))(address);
