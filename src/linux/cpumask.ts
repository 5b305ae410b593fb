// <linux/cpumask.h>: sets of CPUs. A mask is a `struct cpumask` in memory, 64 bits; single bits change atomically.
// Context: any.
import { preempt_disable, preempt_enable, preemptible } from '../cpu/preempt.js';
import {
  cpu_online,
  on_each_cpu_mask as each_raw,
  smp_call_function_many as many_raw,
  smp_call_function_single,
  type smp_call_func_t,
} from '../cpu/smp.js';
import { raw_smp_processor_id } from '../cpu/smp-processor-id.js';
import { WARN_ONCE } from '../kernel/panic.js';
import { ld, st } from '../cpu/raw.js';
import { Mach } from '../machine/memory-map.js';
import { MAX_CPUS } from '../machine/params.js';
import { clear_bit, set_bit, test_and_clear_bit, test_and_set_bit, test_bit } from './bitops.js';
import { array, Struct, ulong } from './types.js';

export const NR_CPUS = MAX_CPUS;
export class cpumask extends Struct('cpumask', { bits: array(ulong, MAX_CPUS / 32) }) {}

/** The CPUs of this machine; not to be changed. */
export const cpu_online_mask = cpumask.at(Mach.ONLINE_MASK);
export const cpu_possible_mask = cpu_online_mask;
export const cpu_present_mask = cpu_online_mask;

const low = (m: cpumask): number => ld(m['@addr']);
const high = (m: cpumask): number => ld(m['@addr'] + 4);
function put(m: cpumask, l: number, h: number): void {
  st(m['@addr'], l);
  st(m['@addr'] + 4, h);
}
const weight32 = (word: number): number => {
  let n = 0;
  for (let w = word; w !== 0; w &= w - 1) n++;
  return n;
};

export const cpumask_set_cpu = (cpu: number, mask: cpumask): void => set_bit(cpu, mask['@addr']);
export const cpumask_clear_cpu = (cpu: number, mask: cpumask): void => clear_bit(cpu, mask['@addr']);
export const cpumask_test_cpu = (cpu: number, mask: cpumask): boolean => test_bit(cpu, mask['@addr']);
export const cpumask_test_and_set_cpu = (cpu: number, mask: cpumask): boolean => test_and_set_bit(cpu, mask['@addr']);
export const cpumask_test_and_clear_cpu = (cpu: number, mask: cpumask): boolean =>
  test_and_clear_bit(cpu, mask['@addr']);
export const cpumask_clear = (mask: cpumask): void => put(mask, 0, 0);
export const cpumask_setall = (mask: cpumask): void => put(mask, -1, -1);
export const cpumask_copy = (to: cpumask, from: cpumask): void => put(to, low(from), high(from));
/** Return: true if the result is not empty, as in Linux. */
export function cpumask_and(to: cpumask, a: cpumask, b: cpumask): boolean {
  put(to, low(a) & low(b), high(a) & high(b));
  return (low(to) | high(to)) !== 0;
}
export const cpumask_or = (to: cpumask, a: cpumask, b: cpumask): void => put(to, low(a) | low(b), high(a) | high(b));
/** Return: true if the result is not empty. */
export function cpumask_andnot(to: cpumask, a: cpumask, b: cpumask): boolean {
  put(to, low(a) & ~low(b), high(a) & ~high(b));
  return (low(to) | high(to)) !== 0;
}
export const cpumask_intersects = (a: cpumask, b: cpumask): boolean => ((low(a) & low(b)) | (high(a) & high(b))) !== 0;
/** Return: true if every CPU of `a` is in `b`. */
export const cpumask_subset = (a: cpumask, b: cpumask): boolean => ((low(a) & ~low(b)) | (high(a) & ~high(b))) === 0;
export const cpumask_empty = (mask: cpumask): boolean => (low(mask) | high(mask)) === 0;
export const cpumask_equal = (a: cpumask, b: cpumask): boolean => low(a) === low(b) && high(a) === high(b);
export const cpumask_weight = (mask: cpumask): number => weight32(low(mask)) + weight32(high(mask));
/** The first CPU after `cpu` in the mask; NR_CPUS (at least nr_cpu_ids) if there is none. -1 begins. */
export function cpumask_next(cpu: number, mask: cpumask): number {
  for (let c = cpu + 1; c < NR_CPUS; c++) if (((c < 32 ? low(mask) : high(mask)) >>> (c & 31)) & 1) return c;
  return NR_CPUS;
}
export const cpumask_first = (mask: cpumask): number => cpumask_next(-1, mask);

/** For `for (const cpu of for_each_cpu(mask))`: the CPUs as they are in the mask now. */
export function for_each_cpu(mask: cpumask): number[] {
  const found: number[] = [];
  for (let c = cpumask_first(mask); c < NR_CPUS; c = cpumask_next(c, mask)) found.push(c);
  return found;
}
export const for_each_online_cpu = (): number[] => for_each_cpu(cpu_online_mask);
export const for_each_possible_cpu = for_each_online_cpu;

/** Runs `func(info)` on the other CPUs of the mask. Context: task, interrupts on, preemption off. */
export const smp_call_function_many = (
  mask: cpumask,
  func: smp_call_func_t,
  info: number,
  wait: boolean | number,
): void => {
  WARN_ONCE(preemptible(), 'smp_call_function_many with preemption on: which CPU is left out may change meanwhile');
  many_raw(mask['@addr'], func, info, wait);
};
/** Runs `func(info)` on every CPU of the mask. Context: task, interrupts on. */
export const on_each_cpu_mask = (mask: cpumask, func: smp_call_func_t, info: number, wait: boolean | number): void =>
  each_raw(mask['@addr'], func, info, wait);

/**
 * Runs `func(info)` on one CPU of the mask: this one if it is in it, else the first. Context: task, interrupts on.
 * Return: 0, -ENXIO if no CPU of the mask is there.
 */
export function smp_call_function_any(
  mask: cpumask,
  func: smp_call_func_t,
  info: number,
  wait: boolean | number,
): number {
  preempt_disable();
  const target = cpumask_test_cpu(raw_smp_processor_id(), mask) ? raw_smp_processor_id() : cpumask_first(mask);
  const result = smp_call_function_single(target, func, info, wait);
  preempt_enable();
  return result;
}
/**
 * Asks `cond(cpu, info)`, here and with preemption off, for each CPU of the mask, and runs `func(info)` on those for which
 * it is true. Context: task, interrupts on. `cond` must not sleep.
 */
export function on_each_cpu_cond_mask(
  cond: (cpu: number, info: number) => unknown,
  func: smp_call_func_t,
  info: number,
  wait: boolean | number,
  mask: cpumask,
): void {
  const chosen: number[] = [];
  preempt_disable();
  for (const c of for_each_cpu(mask)) if (cpu_online(c) && cond(c, info)) chosen.push(c);
  for (const c of chosen) smp_call_function_single(c, func, info, wait);
  preempt_enable();
}
/** on_each_cpu_cond_mask over all CPUs. */
export function on_each_cpu_cond(
  cond: (cpu: number, info: number) => unknown,
  func: smp_call_func_t,
  info: number,
  wait: boolean | number,
): void {
  on_each_cpu_cond_mask(cond, func, info, wait, cpu_online_mask);
}
