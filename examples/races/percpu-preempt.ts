// Per-CPU data used with preemption on. Each CPU counts in a copy of its own, so that no lock is needed: as long as
// nobody else on the same CPU comes in between. The two queues of a disk have a thread each, bound to one CPU; one is
// preempted in the middle of `reads++`, the other counts, and its count is lost.
//
// How it comes about: binding the threads keeps each on its CPU, so CONFIG_DEBUG_PREEMPT has nothing to say about
// this_cpu_ptr(). But per-CPU data has to be protected from two things: from moving, and from being preempted.
// The fix: get_cpu_var() and put_cpu_var() around the use, or this_cpu_inc(), which is one operation.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr, this_cpu_ptr } from 'lockstep/linux/percpu';
import { Struct, u32 } from 'lockstep/linux/types';

const QUEUES = 2;
const REQUESTS = 2;
const CPU = 0; // where the disk's interrupts go

class disk_stats extends Struct('disk_stats', { reads: u32, sectors: u32 }) {}
const stats = DEFINE_PER_CPU(disk_stats);

function account_read(sectors: number): void {
  const here = this_cpu_ptr(stats);
  here.reads++;
  here.sectors += sectors;
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
