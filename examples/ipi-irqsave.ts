// An interrupt handler and tasks share data. `count_ipi` runs in interrupt context, on top of whatever its CPU was
// doing, so a task that holds the lock must have interrupts off: spin_lock_irqsave. With plain spin_lock the handler
// could interrupt the holder on its own CPU and spin for a lock that can never be released.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import {
  module_exit,
  module_init,
  module_param,
  MODULE_DESCRIPTION,
  MODULE_LICENSE,
  MODULE_PARM_DESC,
} from 'lockstep/linux/module';
import { pr_info } from 'lockstep/linux/printk';
import { num_online_cpus, smp_call_function_single } from 'lockstep/linux/smp';
import { spin_lock, spin_lock_irqsave, spin_unlock, spin_unlock_irqrestore, spinlock_t } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';

class counters extends Struct('counters', { lock: spinlock_t, by_ipi: u32, by_task: u32, all: u32 }) {}
const shared = DEFINE_STATIC(counters);

const rounds = DEFINE_STATIC(int, 5);
module_param(rounds, int, 0o444);
MODULE_PARM_DESC(rounds, 'interrupts sent, and increments of each counting thread');
const threads = DEFINE_STATIC(int, 2);
module_param(threads, int, 0o444);
MODULE_PARM_DESC(threads, 'counting threads');

/** Context: hardirq on the CPU that is called. Interrupts are off already, so plain spin_lock is enough. */
export function count_ipi() {
  spin_lock(shared.lock);
  shared.by_ipi++;
  shared.all++;
  spin_unlock(shared.lock);
}

export function* sender() {
  for (let i = 0; i < rounds.value; i++) smp_call_function_single(i % num_online_cpus(), count_ipi, 0, true);
  return 0;
}

export function* counter() {
  for (let i = 0; i < rounds.value; i++) {
    const flags = spin_lock_irqsave(shared.lock);
    shared.by_task++;
    shared.all++;
    spin_unlock_irqrestore(shared.lock, flags);
  }
  return 0;
}

module_init(() => {
  kthread_run(sender, 0, 'sender');
  for (let i = 0; i < threads.value; i++) kthread_run(counter, 0, 'counter/%d', i);
  return 0;
});

module_exit(() => {
  pr_info('ipi-irqsave: %u by interrupts, %u by tasks\n', shared.by_ipi, shared.by_task);
  WARN_ON(shared.by_ipi !== rounds.value);
  WARN_ON(shared.by_task !== threads.value * rounds.value);
  WARN_ON(shared.all !== shared.by_ipi + shared.by_task);
});

MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('An IPI handler and tasks under one spin lock');
