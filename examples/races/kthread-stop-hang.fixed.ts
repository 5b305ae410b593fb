// kthread-stop-hang.ts made right: first the state, then the look. A stop in between puts the state back.
import { complete, completion, init_completion, wait_for_completion } from 'lockstep/linux/completion';
import { kthread_run, kthread_should_stop, kthread_stop } from 'lockstep/linux/kthread';
import { module_exit, module_init, MODULE_LICENSE } from 'lockstep/linux/module';
import {
  __set_current_state,
  schedule,
  set_current_state,
  TASK_INTERRUPTIBLE,
  TASK_RUNNING,
} from 'lockstep/linux/sched';
import { DEFINE_STATIC, ptr, Struct } from 'lockstep/linux/types';

class scrubber extends Struct('scrubber', { task: ptr('struct task_struct'), disabled: completion }) {}
const dev = DEFINE_STATIC(scrubber);

export function* scrub() {
  for (;;) {
    set_current_state(TASK_INTERRUPTIBLE);
    if (kthread_should_stop()) break;
    yield* schedule(); // until there is something to scrub
  }
  __set_current_state(TASK_RUNNING);
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
