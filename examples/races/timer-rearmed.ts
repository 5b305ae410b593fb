// A timer that is armed again behind the back of removal. The time-out handler is a timer that queues work, and the work
// arms the timer again. remove() stops the timer, then the work: but the work, running at that moment, has armed the
// timer once more, and it fires when the device is gone.
//
// How it comes about: each of the two is cancelled by the right function, with _sync. But they feed each other, so there
// is no right order.
// The fix: timer_shutdown_sync(), after which arming does nothing (made for this, in Linux 6.2); or a flag "going away"
// that both look at.
import { jiffies } from 'lockstep/linux/jiffies';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { mod_timer, timer_delete_sync, timer_list, timer_setup } from 'lockstep/linux/timer';
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
  timer_delete_sync(dev.watchdog);
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
