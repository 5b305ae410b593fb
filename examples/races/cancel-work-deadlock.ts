// Waiting for a work item with its lock in hand. Suspend takes the device's mutex and cancels the work, which waits for
// the work's function if that is running; and the function wants the mutex.
//
// How it comes about: suspend "has to be exclusive", so the whole of it is put under the mutex. Nothing in the line that
// hangs, cancel_work_sync(), names the mutex.
// The fix: never wait for somebody under a lock that he needs: cancel first, then lock.
import { WARN_ON } from 'lockstep/linux/bug';
import { kthread_run } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { mutex, mutex_init, mutex_lock, mutex_unlock } from 'lockstep/linux/mutex';
import { bool, DEFINE_STATIC, Struct } from 'lockstep/linux/types';
import { cancel_work_sync, INIT_WORK, schedule_work, work_struct } from 'lockstep/linux/workqueue';

class codec extends Struct('codec', { lock: mutex, jack_work: work_struct, plugged: bool, powered: bool }) {}
const dev = DEFINE_STATIC(codec);

/** Something was plugged in. */
export function* jack_changed() {
  yield* mutex_lock(dev.lock);
  dev.plugged = dev.powered;
  mutex_unlock(dev.lock);
}

export function* suspend() {
  yield* mutex_lock(dev.lock);
  yield* cancel_work_sync(dev.jack_work);
  dev.powered = false;
  mutex_unlock(dev.lock);
  return 0;
}

module_init(() => {
  mutex_init(dev.lock);
  INIT_WORK(dev.jack_work, jack_changed);
  dev.powered = true;
  schedule_work(dev.jack_work);
  kthread_run(suspend, 0, 'suspend');
  return 0;
});
module_exit(() => {
  WARN_ON(dev.powered);
});
MODULE_LICENSE('GPL');
