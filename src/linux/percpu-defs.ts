// noinstr: never transformed, never interrupted.
// <linux/percpu-defs.h>: data of which every CPU has its own copy, at the same offset of the CPUs' areas.
//
// this_cpu_read(), this_cpu_add() and their kin are one uninterruptible operation each on this CPU's copy. They are not
// atomic against other CPUs: those only read. Context: any, preemption on or off.
// A view from this_cpu_ptr() or get_cpu_var() stays that CPU's: it is only this CPU's while the task can't move.
import { my } from '../cpu/context.js';
import { no_step, poll } from '../cpu/heap.js';
import { preempt_disable, preempt_enable } from '../cpu/preempt.js';
import { fill_bytes, ld } from '../cpu/raw.js';
import { Mach, percpu_base } from '../machine/memory-map.js';
import type { FieldType, InitOf, Scalar, StructView, ValueOf } from './field.js';
import { cas, lea, load_plain, store_plain, sum, wrap, type Key, type Num, type Val, type Value } from './lvalue.js';
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
    this.probe['@addr'] = my + this.offset;
    return lea(this.probe, this.primitive ? 'value' : field, write);
  }
}

/**
 * Per-CPU static data, initialised on every CPU: `const hits = DEFINE_PER_CPU(u32)`. Context: module level only.
 */
export function DEFINE_PER_CPU<T extends FieldType>(type: T, init?: InitOf<T>): PerCpu<T> {
  const name = name_or(take_name('DEFINE_PER_CPU'), type);
  const offset = take_percpu(name, type.size, type.align);
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

/** This CPU's copy. The caller has preemption off, or doesn't mind which CPU's it is. */
export const this_cpu_ptr = <T extends FieldType>(p: PerCpu<T>): StaticOf<T> => p.on(my) as StaticOf<T>;
export { this_cpu_ptr as raw_cpu_ptr };

/** The copy of CPU number `cpu`, 0 to the number of CPUs - 1. */
export function per_cpu_ptr<T extends FieldType>(p: PerCpu<T>, cpu: number): StaticOf<T> {
  if (!Number.isInteger(cpu) || cpu < 0 || cpu >= ld(Mach.CPUS))
    throw new RangeError(`per_cpu_ptr: there is no CPU ${cpu}`);
  return p.on(percpu_base(cpu)) as StaticOf<T>;
}
export { per_cpu_ptr as per_cpu };

/** This CPU's copy, with preemption off until put_cpu_var(). */
export function get_cpu_var<T extends FieldType>(p: PerCpu<T>): StaticOf<T> {
  preempt_disable();
  return p.on(my) as StaticOf<T>;
}
export function put_cpu_var<T extends FieldType>(_p: PerCpu<T>): void {
  preempt_enable();
}
export { get_cpu_var as get_cpu_ptr, put_cpu_var as put_cpu_ptr };

/** A variable of a primitive type, and one of a struct (or array) with the name of a field. */
type Prim<V> = PerCpu<Scalar<V>>;
type In<T> = Key<ValueOf<T>>;
type Of<T, K> = Val<ValueOf<T>, K>;
type NumberOf<V> = V extends bigint ? bigint : number;

/** `this_cpu_read(hits)`, `this_cpu_read(stats, 'packets')`; the other operations take their values after that. */
export function this_cpu_read<V>(p: Prim<V>): V;
export function this_cpu_read<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K): Of<T, K>;
export function this_cpu_read(p: PerCpu<FieldType>, field?: unknown): unknown {
  poll();
  return load_plain(p.here(field, false));
}

export function this_cpu_write<V>(p: Prim<V>, value: V): void;
export function this_cpu_write<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, value: Of<T, K>): void;
export function this_cpu_write(p: PerCpu<FieldType>, x?: unknown, y?: unknown): unknown {
  poll();
  store_plain(p.here(x, true), p.primitive ? x : y);
  return undefined;
}

