// timer-rearmed.ts made right: after timer_shutdown_sync() nobody can arm the timer any more.
import { jiffies } from 'lockstep/linux/jiffies';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { mod_timer, timer_list, timer_setup, timer_shutdown_sync } from 'lockstep/linux/timer';
import { DEFINE_STATIC, Struct } from 'lockstep/linux/types';
import { cancel_work_sync, INIT_WORK, schedule_work, work_struct } from 'lockstep/linux/workqueue';

class modem extends Struct('modem', { watchdog: timer_list, reset: work_struct }) {}
const dev = DEFINE_STATIC(modem);

/** Context: softirq. The modem has not answered for too long. */
export function watchdog_expired() {
  schedule_work(dev.reset);
}
/** Resets the modem and watches it again. */
export function reset_modem() {
  mod_timer(dev.watchdog, jiffies() + 1000);
}

export function* remove() {
  timer_shutdown_sync(dev.watchdog);
  yield* cancel_work_sync(dev.reset);
  return 0;
}

module_init(() => {
  INIT_WORK(dev.reset, reset_modem);
  timer_setup(dev.watchdog, watchdog_expired, 0);
  mod_timer(dev.watchdog, jiffies() + 1);
  kthread_run(remove, 0, 'remove');
  return 0;
});
module_exit(() => {});
MODULE_LICENSE('GPL');
