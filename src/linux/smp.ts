// <linux/smp.h>: CPU numbers and calling functions on other CPUs. See cpu/smp.ts.
export {
  cpu_online,
  get_cpu,
  num_online_cpus,
  num_possible_cpus,
  nr_cpu_ids,
  on_each_cpu,
  put_cpu,
  raw_smp_processor_id,
  smp_call_function,
  smp_call_function_single,
  smp_processor_id,
  smp_send_reschedule,
} from '../cpu/smp.js';
export {
  on_each_cpu_cond,
  on_each_cpu_cond_mask,
  on_each_cpu_mask,
  smp_call_function_any,
  smp_call_function_many,
} from './cpumask.js';
