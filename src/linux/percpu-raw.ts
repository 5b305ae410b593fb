// inline: what Linux inlines over the caller's data; in the stepped build every access here is a step.
// Of <linux/percpu-defs.h>: raw_cpu_*() and __this_cpu_*(), which may be interrupted between their read and their write.
// raw_cpu_*() may also be moved to another CPU then, and goes on with the first one's copy: for values that need not be
// exact. __this_cpu_*() is for callers that can't be moved (preemption off), and reports those that can; the variable is
// one that no interrupt handler changes. Arguments as in percpu-ops.ts.
import { check_preemption_disabled } from '../cpu/smp-processor-id.js';
import { percpu_load, percpu_store, raw_base } from './percpu-defs.js';
import { both } from './percpu-ops.js';
import type {
  AnyPerCpu,
  CompareExchange,
  Exchange,
  Modify,
  ModifyReturn,
  Read,
  Step,
  TryCompareExchange,
  Write,
} from './percpu-ops.js';

function read(p: AnyPerCpu, x?: unknown): unknown {
  return percpu_load(p, raw_base(), x);
}
function write(p: AnyPerCpu, x?: unknown, y?: unknown): void {
  percpu_store(p, raw_base(), x, p.primitive ? x : y);
}
function add(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  const base = raw_base();
  const n = p.primitive ? x : y;
  const old = percpu_load(p, base, x);
  return percpu_store(p, base, x, typeof old === 'bigint' ? old + (n as bigint) : Number(old) + (n as number));
}
function sub(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  const n = p.primitive ? x : y;
  const minus = typeof n === 'bigint' ? -n : -(n as number);
  return p.primitive ? add(p, minus) : add(p, x, minus);
}
function step_by(p: AnyPerCpu, x: unknown, n: number): unknown {
  const base = raw_base();
  const old = percpu_load(p, base, x);
  return percpu_store(p, base, x, typeof old === 'bigint' ? old + BigInt(n) : Number(old) + n);
}
function inc(p: AnyPerCpu, x?: unknown): unknown {
  return step_by(p, x, 1);
}
function dec(p: AnyPerCpu, x?: unknown): unknown {
  return step_by(p, x, -1);
}
function and(p: AnyPerCpu, x?: unknown, y?: unknown): void {
  const base = raw_base();
  const old = percpu_load(p, base, x);
  percpu_store(p, base, x, both(old, p.primitive ? x : y, true));
}
function or(p: AnyPerCpu, x?: unknown, y?: unknown): void {
  const base = raw_base();
  const old = percpu_load(p, base, x);
  percpu_store(p, base, x, both(old, p.primitive ? x : y, false));
}
function exchange(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  const base = raw_base();
  const old = percpu_load(p, base, x);
  percpu_store(p, base, x, p.primitive ? x : y);
  return old;
}
function compare_exchange(p: AnyPerCpu, x?: unknown, y?: unknown, z?: unknown): unknown {
  const base = raw_base();
  const old = percpu_load(p, base, x);
  if (old === (p.primitive ? x : y)) percpu_store(p, base, x, p.primitive ? y : z);
  return old;
}
function try_compare_exchange(p: AnyPerCpu, x?: unknown, y?: unknown, z?: unknown): boolean {
  const old = (p.primitive ? x : y) as { value: unknown };
  const wanted = old.value;
  const found = p.primitive ? compare_exchange(p, wanted, y) : compare_exchange(p, x, wanted, z);
  if (found === wanted) return true;
  old.value = found;
  return false;
}

export const raw_cpu_read = read as Read;
export const raw_cpu_write = write as Write;
export const raw_cpu_add = add as Modify;
export const raw_cpu_sub = sub as Modify;
export const raw_cpu_and = and as Modify;
export const raw_cpu_or = or as Modify;
export const raw_cpu_inc = inc as Step;
export const raw_cpu_dec = dec as Step;
export const raw_cpu_add_return = add as ModifyReturn;
export const raw_cpu_sub_return = sub as ModifyReturn;
export const raw_cpu_inc_return = inc as Read;
export const raw_cpu_dec_return = dec as Read;
export const raw_cpu_xchg = exchange as Exchange;
export const raw_cpu_cmpxchg = compare_exchange as CompareExchange;
export const raw_cpu_try_cmpxchg = try_compare_exchange as TryCompareExchange;

function checked_read(p: AnyPerCpu, x?: unknown): unknown {
  check_preemption_disabled('__this_cpu_read()');
  return read(p, x);
}
function checked_write(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_write()');
  return write(p, x, y);
}
function checked_add(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_add()');
  return add(p, x, y);
}
function checked_sub(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_sub()');
  return sub(p, x, y);
}
function checked_and(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_and()');
  return and(p, x, y);
}
function checked_or(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_or()');
  return or(p, x, y);
}
function checked_inc(p: AnyPerCpu, x?: unknown): unknown {
  check_preemption_disabled('__this_cpu_inc()');
  return inc(p, x);
}
function checked_dec(p: AnyPerCpu, x?: unknown): unknown {
  check_preemption_disabled('__this_cpu_dec()');
  return dec(p, x);
}
function checked_add_return(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_add_return()');
  return add(p, x, y);
}
function checked_sub_return(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_sub_return()');
  return sub(p, x, y);
}
function checked_inc_return(p: AnyPerCpu, x?: unknown): unknown {
  check_preemption_disabled('__this_cpu_inc_return()');
  return inc(p, x);
}
function checked_dec_return(p: AnyPerCpu, x?: unknown): unknown {
  check_preemption_disabled('__this_cpu_dec_return()');
  return dec(p, x);
}
function checked_xchg(p: AnyPerCpu, x?: unknown, y?: unknown): unknown {
  check_preemption_disabled('__this_cpu_xchg()');
  return exchange(p, x, y);
}
function checked_cmpxchg(p: AnyPerCpu, x?: unknown, y?: unknown, z?: unknown): unknown {
  check_preemption_disabled('__this_cpu_cmpxchg()');
  return compare_exchange(p, x, y, z);
}
function checked_try_cmpxchg(p: AnyPerCpu, x?: unknown, y?: unknown, z?: unknown): unknown {
  check_preemption_disabled('__this_cpu_try_cmpxchg()');
  return try_compare_exchange(p, x, y, z);
}

export const __this_cpu_read = checked_read as Read;
export const __this_cpu_write = checked_write as Write;
export const __this_cpu_add = checked_add as Modify;
export const __this_cpu_sub = checked_sub as Modify;
export const __this_cpu_and = checked_and as Modify;
export const __this_cpu_or = checked_or as Modify;
export const __this_cpu_inc = checked_inc as Step;
export const __this_cpu_dec = checked_dec as Step;
export const __this_cpu_add_return = checked_add_return as ModifyReturn;
export const __this_cpu_sub_return = checked_sub_return as ModifyReturn;
export const __this_cpu_inc_return = checked_inc_return as Read;
export const __this_cpu_dec_return = checked_dec_return as Read;
export const __this_cpu_xchg = checked_xchg as Exchange;
export const __this_cpu_cmpxchg = checked_cmpxchg as CompareExchange;
export const __this_cpu_try_cmpxchg = checked_try_cmpxchg as TryCompareExchange;
