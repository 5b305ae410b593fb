// A timer that arms itself again a few times and then completes what a thread waits for. The timer's function runs in
// softirq context, where nothing may sleep; complete() may be called from anywhere.
import { WARN_ON } from 'lockstep/linux/bug';
import { complete, completion, wait_for_completion_timeout } from 'lockstep/linux/completion';
import { HZ, jiffies } from 'lockstep/linux/jiffies';
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
import { DEFINE_STATIC, int, Struct, u32 } from 'lockstep/linux/types';
import { from_timer, mod_timer, timer_delete_sync, timer_list, timer_setup } from 'lockstep/linux/timer';

class clock extends Struct('clock', { timer: timer_list, fired: u32, rung: completion, seen: u32 }) {}
const shared = DEFINE_STATIC(clock);

const times = DEFINE_STATIC(int, 3);
module_param(times, int, 0o444);
MODULE_PARM_DESC(times, 'how often the timer fires');

/** Context: softirq. Gets the timer's address; from_timer leads to the struct that it lies in. */
export function tick(timer: number) {
  const self = from_timer(timer, clock, 'timer');
  self.fired++;
  if (self.fired < times.value) mod_timer(self.timer, jiffies() + 1);
  else complete(self.rung);
}

export function* sleeper() {
  const left = yield* wait_for_completion_timeout(shared.rung, 60 * HZ);
  if (left > 0) shared.seen = shared.fired;
  return 0;
}

module_init(() => {
  timer_setup(shared.timer, tick, 0);
  kthread_run(sleeper, 0, 'sleeper');
  mod_timer(shared.timer, jiffies() + 1);
  return 0;
});

module_exit(() => {
  timer_delete_sync(shared.timer); // it must not fire in code that is gone
  pr_info('timer-completion: fired %u times, the sleeper saw %u\n', shared.fired, shared.seen);
  WARN_ON(shared.fired !== times.value || shared.seen !== shared.fired);
});

MODULE_LICENSE('GPL');
MODULE_DESCRIPTION('A timer and a completion');
