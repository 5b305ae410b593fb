// <linux/smp.h>: CPU numbers and calling functions on other CPUs. See cpu/smp.ts.
import { atomic_text_handle } from '../kernel/text.js';
import { smp_call_function_single_async_raw, type smp_call_func_t } from '../cpu/smp.js';
import { DEFINE_STATIC, fn, ptr, Struct, u32 } from './types.js';

export {
  cpu_online,
  get_cpu,
  num_online_cpus,
  num_possible_cpus,
  nr_cpu_ids,
  on_each_cpu,
  put_cpu,
  smp_call_function,
  smp_call_function_single,
  smp_send_reschedule,
} from '../cpu/smp.js';
export type { smp_call_func_t } from '../cpu/smp.js';
export { raw_smp_processor_id, smp_processor_id } from '../cpu/smp-processor-id.js';
export {
  on_each_cpu_cond,
  on_each_cpu_cond_mask,
  on_each_cpu_mask,
  smp_call_function_any,
  smp_call_function_many,
} from './cpumask.js';

/** A call that is on its way to another CPU. `func` and `info` are Linux's; the others are the queue's. */
export class call_single_data_t extends Struct('call_single_data_t', {
  next: ptr(),
  flags: u32,
  func: fn,
  info: u32,
}) {}
/** Static data: a call of the (exported) function. */
export const DEFINE_CSD = (func: smp_call_func_t, info: number): call_single_data_t =>
  DEFINE_STATIC(call_single_data_t, { func, info });
/** Sets a csd up; it must not be queued. Context: any. */
export function INIT_CSD(csd: call_single_data_t, func: smp_call_func_t, info: number): void {
  csd.flags = 0;
  csd.func = atomic_text_handle(func, 'a function called on another CPU');
  csd.info = info;
}
/**
 * Runs csd.func(csd.info) on CPU `target` in interrupt context without waiting for it; on this CPU at once. The csd can be
 * queued again from its function on, and must stay until then. Context: any, also with interrupts off.
 * Return: 0; -EBUSY if it is still queued; -ENXIO if there is no such CPU.
 */
export const smp_call_function_single_async = (target: number, csd: call_single_data_t): number =>
  smp_call_function_single_async_raw(target, csd['@addr']);
