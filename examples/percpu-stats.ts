// Statistics without a lock: every CPU counts in its own copy, and only a reader adds the copies up. this_cpu_inc() is
// one operation that nothing on the same CPU can interrupt, so a thread that moves to another CPU, and an interrupt
// handler that counts too, lose nothing.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run, kthread_run_on_cpu } from 'lockstep/linux/kthread';
import {
  module_exit,
  module_init,
  module_param,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  MODULE_PARM_DESC,
} from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr, this_cpu_add, this_cpu_inc } from 'lockstep/linux/percpu';
import { pr_info } from 'lockstep/linux/printk';
import { num_online_cpus } from 'lockstep/linux/smp';
import { DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';

class stats extends Struct('stats', { packets: u32, bytes: u32 }) {}
const per_cpu_stats = DEFINE_PER_CPU(stats);

const packets = DEFINE_STATIC(int, 5);
module_param(packets, int, 0o444);
MODULE_PARM_DESC(packets, 'packets that each thread counts');

export function* receiver(length: number) {
  for (let i = 0; i < packets.value; i++) {
    this_cpu_inc(per_cpu_stats, 'packets');
    this_cpu_add(per_cpu_stats, 'bytes', length);
  }
  return 0;
}

module_init(() => {
  // One bound to each CPU, and as many that may run anywhere.
  for (let cpu = 0; cpu < num_online_cpus(); cpu++) {
    kthread_run_on_cpu(receiver, 60, cpu, 'receiver/%u');
    kthread_run(receiver, 1500, 'roaming/%d', cpu);
  }
  return 0;
});

module_exit(() => {
  let all_packets = 0;
  let all_bytes = 0;
  for (let cpu = 0; cpu < num_online_cpus(); cpu++) {
    const stats_of_cpu = per_cpu_ptr(per_cpu_stats, cpu);
    all_packets += stats_of_cpu.packets;
    all_bytes += stats_of_cpu.bytes;
  }
  pr_info('percpu-stats: %u packets, %u bytes on %u CPUs\n', all_packets, all_bytes, num_online_cpus());
  WARN_ON(all_packets !== 2 * num_online_cpus() * packets.value);
  WARN_ON(all_bytes !== num_online_cpus() * packets.value * (60 + 1500));
});

MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('Per-CPU counters');
