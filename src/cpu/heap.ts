// noinstr: never transformed, never interrupted.
// What the generated struct accessors (linux/types.ts) run over: one holder object with this thread's views of the
// machine's memory, the address of this CPU's pending word, and the ways out. Module-level state, like cpu/raw.ts:
// refreshed when the thread attaches a memory or becomes another CPU, and otherwise never written.
import { Pcpu } from '../machine/memory-map.js';
import { my, on_enter_cpu } from './context.js';
import { ACCESS_POLL, F64, I32, I64, mark, memory_size, on_attach, STEPPED, U16, U32, U8 } from './raw.js';

/** A load or store that hit the null page, lay outside the memory or was not aligned. The kernel makes it an oops. */
export class PageFault extends Error {
  override name = 'PageFault';
  /** The address of the access itself (object plus offset), unsigned. */
  readonly address: number;
  readonly write: boolean;
  constructor(message: string, address: number, write: boolean) {
    super(message);
    this.address = address >>> 0;
    this.write = write;
  }
}

const hex = (a: number): string => (a >>> 0).toString(16).padStart(8, '0');

function bad_address(address: number, where: string, write: boolean, width: number): never {
  if (heap.limit1 === 0) throw new PageFault(`no machine memory is attached to this thread (${where})`, address, write);
  const verb = write ? 'write' : 'read';
  let what: string;
  if (address >>> 0 < 4096) what = 'BUG: kernel NULL pointer dereference';
  else if ((address & (width - 1)) !== 0 && address >>> 0 < memory_size)
    what = `BUG: unaligned ${verb} of ${width} bytes`;
  else what = 'BUG: unable to handle page fault for address';
  const sep = what.endsWith('address') ? ': ' : ', address: ';
  throw new PageFault(`${what}${sep}${hex(address)} (${where})`, address, write);
}

/** What a store makes of something that is not a number. `kind`: 0 a number field, 1 a pointer, 2 kernel text. */
function convert(v: unknown, where: string, kind: number): number {
  if (typeof v === 'boolean') return v ? 1 : 0;
  if (kind === 2 && typeof v === 'function') return heap.text_handle(v as (...args: never[]) => unknown, where);
  if (kind === 1 && typeof v === 'object' && v !== null) {
    const a = (v as { '@addr'?: unknown })['@addr'];
    if (typeof a === 'number') return a;
  }
  const holds = kind === 2 ? 'an exported function or its text handle' : kind === 1 ? 'an address' : 'a number';
  throw new TypeError(`${where}: can't store ${describe_value(v)}; the field holds ${holds}`);
}

function convert64(v: unknown, where: string): bigint {
  if (typeof v === 'boolean') return v ? 1n : 0n;
  throw new TypeError(`${where}: can't store ${describe_value(v)}; the field is 64 bits wide and holds a bigint`);
}

function describe_value(v: unknown): string {
  if (typeof v === 'bigint') return `the bigint ${v}n`;
  if (typeof v === 'function') return `the function ${v.name}`;
  if (v === null) return 'null (a null pointer is 0)';
  return typeof v === 'number' || v === undefined ? String(v) : `a ${typeof v}`;
}

function no_assignment(where: string): never {
  throw new TypeError(
    `${where} is a struct or an array and can't be assigned as a whole: use assign_struct(to, from) or its fields`,
  );
}

function no_field(struct: string, field: unknown): never {
  throw new TypeError(`struct ${struct} has no field '${String(field)}' that is one load or store`);
}

function bad_index(i: unknown, what: string, where: string): never {
  throw new RangeError(
    `UBSAN: array-index-out-of-bounds: index ${String(i)} is out of range for type '${what}' (${where})`,
  );
}

/** `stats@00200010`. */
function describe(view: { '@addr': number }): string {
  const c = view.constructor as { struct_name?: string; name: string };
  return `${c.struct_name ?? c.name}@${hex(view['@addr'])}`;
}

/** The holder. Generated code and the stepped build see it as `heap`; nobody else writes to it. */
export const heap = {
  I32,
  U32,
  U16,
  U8,
  I64,
  F64,
  /** Bytes above the null page, in units of 1, 2, 4 and 8 bytes; 0 when no memory is attached. */
  limit1: 0,
  limit2: 0,
  limit4: 0,
  limit8: 0,
  /** Stepped build: accesses from this address on are of memory that is allocated and freed, and are checked: mm/kasan.ts. */
  checked_from: Infinity,
  check_object: (_a: number, _where: string, _write: boolean, _size: number): void => {},
  /** Int32 index of this CPU's pending word. */
  pending: 0,
  step_slow: (): void => {},
  /** What kind of field the last `view['@lea']` found: `Code` in linux/view.ts. Used at once, in noinstr code. */
  code: 0,
  bad_address,
  bad_index,
  no_field,
  convert,
  convert64,
  no_assignment,
  describe,
  mark,
  /** The race detector, in the stepped build: its first word says whether it is on. See `set_race_notes`. */
  races: new Int32Array(32) as Int32Array,
  note_read: (_a: number, _size: number, _where: number): void => {},
  note_write: (_a: number, _size: number, _where: number): void => {},
  text_handle: (_f: (...args: never[]) => unknown, where: string): number => {
    throw new Error(`${where}: functions can't be stored yet: kernel text is not set up (set_text_handle)`);
  },
};

function refresh(): void {
  heap.I32 = I32;
  heap.U32 = U32;
  heap.U16 = U16;
  heap.U8 = U8;
  heap.I64 = I64;
  heap.F64 = F64;
  const limit = memory_size > 4096 ? memory_size - 4096 : 0;
  heap.limit1 = limit;
  heap.limit2 = limit >> 1;
  heap.limit4 = limit >> 2;
  heap.limit8 = limit >> 3;
}
function enter(area: number): void {
  heap.pending = (area + Pcpu.PENDING) >> 2;
}
on_attach(refresh);
on_enter_cpu(enter);
// This file may be loaded after the thread became a CPU.
refresh();
enter(my);

/** Sets what a poll calls when an interrupt is pending (cpu/step.ts). */
export function set_step_slow(f: () => void): void {
  heap.step_slow = f;
}

/** Sets what accessors tell of their accesses while the first word of `races` is not 0 (stepped/order.ts). */
export function set_race_notes(races: Int32Array, read: typeof heap.note_read, write: typeof heap.note_write): void {
  heap.races = races;
  heap.note_read = read;
  heap.note_write = write;
}

/** Sets what turns a function that is assigned to an `fn` field into its text handle (kernel/text.ts). */
export function set_text_handle(f: (fn: (...args: never[]) => unknown) => number): void {
  heap.text_handle = (fn, _where) => f(fn);
}

/** The poll that goes before a primitive's access: nothing in the stepped build. */
export const poll = new Function('heap', `return () => { ${ACCESS_POLL} };`)(heap) as () => void;

/** Marks functions that touch no shared memory: the stepped build makes no step of calling them. */
export function no_step(...functions: unknown[]): void {
  for (const f of functions) (f as { $p: boolean }).$p = false;
}

/**
 * Checks one access of `width` (1, 2, 4, 8) bytes at `a` as the struct accessors do; raises a PageFault. For
 * primitives that take a plain address.
 */
export function check_address(a: number, width: number, where: string, write: boolean): void {
  if ((a - 4096) >>> 0 >= heap.limit1 || (a & (width - 1)) !== 0) bad_address(a, where, write, width);
  if (STEPPED && a >= heap.checked_from) heap.check_object(a, where, write, width);
}
