// percpu-preempt.ts made right: preemption is off from finding this CPU's copy to the last use of it.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, get_cpu_var, per_cpu_ptr, put_cpu_var } from 'lockstep/linux/percpu';
import { Struct, u32 } from 'lockstep/linux/types';

const QUEUES = 2;
const REQUESTS = 2;
const CPU = 0; // where the disk's interrupts go

class disk_stats extends Struct('disk_stats', { reads: u32, sectors: u32 }) {}
const stats = DEFINE_PER_CPU(disk_stats);

function account_read(sectors: number): void {
  const here = get_cpu_var(stats);
  here.reads++;
  here.sectors += sectors;
  put_cpu_var(stats);
}

export function* queue() {
  for (let i = 0; i < REQUESTS; i++) account_read(8);
  return 0;
}

module_init(() => {
  for (let i = 0; i < QUEUES; i++) kthread_run_on_cpu(queue, 0, CPU, 'queue/%u');
  return 0;
});
module_exit(() => {
  const { reads, sectors } = per_cpu_ptr(stats, CPU);
  WARN_ON(reads !== QUEUES * REQUESTS || sectors !== 8 * reads);
});
MODULE_LICENSE('GPL');
