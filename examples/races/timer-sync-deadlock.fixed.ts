// timer-sync-deadlock.ts made right: the lock is free when the function is waited for, which finds `active` clear.
import { jiffies } from 'lockstep/linux/jiffies';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  spin_lock_bh,
  spin_lock_init,
  spin_lock,
  spin_unlock,
  spin_unlock_bh,
  spinlock_t,
} from 'lockstep/linux/spinlock';
import { mod_timer, timer_delete_sync, timer_list, timer_setup } from 'lockstep/linux/timer';
import { bool, DEFINE_STATIC, Struct, u32 } from 'lockstep/linux/types';

class link extends Struct('link', { lock: spinlock_t, timeout: timer_list, active: bool, timeouts: u32 }) {}
const dev = DEFINE_STATIC(link);

/** Context: softirq. */
export function link_timeout() {
  spin_lock(dev.lock);
  if (dev.active) dev.timeouts++;
  spin_unlock(dev.lock);
}

export function* stop() {
  spin_lock_bh(dev.lock);
  dev.active = false;
  spin_unlock_bh(dev.lock);
  timer_delete_sync(dev.timeout);
  return 0;
}

module_init(() => {
  spin_lock_init(dev.lock);
  timer_setup(dev.timeout, link_timeout, 0);
  dev.active = true;
  mod_timer(dev.timeout, jiffies() + 1);
  kthread_run(stop, 0, 'stop');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
