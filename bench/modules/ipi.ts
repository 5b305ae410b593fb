// Round trips of a called function from CPU 0 to CPU 1: while it runs a task, and while it idles.
import { IS_ERR } from 'lockstep/linux/err';
import { kthread_create_on_cpu } from 'lockstep/linux/kthread';
import { module_exit, module_init, module_param, MODULE_LICENSE } from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { READ_ONCE, WRITE_ONCE } from 'lockstep/linux/compiler';
import { cond_resched, sched_clock, wake_up_process } from 'lockstep/linux/sched';
import { smp_call_function_single } from 'lockstep/linux/smp';
import { ndelay } from 'lockstep/linux/delay';
import { DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';

class state extends Struct('state', { stop: u32, busy: u32 }) {}
const shared = DEFINE_STATIC(state);
const rounds = DEFINE_STATIC(int, 2000);
module_param(rounds, int, 0o444);

export function nothing(_info: number) {}

export function* busy(_data: number) {
  WRITE_ONCE(shared, 'busy', 1);
  while (READ_ONCE(shared, 'stop') === 0) {
    for (let i = 0; i < 1000; i++) if (READ_ONCE(shared, 'stop') !== 0) break;
    yield* cond_resched();
  }
  return 0;
}

/** 1: the other CPU runs `busy`; 0: it idles, and is given time to fall asleep before each call. */
function measure(is_busy: number) {
  const n = is_busy ? rounds.value : rounds.value / 10;
  for (let i = 0; i < n; i++) {
    if (!is_busy) ndelay(50_000);
    const began = sched_clock();
    smp_call_function_single(1, nothing, 0, true);
    const took = Math.round(sched_clock() - began);
    if (i >= n / 10) pr_info('bench: ipi %d %d\n', is_busy, took);
  }
}

export function* sender(_data: number) {
  measure(0);
  const task = kthread_create_on_cpu(busy, 0, 1, 'busy/%u');
  if (IS_ERR(task)) return -12;
  wake_up_process(task);
  while (READ_ONCE(shared, 'busy') === 0) yield* cond_resched();
  measure(1);
  WRITE_ONCE(shared, 'stop', 1);
  return 0;
}

module_init(() => {
  const task = kthread_create_on_cpu(sender, 0, 0, 'sender/%u');
  if (!IS_ERR(task)) wake_up_process(task);
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
