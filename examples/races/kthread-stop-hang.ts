// A thread that misses its stop. The thread looks whether it shall stop, says that it is about to sleep, and sleeps. When
// kthread_stop() comes between the look and the saying, its wake-up finds the thread awake and does nothing; the thread
// then sleeps for good, and rmmod with it.
//
// How it comes about: `while (!kthread_should_stop()) { set_current_state(TASK_INTERRUPTIBLE); schedule(); }` stands in
// hundreds of drivers, because the loop reads so naturally.
// The fix: set_current_state() before the look; or kthread_worker, or a wait queue whose condition includes
// kthread_should_stop().
import { complete, completion, init_completion, wait_for_completion } from 'lockstep/linux/completion';
import { kthread_run, kthread_should_stop, kthread_stop } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import { schedule, set_current_state, TASK_INTERRUPTIBLE } from 'lockstep/linux/sched';
import { DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class scrubber extends Struct('scrubber', { task: ptr('struct task_struct'), disabled: completion }) {}
const dev = DEFINE_STATIC(scrubber);

export function* scrub() {
  while (!kthread_should_stop()) {
    set_current_state(TASK_INTERRUPTIBLE);
    yield* schedule(); // until there is something to scrub
  }
  return 0;
}

/** Scrubbing is switched off: by a write to a file in sysfs. */
export function* disable() {
  yield* kthread_stop(dev.task);
  complete(dev.disabled);
  return 0;
}

module_init(() => {
  init_completion(dev.disabled);
  dev.task = kthread_run(scrub, 0, 'scrub');
  kthread_run(disable, 0, 'disable');
  return 0;
});
module_exit(function* () {
  yield* wait_for_completion(dev.disabled);
});
MODULE_LICENSE('GPL');
