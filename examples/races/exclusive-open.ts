// Check, then act. A device that only one process may use at a time: open() looks at a flag and then sets it. Two
// processes that open the device at the same moment both see the flag clear, and both get in.
//
// How it comes about: the check reads like a sentence ("if it is busy, refuse"), and the gap between reading and setting
// cannot be seen on the page. The big kernel lock once closed it; when that went, so did the exclusion.
// The fix: look and set in one operation: test_and_set_bit(), atomic_cmpxchg(), or a mutex around both.
import { atomic_dec, atomic_inc_return, atomic_t } from 'lockstep/linux/atomic';
import { WARN_ON } from 'lockstep/linux/bug';
import { EBUSY } from 'lockstep/linux/errno';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { bool, DEFINE_STATIC, Struct } from 'lockstep/linux/types';

class watchdog extends Struct('watchdog', { is_open: bool, users: atomic_t }) {}
const dev = DEFINE_STATIC(watchdog);

function watchdog_open(): number {
  if (dev.is_open) return -EBUSY;
  dev.is_open = true;
  return 0;
}
function watchdog_release(): void {
  dev.is_open = false;
}

export function* process() {
  if (watchdog_open() !== 0) return 0;
  WARN_ON(atomic_inc_return(dev.users) !== 1); // alone?
  atomic_dec(dev.users);
  watchdog_release();
  return 0;
}

module_init(() => {
  for (let i = 0; i < 2; i++) kthread_run(process, 0, 'process/%d', i);
  return 0;
});
module_exit(() => {
  WARN_ON(dev.is_open);
});
MODULE_LICENSE('GPL');
