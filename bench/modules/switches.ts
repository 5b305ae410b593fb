// Two kernel threads on one CPU that give way to each other: what a context switch takes.
import { kthread_create_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { IS_ERR } from 'lockstep/linux/err';
import { sched_clock, schedule, wake_up_process } from 'lockstep/linux/sched';
import { DEFINE_STATIC, int } from 'lockstep/linux/types';

const rounds = DEFINE_STATIC(int, 100000);
module_param(rounds, int, 0o444);

/** Thread 0 measures, several times over. */
export function* switcher(who: number) {
  const n = rounds.value;
  for (let run = 0; run < 8; run++) {
    const began = sched_clock();
    for (let i = 0; i < n; i++) yield* schedule();
    // Each turn of this thread is one of the other, too.
    if (who === 0) pr_info('bench: switch %d\n', Math.round(((sched_clock() - began) * 1000) / (2 * n)));
  }
  return 0;
}

module_init(() => {
  for (let i = 0; i < 2; i++) {
    const task = kthread_create_on_cpu(switcher, i, 0, 'switcher/%u');
    if (!IS_ERR(task)) wake_up_process(task);
  }
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
