// exclusive-open.ts made right: test_and_set_bit() looks and sets in one operation, so one process sees it clear.
import { atomic_dec, atomic_inc_return, atomic_t } from 'lockstep/linux/atomic';
import { clear_bit, test_and_set_bit, test_bit } from 'lockstep/linux/bitops';
import { WARN_ON } from 'lockstep/linux/bug';
import { EBUSY } from 'lockstep/linux/errno';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { DEFINE_STATIC, Struct, ulong } from 'lockstep/linux/types';

const WDOG_OPEN = 0; // a bit of flags

class watchdog extends Struct('watchdog', { flags: ulong, users: atomic_t }) {}
const dev = DEFINE_STATIC(watchdog);

function watchdog_open(): number {
  return test_and_set_bit(WDOG_OPEN, dev, 'flags') ? -EBUSY : 0;
}
function watchdog_release(): void {
  clear_bit(WDOG_OPEN, dev, 'flags');
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
  WARN_ON(test_bit(WDOG_OPEN, dev, 'flags'));
});
MODULE_LICENSE('GPL');
