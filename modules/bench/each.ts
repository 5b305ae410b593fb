// One thread on each CPU that does one small thing over and over, for a given time: what it costs, and how it scales.
import { IS_ERR } from 'lockstep/linux/err';
import { kthread_create_on_cpu } from 'lockstep/linux/kthread';
import { jiffies } from 'lockstep/linux/jiffies';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_PER_CPU, per_cpu_ptr } from 'lockstep/linux/percpu';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched, sched_clock, wake_up_process } from 'lockstep/linux/sched';
import { GFP_KERNEL, kfree, kmalloc } from 'lockstep/linux/slab';
import { num_online_cpus } from 'lockstep/linux/smp';
import { del_timer, mod_timer, timer_list, timer_setup } from 'lockstep/linux/timer';
import { DEFINE_STATIC, int } from 'lockstep/linux/types';

/** 0 kmalloc(64) and kfree, 1 mod_timer and del_timer. */
const what = DEFINE_STATIC(int, 0);
module_param(what, int, 0o444);
const ms = DEFINE_STATIC(int, 100);
module_param(ms, int, 0o444);
const timers = DEFINE_PER_CPU(timer_list);

const BATCH = 64;
export function expired() {}
function batch(cpu: number): void {
  const timer = per_cpu_ptr(timers, cpu);
  if (what.value === 0) for (let i = 0; i < BATCH; i++) kfree(kmalloc(64, GFP_KERNEL));
  else
    for (let i = 0; i < BATCH; i++) {
      mod_timer(timer, jiffies() + 1000);
      del_timer(timer);
    }
}
export function* worker(cpu: number) {
  timer_setup(per_cpu_ptr(timers, cpu), expired, 0);
  for (const warm = sched_clock() + 50e6; sched_clock() < warm; batch(cpu)) yield* cond_resched();
  // The time is the thread's own: what it did, over how long it took.
  const began = sched_clock();
  const end = began + ms.value * 1e6;
  let done = 0;
  let now = began;
  for (; now < end; now = sched_clock()) {
    batch(cpu);
    done += BATCH;
    yield* cond_resched();
  }
  pr_info('bench: done %d %d\n', done, Math.round((now - began) / 1000));
  return 0;
}

module_init(() => {
  for (let i = 0; i < num_online_cpus(); i++) {
    const task = kthread_create_on_cpu(worker, i, i, 'worker/%u');
    if (!IS_ERR(task)) wake_up_process(task);
  }
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
