// Threads, one on each CPU, that take one spin lock for a critical section of given length: throughput and fairness.
import { IS_ERR } from 'lockstep/linux/err';
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_create_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { cond_resched, sched_clock, wake_up_process } from 'lockstep/linux/sched';
import { num_online_cpus } from 'lockstep/linux/smp';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';

class contended extends Struct('contended', { lock: spinlock_t, count: u32 }) {}
const shared = DEFINE_STATIC(contended);
const total = DEFINE_STATIC(contended);

/** Turns of the busy loop in the section and outside it; milliseconds to run. */
const inside = DEFINE_STATIC(int, 100);
module_param(inside, int, 0o444);
const outside = DEFINE_STATIC(int, 10);
module_param(outside, int, 0o444);
const ms = DEFINE_STATIC(int, 300);
module_param(ms, int, 0o444);
const threads = DEFINE_STATIC(int, 0);
module_param(threads, int, 0o444);

function work(turns: number, x: number) {
  let v = x;
  for (let i = 0; i < turns; i++) v = (v * 31 + i) | 0;
  return v;
}

export function* hammer(cpu: number) {
  const n = inside.value;
  const m = outside.value;
  const end = sched_clock() + ms.value * 1e6;
  let done = 0;
  let worst = 0;
  let x = cpu;
  while (sched_clock() < end) {
    for (let i = 0; i < 50; i++) {
      const asked = sched_clock();
      spin_lock(shared.lock);
      const waited = sched_clock() - asked;
      x = work(n, x);
      shared.count++;
      spin_unlock(shared.lock);
      if (waited > worst) worst = waited;
      x = work(m, x);
      done++;
    }
    yield* cond_resched();
  }
  spin_lock(total.lock);
  total.count += done;
  spin_unlock(total.lock);
  pr_info('bench: hammer %d %d %d\n', done, Math.round(worst / 1000), x & 1);
  return 0;
}

module_init(() => {
  const n = threads.value === 0 ? num_online_cpus() : threads.value;
  for (let i = 0; i < n; i++) {
    const task = kthread_create_on_cpu(hammer, i, i, 'hammer/%u');
    if (!IS_ERR(task)) wake_up_process(task);
  }
  return 0;
});
module_exit(() => {
  WARN_ON(total.count !== shared.count);
});
MODULE_LICENSE('GPL');