export function this_cpu_add<V>(p: Prim<V>, n: NumberOf<V>): void;
export function this_cpu_add<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, n: Num<ValueOf<T>, K>): void;
export function this_cpu_add(p: PerCpu<FieldType>, x?: unknown, y?: unknown): unknown {
  poll();
  add(p, x, p.primitive ? x : y);
  return undefined;
}

export function this_cpu_sub<V>(p: Prim<V>, n: NumberOf<V>): void;
export function this_cpu_sub<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, n: Num<ValueOf<T>, K>): void;
export function this_cpu_sub(p: PerCpu<FieldType>, x?: unknown, y?: unknown): unknown {
  poll();
  const n = p.primitive ? x : y;
  add(p, x, typeof n === 'bigint' ? -n : -(n as number));
  return undefined;
}

export function this_cpu_inc<V>(p: Prim<V>): void;
export function this_cpu_inc<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K): void;
export function this_cpu_inc(p: PerCpu<FieldType>, x?: unknown): unknown {
  poll();
  step_by(p, x, 1);
  return undefined;
}

export function this_cpu_dec<V>(p: Prim<V>): void;
export function this_cpu_dec<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K): void;
export function this_cpu_dec(p: PerCpu<FieldType>, x?: unknown): unknown {
  poll();
  step_by(p, x, -1);
  return undefined;
}

/** Return: the new value. */
export function this_cpu_add_return<V>(p: Prim<V>, n: NumberOf<V>): V;
export function this_cpu_add_return<T extends FieldType, K extends In<T>>(
  p: PerCpu<T>,
  field: K,
  n: Num<ValueOf<T>, K>,
): Of<T, K>;
export function this_cpu_add_return(p: PerCpu<FieldType>, x?: unknown, y?: unknown): unknown {
  poll();
  return add(p, x, p.primitive ? x : y);
}

/** Return: the new value. */
export function this_cpu_inc_return<V>(p: Prim<V>): V;
export function this_cpu_inc_return<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K): Of<T, K>;
export function this_cpu_inc_return(p: PerCpu<FieldType>, x?: unknown): unknown {
  poll();
  return step_by(p, x, 1);
}

/** Return: the old value. */
export function this_cpu_xchg<V>(p: Prim<V>, value: V): V;
export function this_cpu_xchg<T extends FieldType, K extends In<T>>(p: PerCpu<T>, field: K, value: Of<T, K>): Of<T, K>;
export function this_cpu_xchg(p: PerCpu<FieldType>, x?: unknown, y?: unknown): unknown {
  poll();
  const a = p.here(x, true);
  const old = load_plain(a);
  store_plain(a, p.primitive ? x : y);
  return old;
}

/** Stores `value` if the variable holds `old`. Return: what it held. */
export function this_cpu_cmpxchg<V>(p: Prim<V>, old: V, value: V): V;
export function this_cpu_cmpxchg<T extends FieldType, K extends In<T>>(
  p: PerCpu<T>,
  field: K,
  old: Of<T, K>,
  value: Of<T, K>,
): Of<T, K>;
export function this_cpu_cmpxchg(p: PerCpu<FieldType>, x?: unknown, y?: unknown, z?: unknown): unknown {
  poll();
  return cas(p.here(x, true), p.primitive ? x : y, p.primitive ? y : z);
}

function add(p: PerCpu<FieldType>, field: unknown, n: unknown): Value {
  const a = p.here(field, true);
  const v = wrap(sum(load_plain(a), n));
  store_plain(a, v);
  return v;
}
function step_by(p: PerCpu<FieldType>, field: unknown, n: number): Value {
  const a = p.here(field, true);
  const old = load_plain(a);
  const v = wrap(typeof old === 'bigint' ? old + BigInt(n) : Number(old) + n);
  store_plain(a, v);
  return v;
}
no_step(this_cpu_ptr, per_cpu_ptr);
