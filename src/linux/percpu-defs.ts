// noinstr: never transformed, never interrupted.
// <linux/percpu-defs.h>: data of which every CPU has its own copy, at the same offset of the CPUs' areas.
//
// A per-CPU variable is a PerCpu: from DEFINE_PER_CPU, or percpu_at(T, pointer) over what alloc_percpu() gave. A pointer to
// one, which can be kept in a struct, is an integer that is no address: per_cpu_ptr() and this_cpu_ptr() turn it into one.
// A view from this_cpu_ptr() or get_cpu_var() stays that CPU's: it is only this CPU's while the task can't move, so taking
// it where the task can is reported, as by CONFIG_DEBUG_PREEMPT. The operations are in percpu-ops.ts and percpu-raw.ts.
import { my } from '../cpu/context.js';
import { heap, no_step, poll } from '../cpu/heap.js';
import { plain_lvalue } from '../cpu/order.js';
import { preempt_disable, preempt_enable } from '../cpu/preempt.js';
import { fill_bytes, ld } from '../cpu/raw.js';
import { check_preemption_disabled } from '../cpu/smp-processor-id.js';
import { LINE, Mach, PAGE_SIZE, PERCPU, percpu_base } from '../machine/memory-map.js';
import { PERCPU_MARK } from '../mm/percpu.js';
import type { FieldType, InitOf, StructView } from './field.js';
import { lea, load_plain, store_plain, wrap, type Value } from './lvalue.js';
import { construct, initialising, name_or, take_name, take_percpu, type StaticOf } from './static.js';
import { maker, view_class, type ViewClass } from './view.js';

/** What `DEFINE_PER_CPU` gives: not data, but where each CPU has its copy. */
export class PerCpu<T extends FieldType> {
  /** Only for the type checker. */
  declare readonly type: T;
  /** Bytes from the start of a CPU's area. */
  readonly offset: number;
  readonly size: number;
  private readonly view: ViewClass;
  /** A view that is moved to this CPU's copy for one operation. */
  private readonly probe: { '@addr': number };
  /** True if `T` is one load or store: operations take no field then. */
  readonly primitive: boolean;

  constructor(offset: number, type: FieldType, view: ViewClass) {
    this.offset = offset;
    this.size = type.size;
    this.primitive = type.kind === 'scalar';
    this.view = view;
    this.probe = new view(0);
  }
  /** Internal: a view of the copy in the area at `base`. */
  on(base: number): StructView {
    return new this.view(base + this.offset);
  }
  /** Internal: address of a field of this CPU's copy, checked. */
  here(field: unknown, write: boolean): number {
    return this.place(my, field, write);
  }
  /** Internal: the same of the copy in the area at `base`. */
  place(base: number, field: unknown, write: boolean): number {
    this.probe['@addr'] = base + this.offset;
    return lea(this.probe, this.primitive ? 'value' : field, write);
  }
}

/**
 * Per-CPU static data, initialised on every CPU: `const hits = DEFINE_PER_CPU(u32)`. Context: module level only.
 */
export function DEFINE_PER_CPU<T extends FieldType>(type: T, init?: InitOf<T>): PerCpu<T> {
  return define(type, type.align, init);
}
function define<T extends FieldType>(type: T, align: number, init?: InitOf<T>): PerCpu<T> {
  const name = name_or(take_name('DEFINE_PER_CPU'), type);
  const offset = take_percpu(name, type.size, Math.max(type.align, align));
  if (initialising()) {
    const cpus = ld(Mach.CPUS);
    for (let i = 0; i < cpus; i++) {
      const a = percpu_base(i) + offset;
      fill_bytes(a, 0, type.size);
      construct(type, a, init, name);
    }
  }
  return new PerCpu<T>(offset, type, maker(view_class(type, name)));
}

export { DEFINE_PER_CPU as DEFINE_PER_CPU_READ_MOSTLY, DEFINE_PER_CPU as DEFINE_PER_CPU_FIRST };
/** As DEFINE_PER_CPU, in a line of its own, so that other CPUs' reads don't meet the owner's writes of something else. */
export function DEFINE_PER_CPU_ALIGNED<T extends FieldType>(type: T, init?: InitOf<T>): PerCpu<T> {
  return define(type, LINE, init);
}
export { DEFINE_PER_CPU_ALIGNED as DEFINE_PER_CPU_SHARED_ALIGNED };
/** As DEFINE_PER_CPU, at a page of its own. */
export function DEFINE_PER_CPU_PAGE_ALIGNED<T extends FieldType>(type: T, init?: InitOf<T>): PerCpu<T> {
  return define(type, PAGE_SIZE, init);
}

