// Three kernel threads that each take a spin lock three times and increment a counter: what the explorer is measured on.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { spin_lock, spin_unlock, spinlock_t } from 'lockstep/linux/spinlock';
import { DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

class stats extends Struct('stats', { lock: spinlock_t, packets: u32 }) {}
const shared = DEFINE_STATIC(stats);

export function worker() {
  for (let i = 0; i < 3; i++) {
    spin_lock(shared.lock);
    shared.packets++;
    spin_unlock(shared.lock);
  }
  return 0;
}

module_init(() => {
  for (let i = 0; i < 3; i++) kthread_run(worker, 0, 'worker/%d', i);
  return 0;
});
module_exit(() => {
  WARN_ON(shared.packets !== 9);
});
MODULE_LICENSE('GPL');
