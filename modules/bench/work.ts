// From queue_work to the work function running, on the same CPU.
import { completion, complete, wait_for_completion } from 'lockstep/linux/completion';
import { IS_ERR } from 'lockstep/linux/err';
import { kthread_create_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { sched_clock, wake_up_process } from 'lockstep/linux/sched';
import { DEFINE_STATIC, f64, int, Struct } from 'lockstep/linux/types';
import { cancel_work_sync, INIT_WORK, queue_work, system_wq, work_struct } from 'lockstep/linux/workqueue';

class state extends Struct('state', { work: work_struct, done: completion, at: f64, took: f64 }) {}
const shared = DEFINE_STATIC(state);
const rounds = DEFINE_STATIC(int, 2000);
module_param(rounds, int, 0o444);

export function run(_work: number) {
  shared.took = sched_clock() - shared.at;
  complete(shared.done);
}
export function* asker() {
  let sum = 0;
  for (let i = 0; i < 2 * rounds.value; i++) {
    shared.at = sched_clock();
    queue_work(system_wq, shared.work);
    yield* wait_for_completion(shared.done);
    if (i >= rounds.value) sum += shared.took; // the first ones warm the code
  }
  pr_info('bench: work %d\n', Math.round(sum / rounds.value));
  return 0;
}

module_init(() => {
  INIT_WORK(shared.work, run);
  const task = kthread_create_on_cpu(asker, 0, 0, 'asker/%u');
  if (IS_ERR(task)) return task as number;
  wake_up_process(task);
  return 0;
});
module_exit(function* () {
  yield* cancel_work_sync(shared.work);
});
MODULE_LICENSE('GPL');