/** The variable of type `T` that a per-CPU pointer points at: `this_cpu_inc(percpu_at(stats, dev.stats), 'packets')`. */
export function percpu_at<T extends FieldType>(type: T, pointer: number): PerCpu<T> {
  check_pointer(pointer, 'percpu_at');
  return new PerCpu<T>((pointer & ~PERCPU_MARK) - PERCPU, type, maker(view_class(type, 'percpu')));
}
/** The per-CPU pointer of a variable: `&hits` in C. */
export const percpu_pointer = (p: PerCpu<FieldType>): number => (PERCPU + p.offset) | PERCPU_MARK;

function check_pointer(pointer: number, what: string): void {
  if ((pointer & PERCPU_MARK) === 0 || pointer < 0)
    throw new TypeError(
      `${what}: 0x${(pointer >>> 0).toString(16)} is ${pointer === 0 ? 'NULL' : 'an address'}, not a per-CPU pointer of alloc_percpu or percpu_pointer`,
    );
}
function copy_of<T extends FieldType>(p: PerCpu<T> | number, base: number, what: string): StaticOf<T> | number {
  if (typeof p !== 'number') return p.on(base) as StaticOf<T>;
  check_pointer(p, what);
  return (p & ~PERCPU_MARK) + base - PERCPU;
}

/** This CPU's copy: a view of a variable, the address for a pointer. Context: the task can't be moved; see above. */
export function this_cpu_ptr<T extends FieldType>(p: PerCpu<T>): StaticOf<T>;
export function this_cpu_ptr(pointer: number): number;
export function this_cpu_ptr(p: PerCpu<FieldType> | number): unknown {
  check_preemption_disabled('this_cpu_ptr()');
  return copy_of(p, my, 'this_cpu_ptr');
}
/** As this_cpu_ptr(), for those who don't mind which CPU's it is. */
export function raw_cpu_ptr<T extends FieldType>(p: PerCpu<T>): StaticOf<T>;
export function raw_cpu_ptr(pointer: number): number;
export function raw_cpu_ptr(p: PerCpu<FieldType> | number): unknown {
  return copy_of(p, my, 'raw_cpu_ptr');
}

/** The copy of CPU number `cpu`, 0 to the number of CPUs - 1. */
export function per_cpu_ptr<T extends FieldType>(p: PerCpu<T>, cpu: number): StaticOf<T>;
export function per_cpu_ptr(pointer: number, cpu: number): number;
export function per_cpu_ptr(p: PerCpu<FieldType> | number, cpu: number): unknown {
  if (!Number.isInteger(cpu) || cpu < 0 || cpu >= ld(Mach.CPUS))
    throw new RangeError(`per_cpu_ptr: there is no CPU ${cpu}`);
  return copy_of(p, percpu_base(cpu), 'per_cpu_ptr');
}
export { per_cpu_ptr as per_cpu };

/** This CPU's copy, with preemption off until put_cpu_var(). */
export function get_cpu_var<T extends FieldType>(p: PerCpu<T>): StaticOf<T>;
export function get_cpu_var(pointer: number): number;
export function get_cpu_var(p: PerCpu<FieldType> | number): unknown {
  preempt_disable();
  return copy_of(p, my, 'get_cpu_var');
}
export function put_cpu_var(_p: PerCpu<FieldType> | number): void {
  preempt_enable();
}
export { get_cpu_var as get_cpu_ptr, put_cpu_var as put_cpu_ptr };

// For percpu-raw.ts, where an operation is a step that reads and one that writes.
/** The area of the CPU that this runs on now. */
export const raw_base = (): number => my;
export function percpu_load(p: PerCpu<FieldType>, base: number, field: unknown): Value {
  poll();
  const a = p.place(base, field, false);
  plain_lvalue(a, heap.code, false);
  return load_plain(a);
}
/** Return: what the variable holds then. */
export function percpu_store(p: PerCpu<FieldType>, base: number, field: unknown, value: unknown): Value {
  poll();
  const a = p.place(base, field, true);
  plain_lvalue(a, heap.code, true);
  const stored = wrap(value);
  store_plain(a, stored);
  return stored;
}
no_step(this_cpu_ptr, raw_cpu_ptr, per_cpu_ptr, raw_base, percpu_at, percpu_pointer);
for (const f of [percpu_load, percpu_store]) (f as unknown as { $p: boolean }).$p = true;
