// Two locks, an interrupt and a task. The handler takes `queue_lock` only, and always has interrupts off; `stats_lock` is
// never taken in an interrupt, so plain spin_lock() looks right for it. But a path on another CPU takes queue_lock and
// then stats_lock: CPU 0 holds stats_lock when the interrupt comes and spins for queue_lock, which CPU 1 holds while it
// spins for stats_lock. Each lock alone is used correctly.
//
// How it comes about: the rule "is it taken in an interrupt? then irqsave" is applied lock by lock. What counts is the
// chain: a lock that is taken inside an irq-safe lock has to be irq-safe, too. lockdep calls it an irq lock inversion.
// The fix: spin_lock_irqsave() for stats_lock everywhere, or do not nest the locks.
import { WARN_ON } from 'lockstep/linux/bug';
import { init_irq_work, irq_work, irq_work_queue, irq_work_sync } from 'lockstep/linux/irq_work';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  spin_lock,
  spin_lock_init,
  spin_lock_irqsave,
  spin_unlock,
  spin_unlock_irqrestore,
  spinlock_t,
} from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

class nic extends Struct('nic', {
  queue_lock: spinlock_t,
  stats_lock: spinlock_t,
  rx_irq: irq_work,
  length: u32,
  dropped: u32,
}) {}
const dev = DEFINE_STATIC(nic);

/** Context: hardirq. A packet has arrived. */
export function nic_interrupt() {
  spin_lock(dev.queue_lock);
  dev.length++;
  spin_unlock(dev.queue_lock);
}

/** Empties the queue; what was in it counts as dropped. */
export function* flush() {
  const flags = spin_lock_irqsave(dev.queue_lock);
  spin_lock(dev.stats_lock);
  dev.dropped += dev.length;
  dev.length = 0;
  spin_unlock(dev.stats_lock);
  spin_unlock_irqrestore(dev.queue_lock, flags);
  return 0;
}

export function* clear_stats() {
  irq_work_queue(dev.rx_irq); // the hardware goes on meanwhile, and interrupts this CPU
  spin_lock(dev.stats_lock);
  dev.dropped = 0;
  spin_unlock(dev.stats_lock);
  return 0;
}

module_init(() => {
  spin_lock_init(dev.queue_lock);
  spin_lock_init(dev.stats_lock);
  init_irq_work(dev.rx_irq, nic_interrupt);
  kthread_run(flush, 0, 'flush');
  kthread_run(clear_stats, 0, 'clear_stats');
  return 0;
});
module_exit(() => {
  irq_work_sync(dev.rx_irq);
  WARN_ON(dev.length + dev.dropped > 1);
});
MODULE_LICENSE('GPL');
