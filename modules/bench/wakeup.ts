// From wake_up_process to the woken thread running, on the waker's CPU and on another one.
import { IS_ERR } from 'lockstep/linux/err';
import { kthread_create_on_cpu, kthread_should_stop, kthread_stop } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import {
  get_task_struct,
  put_task_struct,
  sched_clock,
  schedule,
  set_current_state,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
  wake_up_process,
  __set_current_state,
} from 'lockstep/linux/sched';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { num_online_cpus } from 'lockstep/linux/smp';
import { DEFINE_STATIC, f64, int, ptr, Struct, u32 } from 'lockstep/linux/types';

/** 1: the woken thread is on another CPU. */
const other = DEFINE_STATIC(int, 0);
module_param(other, int, 0o444);
const rounds = DEFINE_STATIC(int, 2000);
module_param(rounds, int, 0o444);

class state extends Struct('state', { asked: u32, served: u32, waker: ptr(), woken: ptr(), at: f64, sum: f64 }) {}
const shared = DEFINE_STATIC(state);

export function* woken() {
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (kthread_should_stop()) break;
    if (READ_ONCE(shared, 'asked') === shared.served) {
      yield* schedule();
      continue;
    }
    __set_current_state(TASK_RUNNING);
    // The first ones warm the code.
    if (shared.served >= rounds.value) shared.sum += sched_clock() - shared.at;
    WRITE_ONCE(shared, 'served', shared.served + 1);
    wake_up_process(shared.waker);
  }
  __set_current_state(TASK_RUNNING);
  return 0;
}
export function* waker() {
  for (let i = 1; i <= 2 * rounds.value; i++) {
    shared.at = sched_clock();
    WRITE_ONCE(shared, 'asked', i);
    wake_up_process(shared.woken);
    for (;;) {
      set_current_state(TASK_INTERRUPTIBLE);
      if (READ_ONCE(shared, 'served') === i) break;
      yield* schedule();
    }
    __set_current_state(TASK_RUNNING);
  }
  pr_info('bench: wakeup %d\n', Math.round(shared.sum / rounds.value));
  return 0;
}

module_init(() => {
  const task = kthread_create_on_cpu(woken, 0, other.value !== 0 ? 1 % num_online_cpus() : 0, 'woken/%u');
  if (IS_ERR(task)) return task as number;
  get_task_struct(task);
  shared.woken = task;
  const asker = kthread_create_on_cpu(waker, 0, 0, 'waker/%u');
  if (IS_ERR(asker)) return asker as number;
  get_task_struct(asker);
  shared.waker = asker;
  wake_up_process(task);
  wake_up_process(asker);
  return 0;
});
module_exit(function* () {
  yield* kthread_stop(shared.woken);
  put_task_struct(shared.woken);
  put_task_struct(shared.waker);
});
MODULE_LICENSE('GPL');
